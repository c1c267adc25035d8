// SPDX-License-Identifier: Apache-2.0
// heddle-form-kernels and heddle-plan-memory on random graphs: whatever the ops and views, kernels
// are legal, wait for no one in a circle and compute the same, also out of one arena.

#include <gtest/gtest.h>

#include <cmath>

#include "ir/KernelForms.h"
#include "ir/interpreter/Interpreter.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include "tests/passes/PlanSimulation.h"
#include "tests/passes/RandomGraph.h"
#include "tests/passes/TinyTransformer.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {
namespace {

void expectSame(const std::vector<TensorRef> &expected, const std::vector<TensorRef> &found) {
  ASSERT_EQ(expected.size(), found.size());
  for (size_t i = 0; i < expected.size(); ++i)
    for (int64_t j = 0; j < expected[i]->elements(); ++j) {
      double a = expected[i]->number(j), b = found[i]->number(j);
      if (a == b || (std::isnan(a) && std::isnan(b)))
        continue;
      ASSERT_NEAR(a, b, 1e-12 * std::max(1.0, std::abs(a))) << "result " << i;
    }
}

class RandomGraphs : public testing::TestWithParam<unsigned> {};

TEST_P(RandomGraphs, KernelsComputeTheSame) {
  OwningOpRef<ModuleOp> before = randomGraph(testContext(), GetParam(), 50, 64);
  OwningOpRef<ModuleOp> after = before->clone();
  PassManager manager(&testContext());
  manager.addNestedPass<func::FuncOp>(createFormKernelsPass());
  const bool isPlanned = GetParam() % 2;
  if (isPlanned)
    manager.addNestedPass<func::FuncOp>(createPlanMemoryPass());
  ASSERT_TRUE(succeeded(manager.run(*after)));
  after->walk([](KernelOp kernel) {
    std::string reason;
    EXPECT_TRUE(isLegalKernel(kernel, &reason)) << reason;
  });
  std::vector<TensorRef> arguments = randomArguments(*before);
  auto expectedOr = evaluate(onlyFunction(*before), arguments);
  auto foundOr = evaluate(onlyFunction(*after), arguments);
  ASSERT_TRUE(expectedOr.ok() && foundOr.ok()) << expectedOr.status() << foundOr.status();
  expectSame(*expectedOr, *foundOr);
  if (isPlanned)
    expectSame(*expectedOr, simulatePlan(onlyFunction(*after), arguments));
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomGraphs, testing::Range(0u, 300u));

} // namespace
} // namespace heddle::passes
