// SPDX-License-Identifier: Apache-2.0
// The law of composite ops: the evaluator of the op and its decomposition give the same numbers.

#include "mlir/IR/Verifier.h"
#include "tests/ir/IrHarness.h"

namespace heddle::ir {
namespace {

class DecompositionTest : public IrTest {
protected:
  /// Replaces every composite op by its decomposition.
  void decomposeAll(mlir::ModuleOp module) {
    llvm::SmallVector<DecomposableOpInterface> ops;
    module.walk([&](DecomposableOpInterface op) { ops.push_back(op); });
    ASSERT_FALSE(ops.empty());
    for (DecomposableOpInterface op : ops) {
      mlir::OpBuilder builder(op);
      llvm::SmallVector<mlir::Value> values = op.decompose(builder);
      ASSERT_EQ(values.size(), op->getNumResults());
      for (auto [result, value] : llvm::zip(op->getResults(), values)) {
        ASSERT_TRUE(value || result.use_empty());
        if (value) {
          ASSERT_EQ(value.getType(), result.getType());
          result.replaceAllUsesWith(value);
        }
      }
      op->erase();
    }
    ASSERT_TRUE(succeeded(mlir::verify(module)));
  }

  /// `op` is one op over the arguments %0, %1 ...; `results` its result types.
  std::vector<TensorRef> expectLaw(const std::string &op, const std::vector<std::string> &results,
                                   const std::vector<TensorRef> &arguments) {
    std::string types, values;
    for (size_t i = 0; i < results.size(); ++i) {
      types += (i ? ", " : "") + results[i];
      values += (i ? ", %r#" : "%r#") + std::to_string(i);
    }
    std::string operands;
    for (size_t i = 0; i < arguments.size(); ++i)
      operands += (i ? ", " : "") + typeText(*arguments[i]);
    std::string count = std::to_string(results.size());
    std::string text = functionText("  %r:" + count + " = " + op + " : (" + operands + ") -> (" +
                                        types + ")\n  return " + values + " : " + types,
                                    "(" + types + ")", arguments);
    SCOPED_TRACE(text);
    auto module = parse(text);
    if (!module)
      return {};
    std::vector<TensorRef> direct = run(*module, arguments);
    decomposeAll(*module);
    if (HasFatalFailure())
      return {};
    std::vector<TensorRef> decomposed = run(*module, arguments);
    EXPECT_EQ(direct.size(), decomposed.size());
    for (size_t i = 0; i < std::min(direct.size(), decomposed.size()); ++i)
      expectNear(*direct[i], *decomposed[i], 1e-11, 1e-11);
    return direct;
  }
};

std::string type(std::vector<int64_t> shape) { return typeText(shaped(std::move(shape))); }

TEST_F(DecompositionTest, LayerNorm) {
  for (auto shape : std::vector<std::vector<int64_t>>{{1, 1}, {3, 13}, {2, 3, 131}, {5}}) {
    int64_t width = shape.back();
    std::vector<int64_t> rows(shape.begin(), shape.end() - 1);
    std::vector<std::string> results{type(shape), type(rows), type(rows)};
    TensorRef x = randomFloats(shape, 1), gamma = randomFloats({width}, 2),
              beta = randomFloats({width}, 3);
    expectLaw("heddle.layer_norm %0 gamma(%1) beta(%2) {eps = 1.0e-5 : f64}", results,
              {x, gamma, beta});
    expectLaw("heddle.layer_norm %0 gamma(%1) {eps = 1.0e-5 : f64}", results, {x, gamma});
    expectLaw("heddle.layer_norm %0 beta(%1) {eps = 1.0e-5 : f64}", results, {x, beta});
    expectLaw("heddle.layer_norm %0 {eps = 1.0e-5 : f64}", results, {x});
  }
}

TEST_F(DecompositionTest, RmsNorm) {
  for (auto shape : std::vector<std::vector<int64_t>>{{1, 1}, {3, 13}, {2, 3, 131}, {5}}) {
    std::vector<int64_t> rows(shape.begin(), shape.end() - 1);
    TensorRef x = randomFloats(shape, 1), gamma = randomFloats({shape.back()}, 2);
    expectLaw("heddle.rms_norm %0 gamma(%1) {eps = 1.0e-6 : f64}", {type(shape), type(rows)},
              {x, gamma});
    expectLaw("heddle.rms_norm %0 {eps = 1.0e-6 : f64}", {type(shape), type(rows)}, {x});
  }
}

TEST_F(DecompositionTest, Ffn) {
  int64_t c = 13, f = 24;
  TensorRef x = randomFloats({3, 5, c}, 1), in = randomFloats({c, f}, 2, 0.3),
            bIn = randomFloats({f}, 3), out = randomFloats({f, c}, 4, 0.3),
            bOut = randomFloats({c}, 5), gate = randomFloats({c, f}, 6, 0.3),
            bGate = randomFloats({f}, 7);
  TensorRef inT = randomFloats({f, c}, 8, 0.3), gateT = randomFloats({f, c}, 9, 0.3),
            outT = randomFloats({c, f}, 10, 0.3);
  std::string y = type({3, 5, c}), h = type({3, 5, f});
  for (std::string act : {"relu", "gelu", "gelu_tanh", "silu", "quick_gelu"}) {
    expectLaw("heddle.ffn " + act + " %0 in(%1, %2) out(%3, %4)", {y, h}, {x, in, bIn, out, bOut});
    expectLaw("heddle.ffn " + act + " %0 in(%1) out(%2)", {y, h}, {x, in, out});
    expectLaw("heddle.ffn " + act + " %0 in(%1, %2) gate(%3, %4) out(%5, %6)", {y, h, h},
              {x, in, bIn, gate, bGate, out, bOut});
    expectLaw("heddle.ffn " + act + " %0 in(%1) gate(%2) out(%3) {transpose_weights}", {y, h, h},
              {x, inT, gateT, outT});
  }
}

TEST_F(DecompositionTest, LinearCrossEntropy) {
  int64_t n = 13, c = 8, v = 131;
  TensorRef x = randomFloats({n, c}, 1), w = randomFloats({c, v}, 2), wT = randomFloats({v, c}, 3),
            bias = randomFloats({v}, 4);
  TensorRef targets = ints({n}, {0, 130, -100, 7, 7, -100, 64, 1, 2, 3, 4, 5, 6});
  TensorRef dloss = floats({}, {0.7});
  std::string loss = type({}), lse = type({n});
  for (std::string smoothing : {"", ", label_smoothing = 0.1 : f64"})
    for (bool transposed : {false, true}) {
      std::string attributes = std::string(" {ignore_index = -100 : i64") +
                               (transposed ? ", transpose_w" : "") + smoothing + "}";
      TensorRef weight = transposed ? wT : w;
      expectLaw("heddle.linear_cross_entropy %0, %1 bias(%2) targets(%3)" + attributes, {loss, lse},
                {x, weight, bias, targets});
      expectLaw("heddle.linear_cross_entropy %0, %1 targets(%2)" + attributes, {loss, lse},
                {x, weight, targets});
      expectLaw(
          "heddle.linear_cross_entropy_train %0, %1 bias(%2) targets(%3) dloss(%4)" + attributes,
          {loss, type({n, c}), typeText(*weight), type({v})}, {x, weight, bias, targets, dloss});
      expectLaw("heddle.linear_cross_entropy_train %0, %1 targets(%2) dloss(%3)" + attributes,
                {loss, type({n, c}), typeText(*weight)}, {x, weight, targets, dloss});
    }
  // As many words as components: only the numbers tell which way round the weight is.
  TensorRef square = randomFloats({c, c}, 5),
            few = ints({n}, {0, 7, 3, 5, 7, 1, 4, 1, 2, 3, 4, 5, 6});
  for (std::string attributes : {"", " {transpose_w}"})
    expectLaw("heddle.linear_cross_entropy_train %0, %1 targets(%2) dloss(%3)" + attributes,
              {loss, type({n, c}), type({c, c})}, {x, square, few, dloss});
  // All targets ignored: the loss is 0, not 0 / 0.
  TensorRef none = ints({n}, std::vector<int64_t>(n, -100));
  auto results =
      expectLaw("heddle.linear_cross_entropy %0, %1 targets(%2)", {loss, lse}, {x, w, none});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0]->floats[0], 0.0);
}

