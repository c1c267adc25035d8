// SPDX-License-Identifier: Apache-2.0
// Cross entropy, alone and with the linear layer before it.

#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/interpreter/Evaluators.h"

namespace heddle::ir {
namespace {

/// How a row's target becomes a distribution over the vocabulary.
struct Targets {
  template <typename Op>
  Targets(Op op, const Inputs &in, int64_t vocabulary)
      : targets(in[op.getTargets()]), ignoreIndex(op.getIgnoreIndexAttr().getInt()),
        smoothing(op.getLabelSmoothing().convertToDouble()), vocabulary(vocabulary) {}

  absl::Status check() const {
    for (int64_t n = 0; n < targets.elements(); ++n)
      if (!ignored(n) && (targets.ints[n] < 0 || targets.ints[n] >= vocabulary))
        return absl::InvalidArgumentError(
            "targets[" + std::to_string(n) + "] is " + std::to_string(targets.ints[n]) +
            ", expected at least 0 and less than " + std::to_string(vocabulary));
    return absl::OkStatus();
  }

  bool ignored(int64_t n) const { return targets.ints[n] == ignoreIndex; }
  double probability(int64_t n, int64_t v) const {
    return (v == targets.ints[n] ? 1 - smoothing : 0) + smoothing / vocabulary;
  }
  /// The number of rows that count, at least 1.
  double count() const {
    int64_t counted = 0;
    for (int64_t n = 0; n < targets.elements(); ++n)
      counted += !ignored(n);
    return std::max<int64_t>(counted, 1);
  }

  const Tensor &targets;
  int64_t ignoreIndex;
  double smoothing;
  int64_t vocabulary;
};

double logSumExp(const double *row, int64_t count) {
  double largest = -std::numeric_limits<double>::infinity(), total = 0;
  for (int64_t v = 0; v < count; ++v)
    largest = maxOf(largest, row[v]);
  if (largest == -std::numeric_limits<double>::infinity())
    return largest;
  for (int64_t v = 0; v < count; ++v)
    total += std::exp(row[v] - largest);
  return largest + std::log(total);
}

/// The loss of row n; 0 where it is ignored.
double rowLoss(const Targets &targets, const double *row, int64_t n, double lse) {
  if (targets.ignored(n))
    return 0;
  double loss = 0;
  for (int64_t v = 0; v < targets.vocabulary; ++v)
    if (double probability = targets.probability(n, v); probability > 0)
      loss += probability * (lse - row[v]);
  return loss;
}

/// dlogits = dloss (softmax - target distribution); zeros where the row is ignored.
void rowGradient(const Targets &targets, const double *row, int64_t n, double lse, double dloss,
                 double *dlogits) {
  for (int64_t v = 0; v < targets.vocabulary; ++v)
    dlogits[v] =
        targets.ignored(n) ? 0 : dloss * (std::exp(row[v] - lse) - targets.probability(n, v));
}

absl::Status crossEntropy(CrossEntropyOp op, const Inputs &in, Outputs out) {
  const Tensor &logits = in[op.getLogits()];
  Targets targets(op, in, logits.shape[1]);
  if (absl::Status status = targets.check(); !status.ok())
    return status;
  for (int64_t n = 0; n < logits.shape[0]; ++n) {
    const double *row = &logits.floats[n * logits.shape[1]];
    out[1].floats[n] = logSumExp(row, logits.shape[1]);
    out[0].floats[n] = rowLoss(targets, row, n, out[1].floats[n]);
  }
  return absl::OkStatus();
}

absl::Status crossEntropyGrad(CrossEntropyGradOp op, const Inputs &in, Outputs out) {
  const Tensor &logits = in[op.getLogits()], &lse = in[op.getLse()];
  const Tensor &dlosses = in[op.getDlosses()];
  Targets targets(op, in, logits.shape[1]);
  if (absl::Status status = targets.check(); !status.ok())
    return status;
  for (int64_t n = 0; n < logits.shape[0]; ++n)
    rowGradient(targets, &logits.floats[n * logits.shape[1]], n, lse.floats[n],
                dlosses.floats[dlosses.rank() == 0 ? 0 : n], &out[0].floats[n * logits.shape[1]]);
  return absl::OkStatus();
}

absl::Status countTargets(CountTargetsOp op, const Inputs &in, Outputs out) {
  const Tensor &targets = in[op.getTargets()];
  int64_t ignored =
      std::count(targets.ints.begin(), targets.ints.end(), op.getIgnoreIndexAttr().getInt());
  out[0].floats[0] = std::max<int64_t>(targets.elements() - ignored, 1);
  return absl::OkStatus();
}

/// The operands of both linear ops, and one row of logits at a time.
struct LinearLogits {
  template <typename Op>
  LinearLogits(Op op, const Inputs &in)
      : x(in[op.getX()]), w(in[op.getW()]), bias(in.find(op.getBias())),
        transposed(op.getTransposeW()), rows(x.shape[0]), width(x.shape[1]),
        vocabulary(w.shape[transposed ? 0 : 1]) {}

