// SPDX-License-Identifier: Apache-2.0
// Holds a generated kernel against the float64 interpreter.

#ifndef HEDDLE_TESTS_CODEGEN_KERNELCHECK_H
#define HEDDLE_TESTS_CODEGEN_KERNELCHECK_H

#include <map>
#include <memory>

#include "codegen/cpu/Target.h"
#include "ir/interpreter/Tensor.h"
#include "tests/codegen/KernelText.h"

namespace heddle::codegen {

struct KernelCheck {
  KernelText text;
  /// Inputs are uniform in [-1, 1); of integers, in [0, integerBound); other contents go here.
  std::map<int, std::vector<double>> given = {};
  int64_t integerBound = 2;
  /// Input i's buffer is output j's as well: what plan-memory does in place.
  std::map<int, int> inPlace = {};
};

/// Generates the kernel for each target, runs it in one call and in several (the bits must agree),
/// and holds it against the interpreter, within the error bound of ir/interpreter/ErrorBound.h.
/// With HEDDLE_KERNEL_TARGET=cuda:emulated, for CUDA on the emulator instead, in two orders.
/// Failures are reported to GoogleTest.
void checkKernel(const KernelCheck &check);

/// The same for a kernel whose inputs are at hand; they are rounded to f32.
struct KernelExpectation {
  ir::KernelOp kernel;
  std::vector<std::shared_ptr<const ir::Tensor>> inputs;
  std::map<int, int> inPlace = {};
};
void checkKernel(const KernelExpectation &expectation);

/// The targets that this machine runs, as text.
std::vector<std::string> runnableTargets();

} // namespace heddle::codegen

#endif // HEDDLE_TESTS_CODEGEN_KERNELCHECK_H
