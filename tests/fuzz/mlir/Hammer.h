// SPDX-License-Identifier: Apache-2.0
// Everything that may happen to IR text in our tools.

#ifndef HEDDLE_TESTS_FUZZ_MLIR_HAMMER_H
#define HEDDLE_TESTS_FUZZ_MLIR_HAMMER_H

#include <string>

namespace heddle::fuzz {

/// As `heddle compile` takes it: parsed, verified, through all stages, and through code generation
/// where it is small. Fails (abort) when bad input is not called so.
void compileText(const std::string &text);

/// As heddle-opt takes it: every pass of ours by itself, on the text as it is.
void runEachPass(const std::string &text);

} // namespace heddle::fuzz

#endif // HEDDLE_TESTS_FUZZ_MLIR_HAMMER_H
