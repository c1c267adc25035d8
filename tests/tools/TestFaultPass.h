// SPDX-License-Identifier: Apache-2.0
// A pass that fails in a way of one's choice, for the tests of what failures leave behind.

#ifndef HEDDLE_TESTS_TOOLS_TESTFAULTPASS_H
#define HEDDLE_TESTS_TOOLS_TESTFAULTPASS_H

#include <memory>
#include <string>

namespace mlir {
class Pass;
} // namespace mlir

namespace heddle::tests {

/// A module pass, `heddle-test-fault` on command lines of heddle-test-opt. It does nothing unless
/// the module holds all of the ops named in `when` (`+` between them; nothing: always); then
/// `kind` happens: fail (without a word), error, invalid (the module is left so), segv, abort,
/// overflow (of the stack), memory (that there is not), hang.
std::unique_ptr<mlir::Pass> createTestFaultPass(const std::string &kind, const std::string &when);

} // namespace heddle::tests

#endif // HEDDLE_TESTS_TOOLS_TESTFAULTPASS_H
