// SPDX-License-Identifier: Apache-2.0
// The contract between heddle-form-kernels and code generation: every kernel that is formed can be
// generated for every target, and computes what its body says.

#include <gtest/gtest.h>

#include "codegen/cpu/object/LlvmLowering.h"
#include "ir/Dialect.h"
#include "ir/interpreter/Interpreter.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include "tests/codegen/KernelCheck.h"
#include "tests/passes/RandomGraph.h"
#include "tests/passes/TinyTransformer.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {
namespace {

class RandomKernels : public testing::TestWithParam<unsigned> {};

TEST_P(RandomKernels, RunAsTheirBodiesSay) {
  MLIRContext &context = testContext();
  codegen::loadKernelDialects(context);
  OwningOpRef<ModuleOp> module = randomGraph(context, GetParam(), 30, 32);
  PassManager manager(&context);
  manager.addNestedPass<func::FuncOp>(createFormKernelsPass());
  ASSERT_TRUE(succeeded(manager.run(*module)));

  func::FuncOp function = onlyFunction(*module);
  std::vector<TensorRef> arguments = randomArguments(*module);
  DenseMap<Value, TensorRef> values;
  for (auto [argument, value] : llvm::zip_equal(function.getArguments(), arguments))
    values[argument] = value;
  auto observe = [&](Operation *op, ArrayRef<TensorRef> results) -> absl::Status {
    for (auto [result, value] : llvm::zip(op->getResults(), results))
      values[result] = value;
    return absl::OkStatus();
  };
  auto results = evaluate(function, arguments, observe);
  ASSERT_TRUE(results.ok()) << results.status();
  for (auto kernel : function.getOps<KernelOp>()) {
    SCOPED_TRACE(kernel.getName().str());
    codegen::KernelExpectation expectation{kernel, {}};
    for (Value input : kernel.getInputs())
      expectation.inputs.push_back(values.lookup(input));
    codegen::checkKernel(expectation);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomKernels, testing::Range(0u, 6u));

} // namespace
} // namespace heddle::passes
