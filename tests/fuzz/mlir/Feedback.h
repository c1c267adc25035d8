// SPDX-License-Identifier: Apache-2.0
// What tells libFuzzer that an input did something new, in place of instrumented code: the errors
// that it was refused with, the stages that it came through, the kernels that it became.

#ifndef HEDDLE_TESTS_FUZZ_MLIR_FEEDBACK_H
#define HEDDLE_TESTS_FUZZ_MLIR_FEEDBACK_H

#include <string>

namespace heddle::fuzz {

/// Counts `event`; numbers and quoted names in it do not make it another.
void sawEvent(const std::string &event);

} // namespace heddle::fuzz

#endif // HEDDLE_TESTS_FUZZ_MLIR_FEEDBACK_H
