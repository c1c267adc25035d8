// SPDX-License-Identifier: Apache-2.0
// The tests of the tests: every op is made, a seed is a graph, a failure becomes small.

#include <gtest/gtest.h>

#include <set>

#include "ir/Dialect.h"
#include "mlir/IR/Verifier.h"
#include "passes/Pipelines.h"
#include "tests/random/Generate.h"
#include "tests/random/Graph.h"
#include "tests/random/Inputs.h"
#include "tests/random/Reducer.h"
#include "tests/random/Smoothness.h"
#include "tests/random/Trial.h"

using namespace mlir;

namespace heddle::random {
namespace {

constexpr uint64_t kGraphs = 600;

MLIRContext &context() {
  static std::unique_ptr<MLIRContext> context = makeContext();
  return *context;
}

/// What no maker makes, with the reason.
const std::map<std::string, std::string> kUnmade = {
    {"heddle.kernel", "heddle-form-kernels makes it of every graph"},
    {"heddle.yield", "stands in a kernel"},
};

TEST(RandomGraphTest, MakesEveryOpOfTheDialect) {
  std::set<std::string> made;
  for (uint64_t seed = 0; seed < kGraphs; ++seed)
    generate(context(), seed)->walk([&](Operation *op) {
      made.insert(op->getName().getStringRef().str());
    });
  for (RegisteredOperationName op : context().getRegisteredOperationsByDialect("heddle")) {
    std::string name = op.getStringRef().str();
    EXPECT_NE(made.count(name), kUnmade.count(name)) << name;
  }
}

TEST(RandomGraphTest, IsAFunctionOfItsSeed) {
  std::set<std::string> texts;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    std::string text = textOf(*generate(context(), seed));
    EXPECT_EQ(text, textOf(*generate(*makeContext(), seed))) << "seed " << seed;
    texts.insert(text);
  }
  EXPECT_EQ(texts.size(), 50u);
}

TEST(RandomGraphTest, IsAFairTest) {
  for (uint64_t seed = 0; seed < kGraphs; ++seed) {
    OwningOpRef<ModuleOp> module = generate(context(), seed);
    ASSERT_TRUE(succeeded(verify(*module))) << "seed " << seed;
    func::FuncOp function = *module->getOps<func::FuncOp>().begin();
    EXPECT_TRUE(isFairTest(function, inputsFor(function, seed))) << "seed " << seed;
  }
}

/// A graph "fails" when it has a product: what remains is the product.
TEST(RandomGraphTest, ReducesToWhatFails) {
  auto hasProduct = [](ModuleOp module) {
    return module.walk([](ir::MatmulOp) { return WalkResult::interrupt(); }).wasInterrupted();
  };
  int reduced = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    OwningOpRef<ModuleOp> module = generate(context(), seed);
    if (!hasProduct(*module))
      continue;
    OwningOpRef<ModuleOp> small = reduce(std::move(module), hasProduct);
    func::FuncOp function = *small->getOps<func::FuncOp>().begin();
    EXPECT_EQ(function.getBody().front().getOperations().size(), 2u) << textOf(*small);
    ++reduced;
  }
  EXPECT_GT(reduced, 10);
}

TEST(RandomGraphTest, FindsCrashesAndHangs) {
  Trial trial{0, {findOracle("roundtrip")}, 2, /*quiet=*/true};
  auto crash = [&]() -> OwningOpRef<ModuleOp> { std::abort(); };
  auto hang = [&]() -> OwningOpRef<ModuleOp> {
    for (volatile int i = 0;; i = i + 1)
      ;
  };
  auto nothing = [&] { return generate(context(), 1); };
  ASSERT_EQ(tryGraph(trial, crash).size(), 1u);
  EXPECT_EQ(tryGraph(trial, crash)[0].kind, "signal 6");
  ASSERT_EQ(tryGraph(trial, hang).size(), 1u);
  EXPECT_EQ(tryGraph(trial, hang)[0].kind, "no end");
  EXPECT_TRUE(tryGraph(trial, nothing).empty());
}

} // namespace
} // namespace heddle::random
