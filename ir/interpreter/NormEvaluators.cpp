// SPDX-License-Identifier: Apache-2.0
// layer_norm and rms_norm with their gradients, row by row. rms_norm is layer_norm with the mean
// taken as 0 and no beta, so the two share their loops.

#include <cmath>

#include "ir/interpreter/Evaluators.h"

namespace heddle::ir {
namespace {

/// A row's number from an optional tensor.
double at(const Tensor *tensor, int64_t i, double otherwise) {
  return tensor ? tensor->floats[i] : otherwise;
}

struct Rows {
  explicit Rows(const Tensor &x) : columns(x.shape.back()), count(x.elements() / columns) {}
  int64_t columns, count;
};

double meanOfRow(const Tensor &x, int64_t first, int64_t columns) {
  double total = 0;
  for (int64_t c = 0; c < columns; ++c)
    total += x.floats[first + c];
  return total / columns;
}

void normalise(const Tensor &x, const Tensor *gamma, const Tensor *beta, double eps, bool centre,
               Tensor &y, Tensor *means, Tensor &rstds) {
  Rows rows(x);
  for (int64_t row = 0; row < rows.count; ++row) {
    int64_t first = row * rows.columns;
    double mean = centre ? meanOfRow(x, first, rows.columns) : 0, squares = 0;
    for (int64_t c = 0; c < rows.columns; ++c)
      squares += (x.floats[first + c] - mean) * (x.floats[first + c] - mean);
    double rstd = 1.0 / std::sqrt(squares / rows.columns + eps);
    for (int64_t c = 0; c < rows.columns; ++c)
      y.floats[first + c] = (x.floats[first + c] - mean) * rstd * at(gamma, c, 1) + at(beta, c, 0);
    if (means)
      means->floats[row] = mean;
    rstds.floats[row] = rstd;
  }
}

/// dx = rstd (g - mean(g) - n mean(g n)); without `centre` the term mean(g) is missing.
void inputGradient(const Tensor &dy, const Tensor &x, const Tensor *means, const Tensor &rstds,
                   const Tensor *gamma, bool centre, Tensor &dx) {
  Rows rows(x);
  for (int64_t row = 0; row < rows.count; ++row) {
    int64_t first = row * rows.columns;
    double mean = at(means, row, 0), rstd = rstds.floats[row];
    auto g = [&](int64_t c) { return dy.floats[first + c] * at(gamma, c, 1); };
    auto n = [&](int64_t c) { return (x.floats[first + c] - mean) * rstd; };
    double meanG = 0, meanGn = 0;
    for (int64_t c = 0; c < rows.columns; ++c) {
      meanG += centre ? g(c) / rows.columns : 0;
      meanGn += g(c) * n(c) / rows.columns;
    }
    for (int64_t c = 0; c < rows.columns; ++c)
      dx.floats[first + c] = rstd * (g(c) - meanG - n(c) * meanGn);
  }
}

void paramGradient(const Tensor &dy, const Tensor &x, const Tensor *means, const Tensor &rstds,
                   Tensor &dgamma, Tensor *dbeta) {
  Rows rows(x);
  for (int64_t row = 0; row < rows.count; ++row)
    for (int64_t c = 0; c < rows.columns; ++c) {
      int64_t i = row * rows.columns + c;
      dgamma.floats[c] += dy.floats[i] * (x.floats[i] - at(means, row, 0)) * rstds.floats[row];
      if (dbeta)
        dbeta->floats[c] += dy.floats[i];
    }
}

absl::Status layerNorm(LayerNormOp op, const Inputs &in, Outputs out) {
  normalise(in[op.getX()], in.find(op.getGamma()), in.find(op.getBeta()),
            op.getEps().convertToDouble(), true, out[0], &out[1], out[2]);
  return absl::OkStatus();
}

absl::Status layerNormGrad(LayerNormGradOp op, const Inputs &in, Outputs out) {
  inputGradient(in[op.getDy()], in[op.getX()], &in[op.getMean()], in[op.getRstd()],
                in.find(op.getGamma()), true, out[0]);
  return absl::OkStatus();
}

absl::Status layerNormParamGrad(LayerNormParamGradOp op, const Inputs &in, Outputs out) {
  paramGradient(in[op.getDy()], in[op.getX()], &in[op.getMean()], in[op.getRstd()], out[0],
                &out[1]);
  return absl::OkStatus();
}

absl::Status rmsNorm(RmsNormOp op, const Inputs &in, Outputs out) {
  normalise(in[op.getX()], in.find(op.getGamma()), nullptr, op.getEps().convertToDouble(), false,
            out[0], nullptr, out[1]);
  return absl::OkStatus();
}

absl::Status rmsNormGrad(RmsNormGradOp op, const Inputs &in, Outputs out) {
  inputGradient(in[op.getDy()], in[op.getX()], nullptr, in[op.getRstd()], in.find(op.getGamma()),
                false, out[0]);
  return absl::OkStatus();
}

absl::Status rmsNormParamGrad(RmsNormParamGradOp op, const Inputs &in, Outputs out) {
  paramGradient(in[op.getDy()], in[op.getX()], nullptr, in[op.getRstd()], out[0], nullptr);
  return absl::OkStatus();
}

} // namespace

void addNormEvaluators(EvaluatorTable &table) {
  table.add(layerNorm);
  table.add(layerNormGrad);
  table.add(layerNormParamGrad);
  table.add(rmsNorm);
  table.add(rmsNormGrad);
  table.add(rmsNormParamGrad);
}

} // namespace heddle::ir
