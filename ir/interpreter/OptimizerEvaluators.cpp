// SPDX-License-Identifier: Apache-2.0
#include "ir/interpreter/Evaluators.h"

namespace heddle::ir {
namespace {

template <typename Number>
absl::Status globalNorm(GlobalNormOp op, const Inputs<Number> &in, Outputs<Number> out) {
  SumOf<Number> squares = 0;
  for (mlir::Value value : op.getTensors())
    for (Number element : in[value].floats)
      squares += element * element;
  out[0].floats[0] = rootOfSquares(Number(squares));
  return absl::OkStatus();
}

template <typename Number>
absl::Status sumSquares(SumSquaresOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const std::vector<Number> &x = in[op.getX()].floats;
  std::vector<SumOf<Number>> squares(out[0].floats.size(), 0.0);
  for (size_t i = 0; i < x.size(); ++i)
    squares[i / SumSquaresOp::kChunk] += x[i] * x[i];
  out[0].floats.assign(squares.begin(), squares.end());
  return absl::OkStatus();
}

template <typename Number>
absl::Status normOfPartials(NormOfPartialsOp op, const Inputs<Number> &in, Outputs<Number> out) {
  SumOf<Number> squares = 0;
  for (mlir::Value value : op.getPartials())
    for (Number partial : in[value].floats)
      squares += partial;
  out[0].floats[0] = rootOfSquares(Number(squares));
  return absl::OkStatus();
}

template <typename Number>
absl::Status adamW(AdamWOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const std::vector<Number> &hyper = in[op.getHyper()].floats;
  Number lr = hyper[0], weightDecay = hyper[1], beta1 = hyper[2], oneMinusBeta1 = hyper[3];
  Number beta2 = hyper[4], oneMinusBeta2 = hyper[5], eps = hyper[6];
  Number correction1 = hyper[7], correction2 = hyper[8];
  Number scale = in[op.getGradientScale()].floats[0];
  const TensorOf<Number> &param = in[op.getParam()], &gradient = in[op.getGradient()];
  const TensorOf<Number> &m = in[op.getM()], &v = in[op.getV()];
  for (size_t i = 0; i < param.floats.size(); ++i) {
    Number g = gradient.floats[i] * scale;
    Number decayed = op.getDecay() ? param.floats[i] * (1.0 - lr * weightDecay) : param.floats[i];
    Number newM = beta1 * m.floats[i] + oneMinusBeta1 * g;
    Number newV = beta2 * v.floats[i] + oneMinusBeta2 * g * g;
    Number denominator = rootOfSquares(newV) / rootOfSquares(correction2) + eps;
    out[0].floats[i] = decayed - lr / correction1 * newM / denominator;
    out[1].floats[i] = newM;
    out[2].floats[i] = newV;
  }
  return absl::OkStatus();
}

} // namespace

template <typename Number> void addOptimizerEvaluators(EvaluatorTable<Number> &table) {
  table.add(globalNorm<Number>);
  table.add(sumSquares<Number>);
  table.add(normOfPartials<Number>);
  table.add(adamW<Number>);
}

template void addOptimizerEvaluators(EvaluatorTable<double> &);
template void addOptimizerEvaluators(EvaluatorTable<Bounded> &);
template void addOptimizerEvaluators(EvaluatorTable<Single> &);

} // namespace heddle::ir
