// SPDX-License-Identifier: Apache-2.0
// The whole pipeline on a small decoder that is written out in primitive ops: what is fused, and
// that every pass keeps the meaning of every function.

#include <gtest/gtest.h>

#include <cmath>

#include "ir/Conventions.h"
#include "ir/Dialect.h"
#include "passes/FusionReport.h"
#include "passes/Pipelines.h"
#include "tests/passes/TinyTransformer.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {
namespace {

/// Attention, FFNs and the loss as the builder writes them.
void writeOut(ModuleOp module) {
  SmallVector<DecomposableOpInterface> composites;
  module.walk([&](DecomposableOpInterface op) {
    if (isa<AttentionOp, FfnOp, LinearCrossEntropyOp>(op.getOperation()))
      composites.push_back(op);
  });
  for (DecomposableOpInterface op : composites) {
    OpBuilder builder(op);
    SmallVector<Value> values = op.decompose(builder);
    for (size_t i = 0; i < values.size(); ++i)
      if (values[i])
        op->getResult(i).replaceAllUsesWith(values[i]);
    op->erase();
  }
}

PipelineOptions trainingOptions() {
  PipelineOptions options;
  options.training = true;
  return options;
}

void expectSame(const NamedTensors &before, const NamedTensors &after, const std::string &where) {
  ASSERT_EQ(before.size(), after.size()) << where;
  for (const auto &[name, expected] : before) {
    ASSERT_TRUE(after.count(name)) << where << ": " << name;
    const Tensor &found = *after.at(name);
    for (int64_t i = 0; i < expected->elements(); ++i)
      ASSERT_NEAR(expected->number(i), found.number(i),
                  1e-11 * std::max(1.0, std::abs(expected->number(i))))
          << where << ": " << name << ", element " << i;
  }
}

TEST(Pipeline, FusesWhatDecompositionsWrite) {
  OwningOpRef<ModuleOp> module = buildTinyTransformer();
  writeOut(*module);
  FusionReport report(testContext());
  RunHooks hooks;
  hooks.stopAfter = "fused";
  ASSERT_TRUE(succeeded(runStages(*module, compileStages(trainingOptions()), hooks)));
  EXPECT_EQ(report.fusedCount("attention", "train_loss"), 2);
  EXPECT_EQ(report.fusedCount("ffn", "train_loss"), 2);
  EXPECT_EQ(report.fusedCount("linear_cross_entropy", "train_loss"), 1);
  for (const FusionEntry &entry : report.entries())
    EXPECT_NE(entry.kind, FusionEntry::Kind::Missed) << entry.op << ": " << entry.reason;
}

TEST(Pipeline, EveryPassKeepsEveryFunction) {
  OwningOpRef<ModuleOp> module = buildTinyTransformer();
  writeOut(*module);
  std::map<std::string, NamedTensors> last;
  // Some passes make functions or change what they take: those start anew.
  auto evaluateAll = [&](const std::string &where) {
    std::map<std::string, NamedTensors> now;
    for (auto function : module->getOps<func::FuncOp>()) {
      std::string key = function.getName().str() + std::to_string(function.getNumArguments());
      now[key] = evaluateNamed(function, argumentsOf(function));
      if (last.count(key))
        expectSame(last[key], now[key], where + ", @" + function.getName().str());
    }
    last = std::move(now);
  };
  evaluateAll("builder");
  RunHooks hooks;
  hooks.afterPass = [&](const Stage &stage, const PassStep &step, ModuleOp) {
    evaluateAll(stage.name + ", " + step.name);
  };
  ASSERT_TRUE(succeeded(runStages(*module, compileStages(trainingOptions()), hooks)));
  EXPECT_TRUE(module->lookupSymbol("step"));
  EXPECT_TRUE(module->lookupSymbol("step_accumulated"));
  EXPECT_FALSE(module->lookupSymbol("train_loss"));
}

TEST(Pipeline, StagesHaveTheirNames) {
  std::vector<std::string> names;
  for (const Stage &stage : compileStages({}))
    names.push_back(stage.name);
  EXPECT_EQ(names, (std::vector<std::string>{"builder", "fused", "differentiated", "optimized",
                                             "expanded", "kernels", "planned"}));
}

TEST(Pipeline, StopsWhereAsked) {
  OwningOpRef<ModuleOp> module = buildTinyTransformer();
  std::vector<std::string> seen;
  RunHooks hooks;
  hooks.stopAfter = "expanded";
  hooks.afterStage = [&](const Stage &stage, ModuleOp) { seen.push_back(stage.name); };
  ASSERT_TRUE(succeeded(runStages(*module, compileStages({}), hooks)));
  EXPECT_EQ(seen.back(), "expanded");
  EXPECT_EQ(seen.size(), 5u);
}

TEST(Pipeline, KernelsAreAllThatIsLeft) {
  OwningOpRef<ModuleOp> module = buildTinyTransformer();
  ASSERT_TRUE(succeeded(runStages(*module, compileStages(trainingOptions()))));
  for (auto function : module->getOps<func::FuncOp>())
    for (Operation &op : function.getBody().front().without_terminator())
      EXPECT_TRUE((isa<KernelOp, ReshapeOp, SliceOp, ConcatOp, ConstantOp>(op)))
          << op.getName().getStringRef().str();
}

} // namespace
} // namespace heddle::passes
