// SPDX-License-Identifier: Apache-2.0
// Plans of the entries of a whole small model, run on memory: whatever shares bytes, each result
// must be what the function computes on values.
#include <gtest/gtest.h>

#include <cmath>

#include "ir/BufferAssignment.h"
#include "ir/Conventions.h"
#include "ir/interpreter/Interpreter.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "passes/MemoryReport.h"
#include "passes/Passes.h"
#include "tests/passes/PlanSimulation.h"
#include "tests/passes/TinyTransformer.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {
namespace {

enum class Kernels { OneEachOp, Formed };

class PlannedEntry : public testing::TestWithParam<std::tuple<const char *, Kernels>> {
protected:
  void SetUp() override {
    module_ = buildTinyTransformer();
    PassManager manager(&testContext());
    manager.addPass(createDifferentiatePass({"train_loss", "grad", /*lossScale=*/false}));
    manager.addPass(createDifferentiatePass({"train_loss", "train_grad", /*lossScale=*/true}));
    manager.addPass(createAppendOptimizerPass());
    manager.addNestedPass<func::FuncOp>(createMergeLossGradientPass());
    manager.addPass(createCSEPass());
    ASSERT_TRUE(succeeded(manager.run(*module_)));
    entry_ = module_->lookupSymbol<func::FuncOp>(std::get<0>(GetParam()));
    ASSERT_TRUE(entry_);
    arguments_ = argumentsOf(entry_);
    absl::StatusOr<std::vector<TensorRef>> results = evaluate(entry_, arguments_);
    ASSERT_TRUE(results.ok()) << results.status();
    expected_ = *results;
    for (auto other : llvm::make_early_inc_range(module_->getOps<func::FuncOp>()))
      if (other != entry_)
        other.erase();
    if (std::get<1>(GetParam()) == Kernels::OneEachOp)
      wrapEachOp(entry_);
    else
      formKernels();
  }

  void formKernels() {
    PassManager manager(&testContext());
    manager.addNestedPass<func::FuncOp>(createExpandCompositesPass());
    manager.addPass(createCanonicalizerPass());
    manager.addPass(createCSEPass());
    manager.addNestedPass<func::FuncOp>(
        createRecomputeActivationsPass({/*minBytes=*/64, /*distance=*/16}));
    manager.addNestedPass<func::FuncOp>(createFormKernelsPass());
    ASSERT_TRUE(succeeded(manager.run(*module_)));
  }

  void plan() {
    PassManager manager(&testContext());
    manager.addNestedPass<func::FuncOp>(createPlanMemoryPass());
    ASSERT_TRUE(succeeded(manager.run(*module_)));
  }

  int64_t attribute(const char *name) { return entry_->getAttrOfType<IntegerAttr>(name).getInt(); }

  OwningOpRef<ModuleOp> module_;
  func::FuncOp entry_;
  std::vector<TensorRef> arguments_, expected_;
};

TEST_P(PlannedEntry, computes_the_same_on_memory) {
  plan();
  std::vector<TensorRef> actual = simulatePlan(entry_, arguments_);
  ASSERT_EQ(actual.size(), expected_.size());
  for (size_t i = 0; i < expected_.size(); ++i)
    for (size_t e = 0; e < expected_[i]->floats.size(); ++e)
      // Sums may come in another order once composite ops are written out.
      ASSERT_NEAR(actual[i]->floats[e], expected_[i]->floats[e],
                  1e-9 * std::max(1e-3, std::abs(expected_[i]->floats[e])))
          << resultName(entry_, i).str() << " element " << e;
}

TEST_P(PlannedEntry, needs_little_more_than_what_is_alive) {
  plan();
  EXPECT_GE(attribute("heddle.arena_bytes"), attribute("heddle.max_live_bytes"));
  EXPECT_LE(attribute("heddle.arena_bytes"), 1.01 * attribute("heddle.max_live_bytes"));
}

TEST_P(PlannedEntry, new_values_lie_over_the_old_ones) {
  plan();
  BufferAssignment buffers(entry_);
  for (unsigned i = 0; i < entry_.getNumResults(); ++i) {
    if (resultKind(entry_, i) == kKindOutput)
      EXPECT_EQ(buffers.aliasedArgument(i), -1) << resultName(entry_, i).str();
    else
      EXPECT_EQ(buffers.aliasedArgument(i), *findArgument(entry_, resultName(entry_, i)));
  }
}

TEST_P(PlannedEntry, planning_twice_gives_the_same_plan) {
  plan();
  std::string first, second;
  llvm::raw_string_ostream(first) << entry_;
  plan();
  llvm::raw_string_ostream(second) << entry_;
  EXPECT_EQ(first, second);
}

TEST_P(PlannedEntry, report_agrees_with_the_plan) {
  plan();
  MemoryReport report = memoryReport(entry_);
  EXPECT_EQ(report.arenaBytes, attribute("heddle.arena_bytes"));
  EXPECT_LE(report.peakBytes, report.arenaBytes);
  // The planner counts buffers in whole lines and from their first window to their last.
  EXPECT_GE(static_cast<double>(report.peakBytes), 0.8 * report.maxLiveBytes);
  ASSERT_FALSE(report.aliveAtPeak.empty());
  for (size_t index : report.aliveAtPeak) {
    const TensorLifetime &tensor = report.tensors[index];
    EXPECT_LE(tensor.first, report.peakKernel);
    EXPECT_GE(tensor.last, report.peakKernel);
    EXPECT_LE(tensor.offset + tensor.bytes, report.arenaBytes);
  }
  EXPECT_FALSE(report.peakKernelName.empty());
  EXPECT_FALSE(report.peakLayer.empty());
}

INSTANTIATE_TEST_SUITE_P(entries, PlannedEntry,
                         testing::Combine(testing::Values("train_loss", "grad", "step",
                                                          "accumulate", "step_accumulated"),
                                          testing::Values(Kernels::OneEachOp, Kernels::Formed)));

TEST(MemoryReport, is_empty_without_a_plan) {
  OwningOpRef<ModuleOp> module = buildTinyTransformer();
  MemoryReport report = memoryReport(module->lookupSymbol<func::FuncOp>("train_loss"));
  EXPECT_TRUE(report.tensors.empty());
  EXPECT_EQ(report.arenaBytes, 0);
}

} // namespace
} // namespace heddle::passes