TEST_F(DecompositionTest, GlobalNorm) {
  // One tensor of several chunks, the last of them short.
  expectLaw("heddle.global_norm %0, %1", {type({})},
            {randomFloats({3, 12000}, 1), randomFloats({5}, 2)});
}

TEST_F(DecompositionTest, NarrowTypesKeepTheirTypesAndFormStatisticsInF32) {
  auto module = parse(R"(
    func.func @f(%x: tensor<2x4xbf16>, %g: tensor<4xbf16>, %w: tensor<4x4xbf16>,
                 %q: tensor<1x2x4x8xbf16>, %k: tensor<1x1x4x8xbf16>, %ids: tensor<2xi32>,
                 %mask: tensor<1x4xi64>, %rng: tensor<3xi64>)
        -> (tensor<2x4xbf16>, tensor<2x4xbf16>, tensor<2x4xbf16>, tensor<1x2x4x8xbf16>,
            tensor<1x2x4xf32>, tensor<f32>, tensor<f32>) {
      %n, %mean, %rstd = heddle.layer_norm %x gamma(%g) beta(%g) {eps = 1.0e-5 : f64}
          : (tensor<2x4xbf16>, tensor<4xbf16>, tensor<4xbf16>)
         -> (tensor<2x4xbf16>, tensor<2xf32>, tensor<2xf32>)
      %r, %s = heddle.rms_norm %n gamma(%g) {eps = 1.0e-5 : f64}
          : (tensor<2x4xbf16>, tensor<4xbf16>) -> (tensor<2x4xbf16>, tensor<2xf32>)
      %y, %h, %gate = heddle.ffn silu %r in(%w, %g) gate(%w) out(%w, %g)
          : (tensor<2x4xbf16>, tensor<4x4xbf16>, tensor<4xbf16>, tensor<4x4xbf16>,
             tensor<4x4xbf16>, tensor<4xbf16>)
         -> (tensor<2x4xbf16>, tensor<2x4xbf16>, tensor<2x4xbf16>)
      %o, %lse = heddle.attention %q, %k, %k bias(%w) key_mask(%mask) rng(%rng)
          {scale = 0.5 : f64, causal, soft_cap = 9.0 : f64, dropout = 0.1 : f64}
          : (tensor<1x2x4x8xbf16>, tensor<1x1x4x8xbf16>, tensor<1x1x4x8xbf16>, tensor<4x4xbf16>,
             tensor<1x4xi64>, tensor<3xi64>) -> (tensor<1x2x4x8xbf16>, tensor<1x2x4xf32>)
      %loss, %l = heddle.linear_cross_entropy %y, %w bias(%g) targets(%ids)
          : (tensor<2x4xbf16>, tensor<4x4xbf16>, tensor<4xbf16>, tensor<2xi32>)
         -> (tensor<f32>, tensor<2xf32>)
      %norm = heddle.global_norm %x, %w : (tensor<2x4xbf16>, tensor<4x4xbf16>) -> tensor<f32>
      return %n, %r, %y, %o, %lse, %loss, %norm : tensor<2x4xbf16>, tensor<2x4xbf16>,
          tensor<2x4xbf16>, tensor<1x2x4x8xbf16>, tensor<1x2x4xf32>, tensor<f32>, tensor<f32>
    })");
  ASSERT_TRUE(module);
  decomposeAll(*module);
}

