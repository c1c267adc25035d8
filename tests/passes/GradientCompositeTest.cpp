// SPDX-License-Identifier: Apache-2.0
// Rules of composite ops: against central differences, and against the gradient of the
// decomposition (expectGradients checks both).
#include <gtest/gtest.h>

#include <cmath>

#include "tests/passes/GradientCheck.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {
namespace {

using Case = GradientCase;

std::vector<Case> normCases() {
  std::vector<Case> cases;
  for (bool gamma : {false, true})
    for (bool beta : {false, true})
      cases.push_back(
          {"layer_norm_" + std::to_string(gamma) + std::to_string(beta), [=](Graph &g) {
             Value x = g.param({2, 3, 7});
             Value scale = gamma ? g.param({7}) : Value();
             Value shift = beta ? g.param({7}) : Value();
             g.output(make<LayerNormOp>(g, x, scale, shift, g.builder().getF64FloatAttr(1e-5)));
           }});
  for (bool gamma : {false, true})
    cases.push_back({"rms_norm_" + std::to_string(gamma), [=](Graph &g) {
                       Value x = g.param({2, 3, 7});
                       Value scale = gamma ? g.param({7}) : Value();
                       g.output(make<RmsNormOp>(g, x, scale, g.builder().getF64FloatAttr(1e-6)));
                     }});
  cases.push_back({"layer_norm_saved_results", [](Graph &g) {
                     auto norm = LayerNormOp::create(g.builder(), g.loc(), g.param({3, 5}), Value(),
                                                     Value(), g.builder().getF64FloatAttr(1e-5));
                     g.output(norm.getY());
                     g.output(norm.getMean());
                     g.output(norm.getRstd());
                   }});
  return cases;
}

/// What distinguishes one attention case from the plain one.
struct AttentionOptions {
  int64_t batch = 2, heads = 2, keyHeads = 2, queries = 5, keys = 5, headSize = 3, valueSize = 3;
  bool causal = true, keyMask = false, lengths = false, bias = false, trainBias = false;
  bool useLse = false;
  std::optional<int64_t> window = std::nullopt;
  std::optional<double> softCap = std::nullopt;
  double dropout = 0;
};

Case attentionCase(std::string name, AttentionOptions o) {
  return {"attention_" + name, [=](Graph &g) {
            OpBuilder &b = g.builder();
            Value q = g.param({o.batch, o.heads, o.queries, o.headSize});
            Value k = g.param({o.batch, o.keyHeads, o.keys, o.headSize});
            Value v = g.param({o.batch, o.keyHeads, o.keys, o.valueSize});
            Value bias;
            if (o.bias || o.trainBias)
              bias = o.trainBias ? g.param({o.heads, 1, o.keys})
                                 : g.floats({1, o.heads, o.queries, o.keys});
            Value mask = o.keyMask ? g.ids({o.batch, o.keys}, 2) : Value();
            Value lengths = o.lengths ? g.ids({o.batch}, o.keys + 1, 1) : Value();
            Value rng = o.dropout > 0 ? g.rng() : Value();
            auto op = AttentionOp::create(b, g.loc(), q, k, v, bias, mask, lengths, rng,
                                          b.getF64FloatAttr(1 / std::sqrt(double(o.headSize))),
                                          o.causal ? b.getUnitAttr() : UnitAttr(),
                                          o.window ? b.getI64IntegerAttr(*o.window) : IntegerAttr(),
                                          o.softCap ? b.getF64FloatAttr(*o.softCap) : FloatAttr(),
                                          b.getF64FloatAttr(o.dropout), b.getI64IntegerAttr(3));
            g.output(op.getO());
            if (o.useLse)
              g.output(op.getLse());
          }};
}

std::vector<Case> attentionCases() {
  return {attentionCase("causal", {}),
          attentionCase("full", {.causal = false}),
          attentionCase("one_query_per_row", {.queries = 1, .keys = 1}),
          attentionCase("more_keys_than_queries", {.queries = 3, .keys = 7}),
          attentionCase("grouped_queries", {.heads = 6, .keyHeads = 2}),
          attentionCase("one_key_head", {.heads = 5, .keyHeads = 1, .valueSize = 4}),
          attentionCase("window", {.queries = 7, .keys = 7, .window = 3}),
          attentionCase("soft_cap", {.softCap = 1.5}),
          attentionCase("padding", {.keyMask = true}),
          attentionCase("lengths", {.causal = false, .lengths = true}),
          attentionCase("dropout", {.dropout = 0.3}),
          attentionCase("everything", {.heads = 4,
                                       .keyMask = true,
                                       .lengths = true,
                                       .bias = true,
                                       .window = 4,
                                       .softCap = 2.0,
                                       .dropout = 0.2}),
          attentionCase("trained_bias", {.trainBias = true}),
          attentionCase("trained_bias_grouped", {.heads = 4, .trainBias = true, .dropout = 0.2}),
          attentionCase("log_sum_exp", {.useLse = true})};
}

Case ffnCase(Activation activation, bool gated, bool transposed, bool biases, double dropout = 0) {
  std::string name = "ffn_" + stringifyActivation(activation).str() + (gated ? "_gated" : "") +
                     (transposed ? "_transposed" : "") + (biases ? "_biases" : "") +
                     (dropout > 0 ? "_dropout" : "");
  return {name, [=](Graph &g) {
            auto weight = [&](int64_t in, int64_t out) {
              return transposed ? g.param({out, in}) : g.param({in, out});
            };
            auto bias = [&](int64_t size, bool on) { return on ? g.param({size}) : Value(); };
            Value x = g.param({2, 3, 5});
            Value wIn = weight(5, 7), bIn = bias(7, biases);
            Value wGate = gated ? weight(5, 7) : Value(), bGate = bias(7, gated && biases);
            Value wOut = weight(7, 5), bOut = bias(5, biases);
            OpBuilder &b = g.builder();
            g.output(make<FfnOp>(g, x, wIn, bIn, wGate, bGate, wOut, bOut,
                                 dropout > 0 ? g.rng() : Value(),
                                 ActivationAttr::get(b.getContext(), activation),
                                 transposed ? b.getUnitAttr() : UnitAttr(),
                                 b.getF64FloatAttr(dropout), b.getI64IntegerAttr(9)));
          }};
}

std::vector<Case> ffnCases() {
  std::vector<Case> cases;
  for (Activation activation : {Activation::relu, Activation::gelu, Activation::gelu_tanh,
                                Activation::silu, Activation::quick_gelu})
    for (bool gated : {false, true})
      cases.push_back(ffnCase(activation, gated, gated, !gated));
  cases.push_back(ffnCase(Activation::silu, true, false, true));
  cases.push_back(ffnCase(Activation::gelu, false, true, false));
  cases.push_back(ffnCase(Activation::gelu, false, true, true, 0.3));
  cases.push_back(ffnCase(Activation::silu, true, false, true, 0.3));
  return cases;
}

Value targets(Graph &g) { return g.idsOf({6}, {4, -100, 0, 2, -100, 4}); }

std::vector<Case> lossCases() {
  std::vector<Case> cases;
  for (double smoothing : {0.0, 0.1})
    cases.push_back(
        {"cross_entropy_" + std::string(smoothing > 0 ? "smoothed" : "plain"), [=](Graph &g) {
           auto op = CrossEntropyOp::create(g.builder(), g.loc(), g.param({6, 5}, -2, 2),
                                            targets(g), -100, APFloat(smoothing));
           g.output(op.getLosses());
         }});
  cases.push_back({"cross_entropy_lse", [](Graph &g) {
                     auto op = CrossEntropyOp::create(g.builder(), g.loc(), g.param({6, 5}, -2, 2),
                                                      targets(g), -100, APFloat(0.0));
                     g.output(op.getLosses());
                     g.output(op.getLse());
                   }});
  cases.push_back({"mean_cross_entropy", [](Graph &g) {
                     Value t = targets(g);
                     auto op = CrossEntropyOp::create(g.builder(), g.loc(), g.param({6, 5}, -2, 2),
                                                      t, -100, APFloat(0.0));
                     Value sum = make<SumOp>(g, op.getLosses(), std::vector<int64_t>{0});
                     Value count = make<CountTargetsOp>(g, sum.getType(), t, -100);
                     g.loss(make<DivOp>(g, sum, count));
                   }});
  for (bool transposed : {false, true})
    for (bool bias : {false, true})
      cases.push_back({"linear_cross_entropy_" + std::to_string(transposed) + std::to_string(bias),
                       [=](Graph &g) {
                         OpBuilder &b = g.builder();
                         Value x = g.param({6, 3}),
                               w = transposed ? g.param({5, 3}) : g.param({3, 5});
                         Value offset = bias ? g.param({5}) : Value();
                         // output() weights it, so that what flows into the loss is not one.
                         Value loss = make<LinearCrossEntropyOp>(
                             g, x, w, offset, targets(g), transposed ? b.getUnitAttr() : UnitAttr(),
                             b.getI64IntegerAttr(-100), b.getF64FloatAttr(bias ? 0.1 : 0.0));
                         g.output(loss);
                       }});
  cases.push_back({"linear_cross_entropy_lse", [](Graph &g) {
                     OpBuilder &b = g.builder();
                     auto op = LinearCrossEntropyOp::create(
                         b, g.loc(), g.param({6, 3}), g.param({3, 5}), Value(), targets(g),
                         UnitAttr(), b.getI64IntegerAttr(-100), b.getF64FloatAttr(0.0));
                     g.loss(op.getLoss());
                     g.output(op.getLse());
                   }});
  return cases;
}

class CompositeGradient : public testing::TestWithParam<Case> {};

TEST_P(CompositeGradient, agrees_with_central_differences_and_decomposition) {
  expectGradients(GetParam().build);
}

std::string compositeName(const testing::TestParamInfo<Case> &info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(norms, CompositeGradient, testing::ValuesIn(normCases()), compositeName);
INSTANTIATE_TEST_SUITE_P(attention, CompositeGradient, testing::ValuesIn(attentionCases()),
                         compositeName);
INSTANTIATE_TEST_SUITE_P(ffn, CompositeGradient, testing::ValuesIn(ffnCases()), compositeName);
INSTANTIATE_TEST_SUITE_P(loss, CompositeGradient, testing::ValuesIn(lossCases()), compositeName);

} // namespace
} // namespace heddle::passes
