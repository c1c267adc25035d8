// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ir/interpreter/Evaluators.h"

namespace heddle::ir {
namespace {

absl::Status globalNorm(GlobalNormOp op, const Inputs &in, Outputs out) {
  double squares = 0;
  for (mlir::Value value : op.getTensors())
    for (double element : in[value].floats)
      squares += element * element;
  out[0].floats[0] = std::sqrt(squares);
  return absl::OkStatus();
}

absl::Status sumSquares(SumSquaresOp op, const Inputs &in, Outputs out) {
  const std::vector<double> &x = in[op.getX()].floats;
  for (size_t i = 0; i < x.size(); ++i)
    out[0].floats[i / SumSquaresOp::kChunk] += x[i] * x[i];
  return absl::OkStatus();
}

absl::Status normOfPartials(NormOfPartialsOp op, const Inputs &in, Outputs out) {
  double squares = 0;
  for (mlir::Value value : op.getPartials())
    for (double partial : in[value].floats)
      squares += partial;
  out[0].floats[0] = std::sqrt(squares);
  return absl::OkStatus();
}

absl::Status adamW(AdamWOp op, const Inputs &in, Outputs out) {
  const std::vector<double> &hyper = in[op.getHyper()].floats;
  double lr = hyper[0], weightDecay = hyper[1], beta1 = hyper[2], oneMinusBeta1 = hyper[3];
  double beta2 = hyper[4], oneMinusBeta2 = hyper[5], eps = hyper[6];
  double correction1 = hyper[7], correction2 = hyper[8];
  double scale = in[op.getGradientScale()].floats[0];
  const Tensor &param = in[op.getParam()], &gradient = in[op.getGradient()];
  const Tensor &m = in[op.getM()], &v = in[op.getV()];
  for (size_t i = 0; i < param.floats.size(); ++i) {
    double g = gradient.floats[i] * scale;
    double decayed = op.getDecay() ? param.floats[i] * (1 - lr * weightDecay) : param.floats[i];
    double newM = beta1 * m.floats[i] + oneMinusBeta1 * g;
    double newV = beta2 * v.floats[i] + oneMinusBeta2 * g * g;
    double denominator = std::sqrt(newV) / std::sqrt(correction2) + eps;
    out[0].floats[i] = decayed - lr / correction1 * newM / denominator;
    out[1].floats[i] = newM;
    out[2].floats[i] = newV;
  }
  return absl::OkStatus();
}

} // namespace

void addOptimizerEvaluators(EvaluatorTable &table) {
  table.add(globalNorm);
  table.add(sumSquares);
  table.add(normOfPartials);
  table.add(adamW);
}

} // namespace heddle::ir