/// One attention problem; the options say which optional operands and attributes are there.
struct AttentionCase {
  std::string name;
  int64_t b, h, g, t, s, d, e;
  std::string attributes;
  std::vector<int64_t> biasShape = {};
  std::vector<int64_t> keyMask = {}; // [B, S]
  std::vector<int64_t> lengths = {}; // [B]
  bool dropout = false;
};

void PrintTo(const AttentionCase &c, std::ostream *out) { *out << c.name; }

class AttentionLaw : public DecompositionTest,
                     public ::testing::WithParamInterface<AttentionCase> {};

TEST_P(AttentionLaw, HoldsAndMaskedRowsAreZero) {
  const AttentionCase &c = GetParam();
  std::vector<TensorRef> arguments{randomFloats({c.b, c.h, c.t, c.d}, 1),
                                   randomFloats({c.b, c.g, c.s, c.d}, 2),
                                   randomFloats({c.b, c.g, c.s, c.e}, 3)};
  std::string op = "heddle.attention %0, %1, %2";
  auto add = [&](const std::string &name, TensorRef tensor) {
    op += " " + name + "(%" + std::to_string(arguments.size()) + ")";
    arguments.push_back(tensor);
  };
  if (!c.biasShape.empty())
    add("bias", randomFloats(c.biasShape, 4));
  if (!c.keyMask.empty())
    add("key_mask", ints({c.b, c.s}, c.keyMask));
  if (!c.lengths.empty())
    add("kv_lengths", ints({c.b}, c.lengths));
  if (c.dropout)
    add("rng", rngState(1234567890123, 5, 2));
  op += " {scale = 0.35 : f64" + c.attributes + "}";
  auto results = expectLaw(op, {type({c.b, c.h, c.t, c.e}), type({c.b, c.h, c.t})}, arguments);
  ASSERT_EQ(results.size(), 2u);
  for (int64_t i = 0; i < results[0]->elements(); ++i)
    ASSERT_TRUE(std::isfinite(results[1]->floats[i / c.e]) || results[0]->floats[i] == 0.0);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, AttentionLaw,
    ::testing::Values(
        AttentionCase{"plain", 1, 1, 1, 1, 1, 8, 8, ""},
        AttentionCase{"cross", 3, 5, 5, 13, 7, 24, 8, ""},
        AttentionCase{"causal", 3, 5, 5, 13, 13, 8, 8, ", causal"},
        AttentionCase{"one_query", 3, 6, 2, 1, 13, 80, 80, ", causal"},
        AttentionCase{"causal_longer_keys", 2, 4, 2, 5, 13, 8, 8, ", causal"},
        // The first queries of causal attention with fewer keys than queries see nothing.
        AttentionCase{"causal_fewer_keys", 2, 2, 2, 7, 4, 8, 8, ", causal"},
        AttentionCase{"grouped", 2, 6, 2, 13, 13, 8, 24, ", causal"},
        AttentionCase{"multi_query", 2, 5, 1, 13, 13, 8, 8, ""},
        AttentionCase{"window", 1, 2, 1, 13, 13, 8, 8, ", causal, window = 4 : i64"},
        AttentionCase{"window_alone", 1, 2, 1, 13, 13, 8, 8, ", window = 4 : i64"},
        AttentionCase{"soft_cap", 1, 2, 1, 13, 13, 8, 8, ", causal, soft_cap = 2.0 : f64"},
        AttentionCase{"bias", 2, 4, 2, 5, 5, 8, 8, ", causal", {1, 4, 5, 5}},
        AttentionCase{"bias_row", 2, 4, 2, 5, 5, 8, 8, ", soft_cap = 3.0 : f64", {5}},
        AttentionCase{"key_mask_with_holes",
                      3,
                      4,
                      2,
                      5,
                      5,
                      8,
                      8,
                      ", causal",
                      {},
                      {1, 0, 1, 0, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0}},
        AttentionCase{"fully_masked_row", 2, 2, 2, 3, 3, 8, 8, "", {}, {0, 0, 0, 1, 0, 1}},
        AttentionCase{"lengths", 3, 4, 2, 1, 7, 8, 8, "", {}, {}, {1, 7, 0}},
        AttentionCase{"dropout",
                      2,
                      2,
                      2,
                      13,
                      13,
                      8,
                      8,
                      ", causal, dropout = 0.3 : f64, rng_id = 9 : i64",
                      {},
                      {},
                      {},
                      true},
        // Grouped heads must not change which element of [B, H, T, S] is dropped.
        AttentionCase{
            "all",
            3,
            6,
            2,
            13,
            13,
            24,
            8,
            ", causal, window = 6 : i64, soft_cap = 5.0 : f64, dropout = 0.5 : f64, rng_id = 3 : "
            "i64",
            {6, 13, 13},
            {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 0, 0, 1,
             1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
            {13, 9, 13},
            true}),
    [](const auto &info) { return info.param.name; });

} // namespace
} // namespace heddle::ir
