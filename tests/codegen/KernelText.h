// SPDX-License-Identifier: Apache-2.0
// Kernels for tests, written as text.

#ifndef HEDDLE_TESTS_CODEGEN_KERNELTEXT_H
#define HEDDLE_TESTS_CODEGEN_KERNELTEXT_H

#include <string>
#include <vector>

#include "ir/Dialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "tests/codegen/GuardedBuffer.h"

namespace heddle::codegen {

/// "tensor<2x3xf32>".
std::string tensorText(const std::vector<int64_t> &shape, const std::string &element = "f32");

/// A heddle.kernel with inputs %0, %1, ... of the given types, results of the given types, and a
/// body that ends in a yield of `yields`.
struct KernelText {
  std::vector<std::string> inputs;
  std::string body;
  std::vector<std::string> yields;
  std::vector<std::string> results;
};

/// A context with the heddle dialect and those that kernels are generated in.
mlir::MLIRContext &testContext();

/// Parses the kernel; a syntax error fails the test and returns null. `module` keeps it alive.
ir::KernelOp parseKernel(const KernelText &text, mlir::OwningOpRef<mlir::ModuleOp> &module);

/// Numbers in [-1, 1), the same in every run.
std::vector<float> randomFloats(size_t count, unsigned seed);

/// What a kernel left in a buffer of floats; fails the test if it wrote beside it.
std::vector<float> floatsOf(const GuardedBuffer &buffer);

} // namespace heddle::codegen

#endif // HEDDLE_TESTS_CODEGEN_KERNELTEXT_H
