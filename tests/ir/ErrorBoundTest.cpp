// SPDX-License-Identifier: Apache-2.0
// The error bound against f32: never exceeded, and not so far above what rounding does that a
// mistake would fit under it.
#include "ir/interpreter/ErrorBound.h"

#include <algorithm>
#include <cstdlib>
#include <set>

#include "mlir/Parser/Parser.h"
#include "tests/ir/IrHarness.h"

namespace heddle::ir {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

/// Floats of f32 in [-1, 1), integers in [0, 4).
TensorRef randomArgument(mlir::Type type, std::mt19937_64 &random) {
  auto ranked = mlir::cast<mlir::RankedTensorType>(type);
  Tensor tensor = Tensor::zeros(*elementKindOf(ranked.getElementType()), ranked.getShape().vec());
  for (double &value : tensor.floats)
    value = static_cast<float>(static_cast<double>(random() >> 11) * 0x1p-52 - 1);
  for (int64_t &value : tensor.ints)
    value = static_cast<int64_t>(random() >> 62);
  return std::make_shared<const Tensor>(std::move(tensor));
}

double median(std::vector<double> values) {
  auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

class ErrorBoundTest : public IrTest {
protected:
  std::vector<BoundedResult> bounded(mlir::func::FuncOp function,
                                     const std::vector<TensorRef> &arguments) {
    auto results = evaluateWithBound(function, arguments);
    EXPECT_TRUE(results.ok()) << results.status();
    return results.ok() ? *results : std::vector<BoundedResult>();
  }

  std::vector<BoundedResult> boundedBody(const std::string &body, const std::string &results,
                                         const std::vector<TensorRef> &arguments) {
    auto module = parse(functionText(body, results, arguments));
    return module ? bounded(*module->getOps<mlir::func::FuncOp>().begin(), arguments)
                  : std::vector<BoundedResult>();
  }

  /// Holds f32 against the bound on random arguments; the median of bound over error.
  double looseness(mlir::func::FuncOp function, int samples) {
    std::vector<double> ratios;
    std::mt19937_64 random(1);
    for (int sample = 0; sample < samples; ++sample) {
      std::vector<TensorRef> arguments;
      for (mlir::Type type : function.getArgumentTypes())
        arguments.push_back(randomArgument(type, random));
      auto expected = evaluate(function, arguments), single = evaluateInSingle(function, arguments);
      EXPECT_TRUE(expected.ok() && single.ok()) << expected.status();
      if (!expected.ok())
        return kInf;
      std::vector<BoundedResult> results = bounded(function, arguments);
      for (size_t i = 0; i < results.size(); ++i) {
        EXPECT_EQ(results[i].value->floats, (*expected)[i]->floats) << "result " << i;
        EXPECT_EQ(results[i].value->ints, (*expected)[i]->ints) << "result " << i;
        BoundCheck check = checkWithin(*(*single)[i], results[i]);
        EXPECT_LE(check.ratio, 1) << "result " << i << " element " << check.element << " sample "
                                  << sample;
        EXPECT_LE(check.undecided, (*expected)[i]->elements() / 100) << "result " << i;
        for (size_t e = 0; e < results[i].value->floats.size(); ++e)
          if (double error = std::abs((*single)[i]->floats[e] - results[i].value->floats[e]);
              error > 0)
            ratios.push_back(results[i].bound->floats[e] / error);
      }
    }
    return ratios.empty() ? 1 : median(ratios);
  }
};

TEST_F(ErrorBoundTest, HoldsForEveryOp) {
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(
      std::string(HEDDLE_TEST_INPUTS) + "/every_op.mlir", &context_);
  ASSERT_TRUE(module);
  std::set<std::string> seen{"heddle.kernel", "heddle.yield"};
  std::vector<double> all;
  for (auto function : module->getOps<mlir::func::FuncOp>()) {
    SCOPED_TRACE(function.getName().str());
    function.walk([&](mlir::Operation *op) { seen.insert(op->getName().getStringRef().str()); });
    double times = looseness(function, 20);
    // Attention has six roundings after one another, each bounded for the worst of the ones before.
    EXPECT_LE(times, 150);
    all.push_back(times);
    if (getenv("HEDDLE_TEST_VERBOSE"))
      printf("%-32s bound / error: median %.1f\n", function.getName().str().c_str(), times);
  }
  EXPECT_LE(median(all), 30);
  for (mlir::RegisteredOperationName name : context_.getRegisteredOperations())
    if (std::string op = name.getStringRef().str(); name.getDialectNamespace() == "heddle") {
      EXPECT_TRUE(seen.count(op)) << op;
    }
}

TEST_F(ErrorBoundTest, ExactResultsHaveNone) {
  auto results = boundedBody(
      "%r = heddle.add %0, %1 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>\n"
      "return %r : tensor<2xf32>",
      "tensor<2xf32>",
      {floats({2}, {1, 1}, ElementKind::f32), floats({2}, {2, 0x1p-30}, ElementKind::f32)});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].bound->floats[0], 0);
  EXPECT_NEAR(results[0].bound->floats[1], 0x1p-24, 0x1p-40);
}

