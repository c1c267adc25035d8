// SPDX-License-Identifier: Apache-2.0
// layer_norm and rms_norm with their gradients, row by row. rms_norm is layer_norm with the mean
// taken as 0 and no beta, so the two share their loops.

#include <cmath>

#include "ir/interpreter/Evaluators.h"

namespace heddle::ir {
namespace {

/// A row's number from an optional tensor.
template <typename Number> Number at(const TensorOf<Number> *tensor, int64_t i, double otherwise) {
  return tensor ? tensor->floats[i] : Number(otherwise);
}

struct Rows {
  template <typename Number>
  explicit Rows(const TensorOf<Number> &x)
      : columns(x.shape.back()), count(x.elements() / columns) {}
  int64_t columns, count;
};

template <typename Number>
Number meanOfRow(const TensorOf<Number> &x, int64_t first, int64_t columns) {
  SumOf<Number> total = 0;
  for (int64_t c = 0; c < columns; ++c)
    total += x.floats[first + c];
  return Number(total) / columns;
}

template <typename Number>
void normalise(const TensorOf<Number> &x, const TensorOf<Number> *gamma,
               const TensorOf<Number> *beta, double eps, bool centre, TensorOf<Number> &y,
               TensorOf<Number> *means, TensorOf<Number> &rstds) {
  Rows rows(x);
  for (int64_t row = 0; row < rows.count; ++row) {
    int64_t first = row * rows.columns;
    Number mean = centre ? meanOfRow(x, first, rows.columns) : Number(0.0);
    SumOf<Number> squares = 0;
    for (int64_t c = 0; c < rows.columns; ++c)
      squares += (x.floats[first + c] - mean) * (x.floats[first + c] - mean);
    Number rstd = 1.0 / rootOfSquares(Number(squares) / rows.columns + constantOf<Number>(eps));
    for (int64_t c = 0; c < rows.columns; ++c)
      y.floats[first + c] = (x.floats[first + c] - mean) * rstd * at(gamma, c, 1) + at(beta, c, 0);
    if (means)
      means->floats[row] = mean;
    rstds.floats[row] = rstd;
  }
}

/// dx = rstd (g - mean(g) - n mean(g n)); without `centre` the term mean(g) is missing.
template <typename Number>
void inputGradient(const TensorOf<Number> &dy, const TensorOf<Number> &x,
                   const TensorOf<Number> *means, const TensorOf<Number> &rstds,
                   const TensorOf<Number> *gamma, bool centre, TensorOf<Number> &dx) {
  Rows rows(x);
  for (int64_t row = 0; row < rows.count; ++row) {
    int64_t first = row * rows.columns;
    Number mean = at(means, row, 0), rstd = rstds.floats[row];
    auto g = [&](int64_t c) { return dy.floats[first + c] * at(gamma, c, 1); };
    auto n = [&](int64_t c) { return (x.floats[first + c] - mean) * rstd; };
    SumOf<Number> sumG = 0, sumGn = 0;
    for (int64_t c = 0; c < rows.columns; ++c) {
      sumG += centre ? g(c) : Number(0.0);
      sumGn += g(c) * n(c);
    }
    Number meanG = Number(sumG) / rows.columns, meanGn = Number(sumGn) / rows.columns;
    for (int64_t c = 0; c < rows.columns; ++c)
      dx.floats[first + c] = rstd * (g(c) - meanG - n(c) * meanGn);
  }
}

template <typename Number>
void paramGradient(const TensorOf<Number> &dy, const TensorOf<Number> &x,
                   const TensorOf<Number> *means, const TensorOf<Number> &rstds,
                   TensorOf<Number> &dgamma, TensorOf<Number> *dbeta) {
  Rows rows(x);
  std::vector<SumOf<Number>> ofGamma(rows.columns, 0.0), ofBeta(rows.columns, 0.0);
  for (int64_t row = 0; row < rows.count; ++row)
    for (int64_t c = 0; c < rows.columns; ++c) {
      int64_t i = row * rows.columns + c;
      ofGamma[c] += dy.floats[i] * (x.floats[i] - at(means, row, 0)) * rstds.floats[row];
      ofBeta[c] += dy.floats[i];
    }
  dgamma.floats.assign(ofGamma.begin(), ofGamma.end());
  if (dbeta)
    dbeta->floats.assign(ofBeta.begin(), ofBeta.end());
}

template <typename Number>
absl::Status layerNorm(LayerNormOp op, const Inputs<Number> &in, Outputs<Number> out) {
  normalise<Number>(in[op.getX()], in.find(op.getGamma()), in.find(op.getBeta()),
                    op.getEps().convertToDouble(), true, out[0], &out[1], out[2]);
  return absl::OkStatus();
}

template <typename Number>
absl::Status layerNormGrad(LayerNormGradOp op, const Inputs<Number> &in, Outputs<Number> out) {
  inputGradient<Number>(in[op.getDy()], in[op.getX()], &in[op.getMean()], in[op.getRstd()],
                        in.find(op.getGamma()), true, out[0]);
  return absl::OkStatus();
}

template <typename Number>
absl::Status layerNormParamGrad(LayerNormParamGradOp op, const Inputs<Number> &in,
                                Outputs<Number> out) {
  paramGradient<Number>(in[op.getDy()], in[op.getX()], &in[op.getMean()], in[op.getRstd()], out[0],
                        &out[1]);
  return absl::OkStatus();
}

template <typename Number>
absl::Status rmsNorm(RmsNormOp op, const Inputs<Number> &in, Outputs<Number> out) {
  normalise<Number>(in[op.getX()], in.find(op.getGamma()), nullptr, op.getEps().convertToDouble(),
                    false, out[0], nullptr, out[1]);
  return absl::OkStatus();
}

template <typename Number>
absl::Status rmsNormGrad(RmsNormGradOp op, const Inputs<Number> &in, Outputs<Number> out) {
  inputGradient<Number>(in[op.getDy()], in[op.getX()], nullptr, in[op.getRstd()],
                        in.find(op.getGamma()), false, out[0]);
  return absl::OkStatus();
}

template <typename Number>
absl::Status rmsNormParamGrad(RmsNormParamGradOp op, const Inputs<Number> &in,
                              Outputs<Number> out) {
  paramGradient<Number>(in[op.getDy()], in[op.getX()], nullptr, in[op.getRstd()], out[0], nullptr);
  return absl::OkStatus();
}

} // namespace

template <typename Number> void addNormEvaluators(EvaluatorTable<Number> &table) {
  table.add(layerNorm<Number>);
  table.add(layerNormGrad<Number>);
  table.add(layerNormParamGrad<Number>);
  table.add(rmsNorm<Number>);
  table.add(rmsNormGrad<Number>);
  table.add(rmsNormParamGrad<Number>);
}

template void addNormEvaluators(EvaluatorTable<double> &);
template void addNormEvaluators(EvaluatorTable<Bounded> &);
template void addNormEvaluators(EvaluatorTable<Single> &);

} // namespace heddle::ir
