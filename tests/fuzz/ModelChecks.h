// SPDX-License-Identifier: Apache-2.0
// What everything behind the readers of models relies on.

#ifndef HEDDLE_TESTS_FUZZ_MODELCHECKS_H
#define HEDDLE_TESTS_FUZZ_MODELCHECKS_H

#include "frontend/Model.h"
#include "tests/fuzz/Folder.h"

namespace heddle::fuzz {

/// Loads the model at `path` among `files`, and gives it a tokenizer of 256 ids where it asks for
/// one. An accepted model has distinct parameters of possible sizes, and a definition that reads
/// back as it was printed.
void loadAndCheck(const Folder &files, const std::string &path,
                  const frontend::ModelOverrides &overrides = {});

} // namespace heddle::fuzz

#endif // HEDDLE_TESTS_FUZZ_MODELCHECKS_H
