// SPDX-License-Identifier: Apache-2.0
#include "ir/interpreter/Evaluators.h"

namespace heddle::ir {
namespace {

/// y [..., N] = x [..., K] w + bias.
template <typename Number>
void linear(const std::vector<Number> &x, int64_t in, const TensorOf<Number> &w,
            const TensorOf<Number> *bias, bool transposed, std::vector<Number> &y) {
  int64_t out = w.shape[transposed ? 0 : 1], rows = static_cast<int64_t>(x.size()) / in;
  std::vector<SumOf<Number>> sums(y.size(), 0.0);
  for (int64_t i = 0; bias && i < rows * out; ++i)
    sums[i] += bias->floats[i % out];
  multiply(x.data(), w.floats.data(), sums.data(), rows, out, in, false, transposed);
  y.assign(sums.begin(), sums.end());
}

/// `slope` is quick_gelu's.
template <typename Number> Number activate(Activation activation, double slope, Number x) {
  switch (activation) {
  case Activation::relu:
    return reluOf(x);
  case Activation::gelu:
    return geluOf(x, false);
  case Activation::gelu_tanh:
    return geluOf(x, true);
  case Activation::silu:
    return siluOf(x);
  case Activation::quick_gelu:
    return x * sigmoidOf(x * slope);
  }
  return 0;
}

template <typename Number>
absl::Status ffn(FfnOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const TensorOf<Number> &x = in[op.getX()];
  int64_t width = x.shape.back(), hiddenWidth = out[1].shape.back();
  bool transposed = op.getTransposeWeights(), gated = out.size() == 3;
  linear(x.floats, width, in[op.getWIn()], in.find(op.getBIn()), transposed, out[1].floats);
  if (gated)
    linear(x.floats, width, in[op.getWGate()], in.find(op.getBGate()), transposed, out[2].floats);
  std::vector<Number> active = out[1].floats;
  // A constant of the tensors' type, as where the activation is written out.
  auto slope = mlir::FloatAttr::get(op.getX().getType().getElementType(), FfnOp::kQuickGeluSlope);
  auto act = [&](Number value) {
    return activate(op.getActivation(), slope.getValueAsDouble(), value);
  };
  for (size_t i = 0; i < active.size(); ++i)
    active[i] = gated ? act(out[2].floats[i]) * active[i] : act(active[i]);
  if (const double dropout = op.getDropout().convertToDouble(); dropout > 0) {
    const DropoutStream stream = dropoutStream(in[op.getRng()], op.getRngId());
    for (size_t i = 0; i < active.size(); ++i)
      active[i] = active[i] * constantOf<Number>(stream.factor(static_cast<int64_t>(i), dropout));
  }
  linear(active, hiddenWidth, in[op.getWOut()], in.find(op.getBOut()), transposed, out[0].floats);
  return absl::OkStatus();
}

} // namespace

template <typename Number> void addFfnEvaluators(EvaluatorTable<Number> &table) {
  table.add(ffn<Number>);
}

template void addFfnEvaluators(EvaluatorTable<double> &);
template void addFfnEvaluators(EvaluatorTable<Bounded> &);
template void addFfnEvaluators(EvaluatorTable<Single> &);

} // namespace heddle::ir
