// SPDX-License-Identifier: Apache-2.0
// Cross entropy, alone and with the linear layer before it.

#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/interpreter/Evaluators.h"

namespace heddle::ir {
namespace {

/// How a row's target becomes a distribution over the vocabulary.
template <typename Number> struct Targets {
  template <typename Op>
  Targets(Op op, const Inputs<Number> &in, int64_t vocabulary)
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
  Number probability(int64_t n, int64_t v) const {
    return constantOf<Number>((v == targets.ints[n] ? 1 - smoothing : 0) + smoothing / vocabulary);
  }
  /// The number of rows that count, at least 1.
  double count() const {
    int64_t counted = 0;
    for (int64_t n = 0; n < targets.elements(); ++n)
      counted += !ignored(n);
    return std::max<int64_t>(counted, 1);
  }

  const TensorOf<Number> &targets;
  int64_t ignoreIndex;
  double smoothing;
  int64_t vocabulary;
};

template <typename Number> Number logSumExp(const Number *row, int64_t count) {
  // The result is the same whatever is taken from the row: the shift has no error.
  double largest = -std::numeric_limits<double>::infinity();
  SumOf<Number> total = 0;
  for (int64_t v = 0; v < count; ++v)
    largest = maxOf(largest, valueOf(row[v]));
  if (largest == -std::numeric_limits<double>::infinity())
    return largest;
  for (int64_t v = 0; v < count; ++v)
    total += expOf(row[v] - largest);
  return largest + logOf(Number(total));
}

/// The loss of row n; 0 where it is ignored.
template <typename Number>
Number rowLoss(const Targets<Number> &targets, const Number *row, int64_t n, Number lse) {
  if (targets.ignored(n))
    return 0;
  SumOf<Number> loss = 0;
  for (int64_t v = 0; v < targets.vocabulary; ++v)
    if (Number probability = targets.probability(n, v); valueOf(probability) > 0)
      loss += probability * (lse - row[v]);
  return loss;
}

/// dlogits = dloss (softmax - target distribution); zeros where the row is ignored.
template <typename Number>
void rowGradient(const Targets<Number> &targets, const Number *row, int64_t n, Number lse,
                 Number dloss, Number *dlogits) {
  for (int64_t v = 0; v < targets.vocabulary; ++v)
    dlogits[v] = targets.ignored(n) ? Number(0.0)
                                    : dloss * (expOf(row[v] - lse) - targets.probability(n, v));
}

template <typename Number>
absl::Status crossEntropy(CrossEntropyOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const TensorOf<Number> &logits = in[op.getLogits()];
  Targets<Number> targets(op, in, logits.shape[1]);
  if (absl::Status status = targets.check(); !status.ok())
    return status;
  for (int64_t n = 0; n < logits.shape[0]; ++n) {
    const Number *row = &logits.floats[n * logits.shape[1]];
    out[1].floats[n] = logSumExp(row, logits.shape[1]);
    out[0].floats[n] = rowLoss(targets, row, n, out[1].floats[n]);
  }
  return absl::OkStatus();
}

template <typename Number>
absl::Status crossEntropyGrad(CrossEntropyGradOp op, const Inputs<Number> &in,
                              Outputs<Number> out) {
  const TensorOf<Number> &logits = in[op.getLogits()], &lse = in[op.getLse()];
  const TensorOf<Number> &dlosses = in[op.getDlosses()];
  Targets<Number> targets(op, in, logits.shape[1]);
  if (absl::Status status = targets.check(); !status.ok())
    return status;
  for (int64_t n = 0; n < logits.shape[0]; ++n)
    rowGradient(targets, &logits.floats[n * logits.shape[1]], n, lse.floats[n],
                dlosses.floats[dlosses.rank() == 0 ? 0 : n], &out[0].floats[n * logits.shape[1]]);
  return absl::OkStatus();
}

template <typename Number>
absl::Status countTargets(CountTargetsOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const TensorOf<Number> &targets = in[op.getTargets()];
  int64_t ignored =
      std::count(targets.ints.begin(), targets.ints.end(), op.getIgnoreIndexAttr().getInt());
  out[0].floats[0] = std::max<int64_t>(targets.elements() - ignored, 1);
  return absl::OkStatus();
}

/// The operands of both linear ops, and one row of logits at a time.
template <typename Number> struct LinearLogits {
  template <typename Op>
  LinearLogits(Op op, const Inputs<Number> &in)
      : x(in[op.getX()]), w(in[op.getW()]), bias(in.find(op.getBias())),
        transposed(op.getTransposeW()), rows(x.shape[0]), width(x.shape[1]),
        vocabulary(w.shape[transposed ? 0 : 1]) {}

  std::vector<Number> row(int64_t n) const {
    std::vector<SumOf<Number>> sums(vocabulary, 0.0);
    for (int64_t v = 0; bias && v < vocabulary; ++v)
      sums[v] += bias->floats[v];
    multiply(&x.floats[n * width], w.floats.data(), sums.data(), 1, vocabulary, width, false,
             transposed);
    return std::vector<Number>(sums.begin(), sums.end());
  }

  const TensorOf<Number> &x, &w;
  const TensorOf<Number> *bias;
  bool transposed;
  int64_t rows, width, vocabulary;
};

template <typename Number>
absl::Status linearCrossEntropy(LinearCrossEntropyOp op, const Inputs<Number> &in,
                                Outputs<Number> out) {
  LinearLogits<Number> logits(op, in);
  Targets<Number> targets(op, in, logits.vocabulary);
  if (absl::Status status = targets.check(); !status.ok())
    return status;
  SumOf<Number> total = 0;
  for (int64_t n = 0; n < logits.rows; ++n) {
    std::vector<Number> row = logits.row(n);
    out[1].floats[n] = logSumExp(row.data(), logits.vocabulary);
    total += rowLoss(targets, row.data(), n, out[1].floats[n]);
  }
  out[0].floats[0] = Number(total) / targets.count();
  return absl::OkStatus();
}

template <typename Number>
absl::Status linearCrossEntropyTrain(LinearCrossEntropyTrainOp op, const Inputs<Number> &in,
                                     Outputs<Number> out) {
  LinearLogits<Number> logits(op, in);
  Targets<Number> targets(op, in, logits.vocabulary);
  if (absl::Status status = targets.check(); !status.ok())
    return status;
  int64_t width = logits.width, vocabulary = logits.vocabulary;
  Number dloss = in[op.getDloss()].floats[0] / targets.count();
  SumOf<Number> total = 0;
  std::vector<Number> dlogits(vocabulary);
  std::vector<SumOf<Number>> dx(out[1].floats.size(), 0.0), dw(out[2].floats.size(), 0.0);
  std::vector<SumOf<Number>> dbias(vocabulary, 0.0);
  for (int64_t n = 0; n < logits.rows; ++n) {
    std::vector<Number> row = logits.row(n);
    Number lse = logSumExp(row.data(), vocabulary);
    total += rowLoss(targets, row.data(), n, lse);
    rowGradient(targets, row.data(), n, lse, dloss, dlogits.data());
    const Number *x = &logits.x.floats[n * width];
    multiply(dlogits.data(), logits.w.floats.data(), &dx[n * width], 1, width, vocabulary, false,
             !logits.transposed);
    if (logits.transposed)
      multiply(dlogits.data(), x, dw.data(), vocabulary, width, 1, false, false);
    else
      multiply(x, dlogits.data(), dw.data(), width, vocabulary, 1, false, false);
    for (int64_t v = 0; v < vocabulary; ++v)
      dbias[v] += dlogits[v];
  }
  out[1].floats.assign(dx.begin(), dx.end());
  out[2].floats.assign(dw.begin(), dw.end());
  if (logits.bias)
    out[3].floats.assign(dbias.begin(), dbias.end());
  out[0].floats[0] = Number(total) / targets.count();
  return absl::OkStatus();
}

} // namespace

template <typename Number> void addLossEvaluators(EvaluatorTable<Number> &table) {
  table.add(crossEntropy<Number>);
  table.add(crossEntropyGrad<Number>);
  table.add(countTargets<Number>);
  table.add(linearCrossEntropy<Number>);
  table.add(linearCrossEntropyTrain<Number>);
}

template void addLossEvaluators(EvaluatorTable<double> &);
template void addLossEvaluators(EvaluatorTable<Bounded> &);
template void addLossEvaluators(EvaluatorTable<Single> &);

} // namespace heddle::ir
