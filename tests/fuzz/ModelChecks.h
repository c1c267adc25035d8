// SPDX-License-Identifier: Apache-2.0
// What everything behind the readers of models relies on.

#ifndef HEDDLE_TESTS_FUZZ_MODELCHECKS_H
#define HEDDLE_TESTS_FUZZ_MODELCHECKS_H

#include "frontend/Model.h"
#include "tests/fuzz/Folder.h"

namespace heddle::fuzz {

/// Whether a definition's parameters may be listed within the memory of one input.
bool isSmall(const frontend::proto::ModelDef &definition);

/// Loads the model at `path` among `files`, and gives it a tokenizer of 256 ids where it asks for
/// one. An accepted model has distinct parameters of possible sizes, and a definition that reads
/// back as it was printed.
void loadAndCheck(const Folder &files, const std::string &path,
                  const frontend::ModelOverrides &overrides = {});

/// The same for a folder model/ with a config.json, unless it says a model that is not small.
void loadAndCheckConfig(const Folder &files, const frontend::ModelOverrides &overrides = {});

} // namespace heddle::fuzz

#endif // HEDDLE_TESTS_FUZZ_MODELCHECKS_H
