// SPDX-License-Identifier: Apache-2.0
// A short training run of the fake model whose file calls can be made to fail.

#ifndef HEDDLE_TESTS_RUNTIME_SMALLTRAINING_H
#define HEDDLE_TESTS_RUNTIME_SMALLTRAINING_H

#include <string>

#include "runtime/base/Status.h"

namespace heddle::runtime {
class FileLayer;
class Session;
} // namespace heddle::runtime

namespace heddle::test {

inline constexpr uint64_t kSmallSteps = 6;

/// Six steps with a checkpoint every two and a log in `out`.jsonl, resumed if there is something to
/// resume. `begun`: whether the loop was reached.
Status trainSmall(runtime::FileLayer &layer, runtime::Session &session, const std::string &out,
                  bool &begun);

/// All that a run leaves, as one text to compare: the files of its newest checkpoint and its log
/// without what is measured.
std::string trainingResult(runtime::FileLayer &layer, const std::string &out);

} // namespace heddle::test

#endif // HEDDLE_TESTS_RUNTIME_SMALLTRAINING_H