TEST_F(ErrorBoundTest, CancellationKeepsTheErrorOfTheTerms) {
  // (x + y) - x is nearly y, with the rounding of x + y.
  auto results =
      boundedBody("%s = heddle.add %0, %1 : (tensor<1xf32>, tensor<1xf32>) -> tensor<1xf32>\n"
                  "%r = heddle.sub %s, %0 : (tensor<1xf32>, tensor<1xf32>) -> tensor<1xf32>\n"
                  "return %r : tensor<1xf32>",
                  "tensor<1xf32>",
                  {floats({1}, {1e6}, ElementKind::f32), floats({1}, {0.1f}, ElementKind::f32)});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_GE(results[0].bound->floats[0], 1e6 * 0x1p-24);
  EXPECT_LE(results[0].bound->floats[0], 1.1e6 * 0x1p-24);
}

TEST_F(ErrorBoundTest, SelectIsOffByTheDistanceWhereTheConditionIsUndecided) {
  std::string t = "tensor<3xf32>";
  auto results = boundedBody(
      "%e = heddle.exp %0 : " + t + "\n%l = heddle.log %e : " + t +
          "\n%c = heddle.compare gt %l, %0 : (" + t + ", " + t +
          ") -> tensor<3xi1>\n%r = heddle.select %c, %1, %2 : (tensor<3xi1>, " + t + ", " + t +
          ") -> " + t + "\nreturn %c, %r : tensor<3xi1>, " + t,
      "(tensor<3xi1>, " + t + ")",
      {floats({3}, {0.3f, 0.5f, 0.7f}, ElementKind::f32), floats({3}, {1, 2, 3}, ElementKind::f32),
       floats({3}, {1, 5, kInf}, ElementKind::f32)});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].bound->floats, (std::vector<double>{kInf, kInf, kInf}));
  EXPECT_EQ(results[1].bound->floats, (std::vector<double>{0, 3, kInf}));
}

TEST_F(ErrorBoundTest, StepsAreUndecidedOnlyWithinTheError) {
  std::string t = "tensor<3xf32>";
  auto results = boundedBody("%s = heddle.add %0, %1 : (" + t + ", " + t + ") -> " + t +
                                 "\n%r = heddle.relu_grad %s, %2 : " + t + "\nreturn %r : " + t,
                             t,
                             {floats({3}, {0.1f, 0.1f, 0.5f}, ElementKind::f32),
                              floats({3}, {-0.1f, -0.2f, 0.3f}, ElementKind::f32),
                              floats({3}, {7, 7, 7}, ElementKind::f32)});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].bound->floats[0], 0); // exactly zero
  EXPECT_EQ(results[0].bound->floats[1], 0);
  EXPECT_LE(results[0].bound->floats[2], 1e-6);
}

TEST_F(ErrorBoundTest, NothingIsKnownWhereF32MayOverflowOrDivideByZero) {
  std::string t = "tensor<2xf32>";
  auto results = boundedBody(
      "%e = heddle.exp %0 : " + t + "\n%s = heddle.add %0, %1 : (" + t + ", " + t + ") -> " + t +
          "\n%z = heddle.sub %s, %0 : (" + t + ", " + t + ") -> " + t +
          "\n%d = heddle.div %0, %z : (" + t + ", " + t + ") -> " + t + "\nreturn %e, %d : " + t +
          ", " + t,
      "(" + t + ", " + t + ")",
      {floats({2}, {89, 1}, ElementKind::f32), floats({2}, {1e-7f, 0.5}, ElementKind::f32)});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].bound->floats[0], kInf);
  EXPECT_LE(results[0].bound->floats[1], 1e-6);
  EXPECT_EQ(results[1].bound->floats[0], kInf);
  EXPECT_LE(results[1].bound->floats[1], 1e-6);
}

TEST_F(ErrorBoundTest, AnUndecidedIndexLeavesNothingKnown) {
  auto results = boundedBody(
      "%e = heddle.exp %0 : tensor<1xf32>\n%l = heddle.log %e : tensor<1xf32>\n"
      "%i = heddle.cast %l : tensor<1xf32> -> tensor<1xi32>\n"
      "%r = heddle.embedding %1, %i : (tensor<4x2xf32>, tensor<1xi32>) -> tensor<1x2xf32>\n"
      "return %r : tensor<1x2xf32>",
      "tensor<1x2xf32>",
      {floats({1}, {2}, ElementKind::f32),
       floats({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}, ElementKind::f32)});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].bound->floats, (std::vector<double>{kInf, kInf}));
}

TEST_F(ErrorBoundTest, CheckFindsTheWorstElement) {
  BoundedResult expected{floats({4}, {1, 2, 3, kInf}), floats({4}, {0.1, 0.1, kInf, 0})};
  BoundCheck check = checkWithin(*floats({4}, {1.01, 2.3, 9, kInf}), expected);
  EXPECT_NEAR(check.ratio, 3, 1e-9);
  EXPECT_EQ(check.element, 1);
  EXPECT_EQ(check.undecided, 1);
  EXPECT_EQ(checkWithin(*floats({4}, {1, 2, 9, 5}), expected).ratio, kInf);
  EXPECT_EQ(checkWithin(*floats({4}, {std::nan(""), 2, 9, kInf}), expected).ratio, kInf);
  EXPECT_EQ(checkWithin(*floats({2, 2}, {1, 2, 9, kInf}), expected).ratio, kInf);
}

} // namespace
} // namespace heddle::ir