  std::vector<double> row(int64_t n) const {
    std::vector<double> logits = bias ? bias->floats : std::vector<double>(vocabulary, 0.0);
    multiply(&x.floats[n * width], w.floats.data(), logits.data(), 1, vocabulary, width, false,
             transposed);
    return logits;
  }

  const Tensor &x, &w;
  const Tensor *bias;
  bool transposed;
  int64_t rows, width, vocabulary;
};

absl::Status linearCrossEntropy(LinearCrossEntropyOp op, const Inputs &in, Outputs out) {
  LinearLogits logits(op, in);
  Targets targets(op, in, logits.vocabulary);
  if (absl::Status status = targets.check(); !status.ok())
    return status;
  double total = 0;
  for (int64_t n = 0; n < logits.rows; ++n) {
    std::vector<double> row = logits.row(n);
    out[1].floats[n] = logSumExp(row.data(), logits.vocabulary);
    total += rowLoss(targets, row.data(), n, out[1].floats[n]);
  }
  out[0].floats[0] = total / targets.count();
  return absl::OkStatus();
}

absl::Status linearCrossEntropyTrain(LinearCrossEntropyTrainOp op, const Inputs &in, Outputs out) {
  LinearLogits logits(op, in);
  Targets targets(op, in, logits.vocabulary);
  if (absl::Status status = targets.check(); !status.ok())
    return status;
  int64_t width = logits.width, vocabulary = logits.vocabulary;
  double dloss = in[op.getDloss()].floats[0] / targets.count(), total = 0;
  std::vector<double> dlogits(vocabulary);
  for (int64_t n = 0; n < logits.rows; ++n) {
    std::vector<double> row = logits.row(n);
    double lse = logSumExp(row.data(), vocabulary);
    total += rowLoss(targets, row.data(), n, lse);
    rowGradient(targets, row.data(), n, lse, dloss, dlogits.data());
    const double *x = &logits.x.floats[n * width];
    multiply(dlogits.data(), logits.w.floats.data(), &out[1].floats[n * width], 1, width,
             vocabulary, false, !logits.transposed);
    if (logits.transposed)
      multiply(dlogits.data(), x, out[2].floats.data(), vocabulary, width, 1, false, false);
    else
      multiply(x, dlogits.data(), out[2].floats.data(), width, vocabulary, 1, false, false);
    for (int64_t v = 0; logits.bias && v < vocabulary; ++v)
      out[3].floats[v] += dlogits[v];
  }
  out[0].floats[0] = total / targets.count();
  return absl::OkStatus();
}

} // namespace

void addLossEvaluators(EvaluatorTable &table) {
  table.add(crossEntropy);
  table.add(crossEntropyGrad);
  table.add(countTargets);
  table.add(linearCrossEntropy);
  table.add(linearCrossEntropyTrain);
}

} // namespace heddle::ir
