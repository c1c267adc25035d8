// SPDX-License-Identifier: Apache-2.0
// Each evaluator against numbers worked out by hand.

#include <cmath>
#include <limits>

#include "ir/interpreter/Philox.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tests/ir/IrHarness.h"

namespace heddle::ir {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

class InterpreterTest : public IrTest {
protected:
  /// One op over %0, %1 ... with one result of `shape`, here `expected`.
  void expectOp(const std::string &op, std::vector<TensorRef> arguments, TensorRef expected) {
    std::string operands;
    for (size_t i = 0; i < arguments.size(); ++i)
      operands += (i ? ", " : "") + typeText(*arguments[i]);
    expectText(op + " : (" + operands + ") -> " + typeText(*expected), arguments, expected);
  }

  /// `op` with the types written out.
  void expectText(const std::string &op, std::vector<TensorRef> arguments, TensorRef expected) {
    SCOPED_TRACE(op);
    std::string type = typeText(*expected);
    auto results = runBody("%r = " + op + "\nreturn %r : " + type, type, arguments);
    ASSERT_EQ(results.size(), 1u);
    expectNear(*results[0], *expected);
  }

  void expectUnary(const std::string &name, double x, double expected) {
    expectText("heddle." + name + " %0 : tensor<1xf64>", {floats({1}, {x})},
               floats({1}, {expected}));
  }
};

TEST_F(InterpreterTest, UnaryOps) {
  expectUnary("neg", 2, -2);
  expectUnary("exp", 1, M_E);
  expectUnary("log", M_E, 1);
  expectUnary("log", 0, -kInf);
  expectUnary("sqrt", 9, 3);
  expectUnary("rsqrt", 4, 0.5);
  expectUnary("tanh", 1, 0.7615941559557649);
  expectUnary("erf", 0.5, 0.5204998778130465);
  expectUnary("sigmoid", 0, 0.5);
  expectUnary("sigmoid", -1000, 0);
  expectUnary("relu", -3, 0);
  expectUnary("relu", 3, 3);
  expectUnary("silu", 1, 0.7310585786300049);
  expectUnary("gelu", 1, 0.8413447460685429);
  expectUnary("gelu", -2, -0.04550026389635842);
  expectText("heddle.gelu %0 {tanh_approximation} : tensor<1xf64>", {floats({1}, {1})},
             floats({1}, {0.8411919906082768}));
}

TEST_F(InterpreterTest, GeluKeepsItsDigitsInTheLowerTail) {
  for (auto [x, expected] :
       {std::pair(-6.0, -5.9195258702261888e-9), {-8.0, -4.9767684594174273e-15}}) {
    auto results = runBody("%r = heddle.gelu %0 : tensor<f64>\nreturn %r : tensor<f64>",
                           "tensor<f64>", {floats({}, {x})});
    ASSERT_EQ(results.size(), 1u);
    EXPECT_NEAR(results[0]->floats[0] / expected, 1, 1e-12);
  }
}

TEST_F(InterpreterTest, BinaryOpsBroadcast) {
  TensorRef column = floats({2, 1}, {10, 20}), row = floats({3}, {1, 2, 3});
  expectOp("heddle.add %0, %1", {column, row}, floats({2, 3}, {11, 12, 13, 21, 22, 23}));
  expectOp("heddle.sub %0, %1", {column, row}, floats({2, 3}, {9, 8, 7, 19, 18, 17}));
  expectOp("heddle.mul %0, %1", {column, row}, floats({2, 3}, {10, 20, 30, 20, 40, 60}));
  expectOp("heddle.div %0, %1", {row, floats({}, {2})}, floats({3}, {0.5, 1, 1.5}));
  expectOp("heddle.maximum %0, %1", {row, floats({}, {2})}, floats({3}, {2, 2, 3}));
  expectOp("heddle.minimum %0, %1", {row, floats({}, {2})}, floats({3}, {1, 2, 2}));
}

TEST_F(InterpreterTest, MaximumKeepsNaN) {
  double nan = std::nan("");
  for (std::string op : {"maximum", "minimum"}) {
    auto results = runBody("%r = heddle." + op +
                               " %0, %1 : (tensor<2xf64>, tensor<2xf64>) -> tensor<2xf64>\n"
                               "return %r : tensor<2xf64>",
                           "tensor<2xf64>", {floats({2}, {nan, 1}), floats({2}, {1, nan})});
    ASSERT_EQ(results.size(), 1u);
    EXPECT_TRUE(std::isnan(results[0]->floats[0]) && std::isnan(results[0]->floats[1]));
  }
}

TEST_F(InterpreterTest, ReluGradIsAChoiceAndNoProduct) {
  expectText("heddle.relu_grad %0, %1 : tensor<4xf64>",
             {floats({4}, {1, -1, 0, -2}), floats({4}, {kInf, kInf, -kInf, std::nan("")})},
             floats({4}, {kInf, 0, 0, 0}));
}

TEST_F(InterpreterTest, Casts) {
  auto cast = [&](TensorRef from, TensorRef to) {
    expectText("heddle.cast %0 : " + typeText(*from) + " -> " + typeText(*to), {from}, to);
  };
  cast(ints({2}, {-3, 7}), floats({2}, {-3, 7}));
  cast(floats({4}, {-1.9, 1.9, 1e20, -1e20}), ints({4}, {-1, 1, INT32_MAX, INT32_MIN}));
  cast(floats({1}, {0.1}), floats({1}, {0.1f}, ElementKind::f32));
  // Halfway between 1 and the next bf16, 1 + 2^-7: to even.
  cast(floats({2}, {1 + 0x1p-8, 1 + 3 * 0x1p-8}), floats({2}, {1, 1 + 0x1p-6}, ElementKind::bf16));
  cast(floats({2}, {0, -2}), ints({2}, {0, 1}, ElementKind::i1));
  cast(ints({1}, {int64_t{1} << 32 | 5}, ElementKind::i64), ints({1}, {5}));
}

TEST_F(InterpreterTest, ComparisonsAndSelect) {
  TensorRef a = ints({3}, {1, 2, 3}), two = ints({}, {2});
  auto expect = [&](std::string predicate, std::vector<int64_t> expected) {
    expectOp("heddle.compare " + predicate + " %0, %1", {a, two},
             ints({3}, expected, ElementKind::i1));
  };
  expect("eq", {0, 1, 0});
  expect("ne", {1, 0, 1});
  expect("lt", {1, 0, 0});
  expect("le", {1, 1, 0});
  expect("gt", {0, 0, 1});
  expect("ge", {0, 1, 1});
  TensorRef mask = ints({2, 1}, {1, 0}, ElementKind::i1);
  expectOp("heddle.logical_and %0, %1", {mask, ints({2}, {1, 0}, ElementKind::i1)},
           ints({2, 2}, {1, 0, 0, 0}, ElementKind::i1));
  expectOp("heddle.select %0, %1, %2", {mask, floats({2}, {1, 2}), floats({}, {9})},
           floats({2, 2}, {1, 2, 9, 9}));
}

TEST_F(InterpreterTest, Masks) {
  auto mask = [](std::vector<int64_t> shape, std::vector<int64_t> values) {
    return ints(shape, values, ElementKind::i1);
  };
  expectText("heddle.causal_mask : tensor<2x3xi1>", {}, mask({2, 3}, {1, 1, 0, 1, 1, 1}));
  expectText("heddle.causal_mask {window = 2 : i64} : tensor<2x3xi1>", {},
             mask({2, 3}, {1, 1, 0, 0, 1, 1}));
  expectText("heddle.causal_mask : tensor<3x2xi1>", {}, mask({3, 2}, {0, 0, 1, 0, 1, 1}));
  expectText("heddle.length_mask %0 : tensor<3xi32> -> tensor<3x2xi1>", {ints({3}, {0, 1, 5})},
             mask({3, 2}, {0, 0, 1, 0, 1, 1}));
}

TEST_F(InterpreterTest, Constants) {
  expectText("heddle.constant dense<[1.5, -2.0]> : tensor<2xf64>", {}, floats({2}, {1.5, -2}));
  expectText("heddle.constant dense<-7> : tensor<2xi32>", {}, ints({2}, {-7, -7}));
  expectText("heddle.constant dense<[true, false]> : tensor<2xi1>", {},
             ints({2}, {1, 0}, ElementKind::i1));
}

TEST_F(InterpreterTest, PhiloxMatchesThePublishedVectors) {
  // Random123's known answers for philox4x32-10.
  using Words = std::array<uint32_t, 4>;
  EXPECT_EQ(philox({0, 0, 0, 0}, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0u, ~0u, ~0u, ~0u}, ~uint64_t{0}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0x299f31d0a4093822),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST_F(InterpreterTest, DropoutScalesWhatItKeepsAndDependsOnAllOfItsKeys) {
  int64_t count = 4096;
  TensorRef x = floats({count}, std::vector<double>(count, 3.0));
  auto masked = [&](TensorRef rng, std::string id) {
    auto results = runBody("%r = heddle.dropout %0, %1 {p = 0.25 : f64, rng_id = " + id +
                               " : i64} : (tensor<4096xf64>, tensor<3xi64>) -> tensor<4096xf64>\n"
                               "return %r : tensor<4096xf64>",
                           "tensor<4096xf64>", {x, rng});
    return results[0]->floats;
  };
  std::vector<double> y = masked(rngState(42, 1, 0), "0");
  int64_t kept = 0;
  for (double value : y) {
    ASSERT_TRUE(value == 0.0 || value == 4.0);
    kept += value != 0;
  }
  EXPECT_NEAR(kept, 0.75 * count, 5 * std::sqrt(count * 0.25 * 0.75));
  EXPECT_EQ(y, masked(rngState(42, 1, 0), "0"));
  EXPECT_NE(y, masked(rngState(43, 1, 0), "0"));
  EXPECT_NE(y, masked(rngState(42, 2, 0), "0"));
  EXPECT_NE(y, masked(rngState(42, 1, 1), "0"));
  EXPECT_NE(y, masked(rngState(42, 1, 0), "1"));
}

TEST_F(InterpreterTest, ShapeOps) {
  TensorRef x = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  expectText("heddle.reshape %0 : tensor<2x3xf64> -> tensor<3x2xf64>", {x},
             floats({3, 2}, {1, 2, 3, 4, 5, 6}));
  expectOp("heddle.transpose %0 {permutation = array<i64: 1, 0>}", {x},
           floats({3, 2}, {1, 4, 2, 5, 3, 6}));
  expectText("heddle.broadcast %0 : tensor<2x1xf64> -> tensor<2x2x2xf64>", {floats({2, 1}, {1, 2})},
             floats({2, 2, 2}, {1, 1, 2, 2, 1, 1, 2, 2}));
  expectOp("heddle.slice %0 {offsets = array<i64: 1, 1>, sizes = array<i64: 1, 2>}", {x},
           floats({1, 2}, {5, 6}));
  expectOp("heddle.concat %0, %1 {axis = 1 : i64}", {x, floats({2, 1}, {7, 8})},
           floats({2, 4}, {1, 2, 3, 7, 4, 5, 6, 8}));
  expectOp("heddle.concat %0, %1 {axis = 0 : i64}", {ints({2}, {1, 2}), ints({1}, {3})},
           ints({3}, {1, 2, 3}));
}

TEST_F(InterpreterTest, Pad) {
  expectOp("heddle.pad %0 {low = array<i64: 1, 0>, high = array<i64: 0, 2>}",
           {floats({1, 2}, {1, 2})}, floats({2, 4}, {0, 0, 0, 0, 1, 2, 0, 0}));
}

TEST_F(InterpreterTest, Reductions) {
  TensorRef x = floats({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  expectOp("heddle.sum %0 {axes = array<i64: 2>}", {x}, floats({2, 2}, {3, 7, 11, 15}));
  expectOp("heddle.sum %0 {axes = array<i64: 0, 2>}", {x}, floats({2}, {14, 22}));
  expectOp("heddle.sum %0 {axes = array<i64: 0, 1, 2>}", {x}, floats({}, {36}));
  expectOp("heddle.max %0 {axes = array<i64: 1>}", {x}, floats({2, 2}, {3, 4, 7, 8}));
  expectText("heddle.softmax %0 : tensor<2x2xf64>",
             {floats({2, 2}, {0, std::log(3), -kInf, -kInf})}, floats({2, 2}, {0.25, 0.75, 0, 0}));
}

TEST_F(InterpreterTest, Matmul) {
  TensorRef a = floats({2, 3}, {1, 2, 3, 4, 5, 6}), b = floats({3, 2}, {1, 0, 0, 1, 1, 1});
  TensorRef y = floats({2, 2}, {4, 5, 10, 11});
  expectOp("heddle.matmul %0, %1", {a, b}, y);
  expectOp("heddle.matmul %0, %1 {transpose_a}", {floats({3, 2}, {1, 4, 2, 5, 3, 6}), b}, y);
  expectOp("heddle.matmul %0, %1 {transpose_b}", {a, floats({2, 3}, {1, 0, 1, 0, 1, 1})}, y);
  // A shared matrix, and leading axes of size 1 on either side.
  expectOp("heddle.matmul %0, %1", {floats({2, 1, 2}, {1, 2, 3, 4}), floats({2, 1}, {1, 10})},
           floats({2, 1, 1}, {21, 43}));
  expectOp("heddle.matmul %0, %1", {floats({2, 1, 1, 1}, {1, 2}), floats({1, 2, 1, 1}, {3, 5})},
           floats({2, 2, 1, 1}, {3, 5, 6, 10}));
}

TEST_F(InterpreterTest, Norms) {
  auto results = runBody("%r:3 = heddle.layer_norm %0 gamma(%1) beta(%2) {eps = 0.0 : f64} : "
                         "(tensor<1x2xf64>, tensor<2xf64>, tensor<2xf64>) -> (tensor<1x2xf64>, "
                         "tensor<1xf64>, tensor<1xf64>)\n"
                         "return %r#0, %r#1, %r#2 : tensor<1x2xf64>, tensor<1xf64>, tensor<1xf64>",
                         "(tensor<1x2xf64>, tensor<1xf64>, tensor<1xf64>)",
                         {floats({1, 2}, {1, 5}), floats({2}, {1, 2}), floats({2}, {10, 20})});
  ASSERT_EQ(results.size(), 3u);
  expectNear(*results[0], *floats({1, 2}, {9, 22}));
  expectNear(*results[1], *floats({1}, {3}));
  expectNear(*results[2], *floats({1}, {0.5}));
  results =
      runBody("%r:2 = heddle.rms_norm %0 gamma(%1) {eps = 0.5 : f64} : (tensor<1x2xf64>, "
              "tensor<2xf64>) -> (tensor<1x2xf64>, tensor<1xf64>)\n"
              "return %r#0, %r#1 : tensor<1x2xf64>, tensor<1xf64>",
              "(tensor<1x2xf64>, tensor<1xf64>)", {floats({1, 2}, {1, 4}), floats({2}, {1, 2})});
  ASSERT_EQ(results.size(), 2u);
  expectNear(*results[0], *floats({1, 2}, {1.0 / 3, 8.0 / 3}));
  expectNear(*results[1], *floats({1}, {1.0 / 3}));
}

TEST_F(InterpreterTest, Embeddings) {
  TensorRef table = floats({3, 2}, {1, 2, 3, 4, 5, 6}), ids = ints({2, 2}, {2, 0, 2, 1});
  expectOp("heddle.embedding %0, %1", {table, ids}, floats({2, 2, 2}, {5, 6, 1, 2, 5, 6, 3, 4}));
  TensorRef dy = floats({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  expectOp("heddle.embedding_grad %0, %1", {ids, dy}, floats({3, 2}, {3, 4, 7, 8, 6, 8}));
  expectOp("heddle.embedding_grad %0, %1 init(%2)", {ids, dy, table},
           floats({3, 2}, {4, 6, 10, 12, 11, 14}));
  expectOp("heddle.gather_rows %0, %1",
           {floats({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}), ints({2}, {1, 0})},
           floats({2, 2}, {3, 4, 5, 6}));
}

TEST_F(InterpreterTest, Rope) {
  double angle = 2 * 0.5, c = std::cos(angle), s = std::sin(angle);
  // Position 2; components 0 and 1 of three turn as one pair.
  TensorRef x = floats({1, 1, 1, 3}, {1, 2, 3}), at2 = ints({1, 1}, {2});
  TensorRef turned = floats({1, 1, 1, 3}, {c - 2 * s, 2 * c + s, 3});
  expectOp("heddle.rope %0, %1 {inv_freq = array<f64: 0.5>}", {x, at2}, turned);
  expectOp("heddle.rope %0, %1 {inv_freq = array<f64: 0.5>, inverse}", {turned, at2}, x);
  expectOp("heddle.rope %0, %1 {inv_freq = array<f64: 0.5>, attention_scaling = 2.0 : f64}",
           {x, at2}, floats({1, 1, 1, 3}, {2 * (c - 2 * s), 2 * (2 * c + s), 3}));
  // Halves against interleaved pairs, on two angles: position 1, frequencies pi/2 and pi.
  TensorRef y = floats({1, 1, 1, 4}, {1, 2, 3, 4}), at1 = ints({1, 1}, {1});
  std::string frequencies = "inv_freq = array<f64: 1.5707963267948966, 3.141592653589793>";
  expectOp("heddle.rope %0, %1 {" + frequencies + "}", {y, at1},
           floats({1, 1, 1, 4}, {-3, -2, 1, -4}));
  expectOp("heddle.rope %0, %1 {" + frequencies + ", interleaved}", {y, at1},
           floats({1, 1, 1, 4}, {-2, 1, -3, -4}));
}

TEST_F(InterpreterTest, CacheUpdate) {
  TensorRef cache = floats({2, 1, 3, 1}, {1, 2, 3, 4, 5, 6});
  expectOp("heddle.cache_update %0, %1, %2",
           {cache, floats({2, 1, 1, 1}, {10, 20}), ints({2}, {2, 0})},
           floats({2, 1, 3, 1}, {1, 2, 10, 20, 5, 6}));
}

TEST_F(InterpreterTest, AttentionWeighsVisibleKeys) {
  // Scores 0 and ln 3 give weights 1/4 and 3/4; the first query of causal attention sees one key.
  auto results = runBody("%r:2 = heddle.attention %0, %1, %2 {scale = 1.0 : f64, causal} : "
                         "(tensor<1x1x2x1xf64>, tensor<1x1x2x1xf64>, tensor<1x1x2x1xf64>) -> "
                         "(tensor<1x1x2x1xf64>, tensor<1x1x2xf64>)\n"
                         "return %r#0, %r#1 : tensor<1x1x2x1xf64>, tensor<1x1x2xf64>",
                         "(tensor<1x1x2x1xf64>, tensor<1x1x2xf64>)",
                         {floats({1, 1, 2, 1}, {1, 1}), floats({1, 1, 2, 1}, {0, std::log(3)}),
                          floats({1, 1, 2, 1}, {8, 16})});
  ASSERT_EQ(results.size(), 2u);
  expectNear(*results[0], *floats({1, 1, 2, 1}, {8, 14}));
  expectNear(*results[1], *floats({1, 1, 2}, {0, std::log(4)}));
}

TEST_F(InterpreterTest, CrossEntropy) {
  std::string types = "tensor<3xf64>, tensor<3xf64>";
  TensorRef logits = floats({3, 2}, {0, std::log(3), 0, 0, 5, 5});
  TensorRef targets = ints({3}, {1, 0, -100});
  auto results =
      runBody("%r:2 = heddle.cross_entropy %0, %1 : (tensor<3x2xf64>, tensor<3xi32>) -> (" + types +
                  ")\nreturn %r#0, %r#1 : " + types,
              "(" + types + ")", {logits, targets});
  ASSERT_EQ(results.size(), 2u);
  expectNear(*results[0], *floats({3}, {std::log(4.0 / 3), std::log(2), 0}));
  expectOp("heddle.cross_entropy_grad %0, %1, %2, %3",
           {logits, targets, results[1], floats({}, {2})},
           floats({3, 2}, {0.5, -0.5, -1, 1, 0, 0}));
  expectOp("heddle.cross_entropy_grad %0, %1, %2, %3",
           {logits, targets, results[1], floats({3}, {2, 1, 7})},
           floats({3, 2}, {0.5, -0.5, -0.5, 0.5, 0, 0}));
  expectOp("heddle.cross_entropy_grad %0, %1, %2, %3 {label_smoothing = 0.5 : f64}",
           {logits, targets, results[1], floats({}, {1})},
           floats({3, 2}, {0, 0, -0.25, 0.25, 0, 0}));
  expectOp("heddle.count_targets %0", {targets}, floats({}, {2}));
  expectOp("heddle.count_targets %0", {ints({2}, {-100, -100})}, floats({}, {1}));
}

TEST_F(InterpreterTest, OptimizerStep) {
  expectOp("heddle.global_norm %0, %1", {floats({2}, {1, 2}), floats({}, {2})}, floats({}, {3}));
  expectOp("heddle.sum_squares %0", {floats({2}, {1, 3})}, floats({1}, {10}));
  expectOp("heddle.norm_of_partials %0, %1", {floats({2}, {4, 2}), floats({1}, {3})},
           floats({}, {3}));
  // First step: m = 0.1 g, v = 0.01 g^2, both corrected back to g and g^2.
  std::string type = "tensor<1xf64>";
  auto results =
      runBody("%r:3 = heddle.adamw %0, %1, %2, %3, %4, %5 {decay} : (" + type + ", " + type + ", " +
                  type + ", " + type + ", tensor<9xf64>, tensor<f64>) -> (" + type + ", " + type +
                  ", " + type + ")\nreturn %r#0, %r#1, %r#2 : " + type + ", " + type + ", " + type,
              "(" + type + ", " + type + ", " + type + ")",
              {floats({1}, {5}), floats({1}, {8}), floats({1}, {0}), floats({1}, {0}),
               floats({9}, {0.5, 0.2, 0.9, 0.1, 0.99, 0.01, 0, 0.1, 0.01}), floats({}, {0.25})});
  ASSERT_EQ(results.size(), 3u);
  expectNear(*results[0], *floats({1}, {5 * 0.9 - 0.5}));
  expectNear(*results[1], *floats({1}, {0.2}));
  expectNear(*results[2], *floats({1}, {0.04}));
}

TEST_F(InterpreterTest, KernelsMeanTheirBodies) {
  auto results =
      runBody("%r:2 = heddle.kernel \"twice\" (%a = %0) : (tensor<2xf64>) -> "
              "(tensor<2xf64>, tensor<2xf64>) {\n"
              "  %y = heddle.add %a, %a : (tensor<2xf64>, tensor<2xf64>) -> tensor<2xf64>\n"
              "  heddle.yield %y, %a : tensor<2xf64>, tensor<2xf64>\n}\n"
              "return %r#0, %r#1, %0 : tensor<2xf64>, tensor<2xf64>, tensor<2xf64>",
              "(tensor<2xf64>, tensor<2xf64>, tensor<2xf64>)", {floats({2}, {1, 2})});
  ASSERT_EQ(results.size(), 3u);
  expectNear(*results[0], *floats({2}, {2, 4}));
  EXPECT_EQ(results[1], results[2]) << "a value that passes through is not copied";
}

} // namespace
} // namespace heddle::ir
