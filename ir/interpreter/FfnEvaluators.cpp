// SPDX-License-Identifier: Apache-2.0
#include "ir/interpreter/Evaluators.h"

namespace heddle::ir {
namespace {

/// y [..., N] = x [..., K] w + bias.
void linear(const std::vector<double> &x, int64_t in, const Tensor &w, const Tensor *bias,
            bool transposed, std::vector<double> &y) {
  int64_t out = w.shape[transposed ? 0 : 1], rows = static_cast<int64_t>(x.size()) / in;
  for (int64_t i = 0; bias && i < rows * out; ++i)
    y[i] = bias->floats[i % out];
  multiply(x.data(), w.floats.data(), y.data(), rows, out, in, false, transposed);
}

double activate(Activation activation, double x) {
  switch (activation) {
  case Activation::relu:
    return reluOf(x);
  case Activation::gelu:
    return geluOf(x, false);
  case Activation::gelu_tanh:
    return geluOf(x, true);
  case Activation::silu:
    return x * sigmoidOf(x);
  }
  return 0;
}

absl::Status ffn(FfnOp op, const Inputs &in, Outputs out) {
  const Tensor &x = in[op.getX()];
  int64_t width = x.shape.back(), hiddenWidth = out[1].shape.back();
  bool transposed = op.getTransposeWeights(), gated = out.size() == 3;
  linear(x.floats, width, in[op.getWIn()], in.find(op.getBIn()), transposed, out[1].floats);
  if (gated)
    linear(x.floats, width, in[op.getWGate()], in.find(op.getBGate()), transposed, out[2].floats);
  std::vector<double> active = out[1].floats;
  for (size_t i = 0; i < active.size(); ++i)
    active[i] = gated ? activate(op.getActivation(), out[2].floats[i]) * active[i]
                      : activate(op.getActivation(), active[i]);
  linear(active, hiddenWidth, in[op.getWOut()], in.find(op.getBOut()), transposed, out[0].floats);
  return absl::OkStatus();
}

} // namespace

void addFfnEvaluators(EvaluatorTable &table) { table.add(ffn); }

} // namespace heddle::ir
