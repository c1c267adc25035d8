// SPDX-License-Identifier: Apache-2.0
// The ops that are gradients of other ops, against central differences of those.

#include "tests/ir/IrHarness.h"

namespace heddle::ir {
namespace {

class GradientOpTest : public IrTest {
protected:
  /// Runs one op over %0, %1 ...
  std::vector<TensorRef> runOp(const std::string &op, const std::vector<TensorRef> &arguments,
                               const std::vector<std::string> &results) {
    std::string operands, types, values;
    for (size_t i = 0; i < arguments.size(); ++i)
      operands += (i ? ", " : "") + typeText(*arguments[i]);
    for (size_t i = 0; i < results.size(); ++i) {
      types += (i ? ", " : "") + results[i];
      values += (i ? ", %r#" : "%r#") + std::to_string(i);
    }
    return runBody("%r:" + std::to_string(results.size()) + " = " + op + " : (" + operands +
                       ") -> (" + types + ")\nreturn " + values + " : " + types,
                   "(" + types + ")", arguments);
  }

  /// The gradient of <first result of op, dy> by argument `index`.
  Tensor differences(const std::string &op, std::vector<TensorRef> arguments,
                     const std::vector<std::string> &results, const Tensor &dy, size_t index) {
    const double h = 1e-5;
    Tensor x = *arguments[index], gradient = x;
    auto loss = [&](size_t i, double step) {
      Tensor moved = x;
      moved.floats[i] += step;
      arguments[index] = std::make_shared<const Tensor>(moved);
      Tensor y = *runOp(op, arguments, results)[0];
      double total = 0;
      for (size_t k = 0; k < y.floats.size(); ++k)
        total += y.floats[k] * dy.floats[k];
      return total;
    };
    for (size_t i = 0; i < x.floats.size(); ++i)
      gradient.floats[i] = (loss(i, h) - loss(i, -h)) / (2 * h);
    return gradient;
  }
};

TEST_F(GradientOpTest, Activations) {
  TensorRef x = randomFloats({24}, 1, 2.0), dy = randomFloats({24}, 2);
  for (auto [forward, gradient, attributes] : {std::tuple("relu", "relu_grad", ""),
                                               {"silu", "silu_grad", ""},
                                               {"gelu", "gelu_grad", ""},
                                               {"gelu", "gelu_grad", " {tanh_approximation}"}}) {
    SCOPED_TRACE(gradient);
    auto unary = [&](const TensorRef &at) {
      return runBody("%r = heddle." + std::string(forward) + " %0" + attributes +
                         " : tensor<24xf64>\nreturn %r : tensor<24xf64>",
                     "tensor<24xf64>", {at})[0];
    };
    auto results = runBody("%r = heddle." + std::string(gradient) + " %0, %1" + attributes +
                               " : tensor<24xf64>\nreturn %r : tensor<24xf64>",
                           "tensor<24xf64>", {x, dy});
    Tensor plus = *x, minus = *x, expected = *x;
    for (size_t i = 0; i < 24; ++i) {
      plus.floats[i] += 1e-5;
      minus.floats[i] -= 1e-5;
    }
    TensorRef high = unary(std::make_shared<const Tensor>(plus));
    TensorRef low = unary(std::make_shared<const Tensor>(minus));
    for (size_t i = 0; i < 24; ++i)
      expected.floats[i] = dy->floats[i] * (high->floats[i] - low->floats[i]) / 2e-5;
    expectNear(*results[0], expected, 1e-6, 1e-8);
  }
}

TEST_F(GradientOpTest, Softmax) {
  TensorRef x = randomFloats({3, 7}, 1), dy = randomFloats({3, 7}, 2);
  std::string type = "tensor<3x7xf64>";
  auto softmax = [&](const Tensor &at) {
    return runBody("%r = heddle.softmax %0 : " + type + "\nreturn %r : " + type, type,
                   {std::make_shared<const Tensor>(at)})[0];
  };
  Tensor expected = *x;
  for (size_t i = 0; i < x->floats.size(); ++i) {
    Tensor high = *x, low = *x;
    high.floats[i] += 1e-5;
    low.floats[i] -= 1e-5;
    TensorRef up = softmax(high), down = softmax(low);
    double slope = 0;
    for (size_t k = 0; k < x->floats.size(); ++k)
      slope += dy->floats[k] * (up->floats[k] - down->floats[k]) / 2e-5;
    expected.floats[i] = slope;
  }
  auto dx = runBody("%r = heddle.softmax_grad %0, %1 : " + type + "\nreturn %r : " + type, type,
                    {softmax(*x), dy});
  expectNear(*dx[0], expected, 1e-6, 1e-8);
}

TEST_F(GradientOpTest, LayerNorm) {
  TensorRef x = randomFloats({2, 3, 13}, 1), gamma = randomFloats({13}, 2),
            beta = randomFloats({13}, 3), dy = randomFloats({2, 3, 13}, 4);
  std::string wide = typeText(*x), rows = typeText(shaped({2, 3})), weights = typeText(*gamma);
  std::string forward = "heddle.layer_norm %0 gamma(%1) beta(%2) {eps = 1.0e-5 : f64}";
  std::vector<std::string> results{wide, rows, rows};
  std::vector<TensorRef> arguments{x, gamma, beta};
  auto y = runOp(forward, arguments, results);
  auto dx =
      runOp("heddle.layer_norm_grad %0, %1, %2, %3 gamma(%4)", {dy, x, y[1], y[2], gamma}, {wide});
  auto params =
      runOp("heddle.layer_norm_param_grad %0, %1, %2, %3", {dy, x, y[1], y[2]}, {weights, weights});
  expectNear(*dx[0], differences(forward, arguments, results, *dy, 0), 1e-6, 1e-8);
  expectNear(*params[0], differences(forward, arguments, results, *dy, 1), 1e-6, 1e-8);
  expectNear(*params[1], differences(forward, arguments, results, *dy, 2), 1e-6, 1e-8);
}

TEST_F(GradientOpTest, RmsNorm) {
  TensorRef x = randomFloats({2, 3, 13}, 1), gamma = randomFloats({13}, 2),
            dy = randomFloats({2, 3, 13}, 4);
  std::string wide = typeText(*x), rows = typeText(shaped({2, 3}));
  std::string forward = "heddle.rms_norm %0 gamma(%1) {eps = 1.0e-5 : f64}";
  std::vector<TensorRef> arguments{x, gamma};
  auto y = runOp(forward, arguments, {wide, rows});
  auto dx = runOp("heddle.rms_norm_grad %0, %1, %2 gamma(%3)", {dy, x, y[1], gamma}, {wide});
  auto dgamma = runOp("heddle.rms_norm_param_grad %0, %1, %2", {dy, x, y[1]}, {typeText(*gamma)});
  expectNear(*dx[0], differences(forward, arguments, {wide, rows}, *dy, 0), 1e-6, 1e-8);
  expectNear(*dgamma[0], differences(forward, arguments, {wide, rows}, *dy, 1), 1e-6, 1e-8);
  // Without gamma.
  std::string plain = "heddle.rms_norm %0 {eps = 1.0e-5 : f64}";
  auto z = runOp(plain, {x}, {wide, rows});
  auto dPlain = runOp("heddle.rms_norm_grad %0, %1, %2", {dy, x, z[1]}, {wide});
  expectNear(*dPlain[0], differences(plain, {x}, {wide, rows}, *dy, 0), 1e-6, 1e-8);
}

TEST_F(GradientOpTest, CrossEntropy) {
  TensorRef logits = randomFloats({4, 7}, 1), targets = ints({4}, {3, 0, -100, 6}),
            dlosses = randomFloats({4}, 2);
  std::string rows = typeText(shaped({4}));
  for (std::string attributes : {"", " {label_smoothing = 0.2 : f64}"}) {
    std::string forward = "heddle.cross_entropy %0, %1" + attributes;
    auto y = runOp(forward, {logits, targets}, {rows, rows});
    auto dlogits = runOp("heddle.cross_entropy_grad %0, %1, %2, %3" + attributes,
                         {logits, targets, y[1], dlosses}, {typeText(*logits)});
    expectNear(*dlogits[0], differences(forward, {logits, targets}, {rows, rows}, *dlosses, 0),
               1e-6, 1e-8);
  }
}

TEST_F(GradientOpTest, LinearCrossEntropyTrain) {
  TensorRef x = randomFloats({4, 5}, 1), w = randomFloats({5, 7}, 2), bias = randomFloats({7}, 3),
            targets = ints({4}, {3, 0, -100, 6}), dloss = floats({}, {1.7});
  std::string scalar = typeText(*dloss);
  std::string operands = " %0, %1 bias(%2) targets(%3)", smooth = " {label_smoothing = 0.1 : f64}";
  std::vector<TensorRef> arguments{x, w, bias, targets};
  std::vector<std::string> results{scalar, typeText(shaped({4}))};
  auto train =
      runOp("heddle.linear_cross_entropy_train" + operands + " dloss(%4)" + smooth,
            {x, w, bias, targets, dloss}, {scalar, typeText(*x), typeText(*w), typeText(*bias)});
  std::string forward = "heddle.linear_cross_entropy" + operands + smooth;
  expectNear(*train[0], *runOp(forward, arguments, results)[0]);
  for (size_t i = 0; i < 3; ++i)
    expectNear(*train[i + 1], differences(forward, arguments, results, *dloss, i), 1e-6, 1e-8);
}

/// Attention over [2, 4, 5, 6] queries and 2 key heads of 7 keys, with `operands` after q, k, v.
struct AttentionOptions {
  std::string name, attributes, extra;
  std::vector<TensorRef> operands;
};

TEST_F(GradientOpTest, Attention) {
  TensorRef q = randomFloats({2, 4, 5, 6}, 1), k = randomFloats({2, 2, 7, 6}, 2),
            v = randomFloats({2, 2, 7, 3}, 3), dO = randomFloats({2, 4, 5, 3}, 4);
  std::vector<std::string> results{typeText(*dO), typeText(shaped({2, 4, 5}))};
  TensorRef mask = ints({2, 7}, {1, 0, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0});
  std::vector<AttentionOptions> cases{
      {"plain", "", "", {}},
      {"causal", ", causal", "", {}},
      {"window", ", causal, window = 2 : i64", "", {}},
      {"soft_cap", ", soft_cap = 1.5 : f64", "", {}},
      {"bias", ", soft_cap = 1.5 : f64", " bias(%3)", {randomFloats({4, 1, 7}, 5)}},
      {"masked", ", causal", " key_mask(%3)", {mask}},
      {"lengths", "", " kv_lengths(%3)", {ints({2}, {3, 7})}},
      {"dropout",
       ", causal, dropout = 0.4 : f64, rng_id = 2 : i64",
       " rng(%3)",
       {rngState(9, 1, 3)}}};
  for (const AttentionOptions &c : cases) {
    SCOPED_TRACE(c.name);
    std::string attributes = " {scale = 0.6 : f64" + c.attributes + "}";
    std::vector<TensorRef> arguments{q, k, v};
    arguments.insert(arguments.end(), c.operands.begin(), c.operands.end());
    std::string forward = "heddle.attention %0, %1, %2" + c.extra + attributes;
    auto y = runOp(forward, arguments, results);
    std::vector<TensorRef> all{q, k, v, y[0], y[1], dO};
    all.insert(all.end(), c.operands.begin(), c.operands.end());
    std::string extra = c.extra;
    if (size_t at = extra.find("%3"); at != std::string::npos)
      extra.replace(at, 2, "%6");
    std::vector<std::string> types{typeText(*q), typeText(*k), typeText(*v)};
    const bool biased = std::string(c.name) == "bias";
    if (biased)
      types.push_back(typeText(*c.operands[0]));
    auto gradients =
        runOp("heddle.attention_grad %0, %1, %2, %3, %4, %5" + extra + attributes, all, types);
    ASSERT_EQ(gradients.size(), types.size());
    for (size_t i = 0; i < types.size(); ++i)
      expectNear(*gradients[i], differences(forward, arguments, results, *dO, i), 1e-6, 1e-8);
  }
}

} // namespace
} // namespace heddle::ir
