// SPDX-License-Identifier: Apache-2.0
// Attention and its gradient, one query at a time, with loops that follow the definition and share
// nothing with the decomposition.

#include <cmath>
#include <limits>

#include "ir/interpreter/Evaluators.h"

namespace heddle::ir {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The operands and options that both ops have.
struct Problem {
  template <typename Op>
  Problem(Op op, const Inputs &in)
      : q(in[op.getQ()]), k(in[op.getK()]), v(in[op.getV()]), keyMask(in.find(op.getKeyMask())),
        kvLengths(in.find(op.getKvLengths())), batch(q.shape[0]), heads(q.shape[1]),
        groups(k.shape[1]), queries(q.shape[2]), keys(k.shape[2]), width(q.shape[3]),
        valueWidth(v.shape[3]), scale(op.getScale().convertToDouble()), causal(op.getCausal()),
        dropout(op.getDropout().convertToDouble()) {
    if (op.getWindow())
      window = op.getWindowAttr().getInt();
    if (op.getSoftCap())
      softCap = op.getSoftCap()->convertToDouble();
    if (dropout > 0)
      stream = dropoutStream(in[op.getRng()], op.getRngId());
    if (const Tensor *given = in.find(op.getBias())) {
      std::vector<int64_t> shape{batch, heads, queries, keys};
      bias = Tensor::zeros(given->kind, shape);
      gather(*given, StridedView::dense(given->shape).broadcastTo(shape), bias);
    }
  }

  /// The linear index of a query (head h of batch row b, position i) in [B, H, T].
  int64_t query(int64_t b, int64_t h, int64_t i) const { return (b * heads + h) * queries + i; }
  /// The linear index of the key j that head h of batch row b uses, in [B, G, S].
  int64_t key(int64_t b, int64_t h, int64_t j) const {
    return (b * groups + h / (heads / groups)) * keys + j;
  }

  bool visible(int64_t b, int64_t i, int64_t j) const {
    int64_t last = i + (keys - queries);
    if (causal && j > last)
      return false;
    if (window && j <= last - *window)
      return false;
    if (keyMask && keyMask->ints[b * keys + j] == 0)
      return false;
    return !kvLengths || j < kvLengths->ints[b];
  }

  /// The score before the mask.
  double score(int64_t b, int64_t h, int64_t i, int64_t j) const {
    const double *query = &q.floats[this->query(b, h, i) * width];
    const double *key = &k.floats[this->key(b, h, j) * width];
    double dot = 0;
    for (int64_t d = 0; d < width; ++d)
      dot += query[d] * key[d];
    double score = scale * dot;
    if (!bias.floats.empty())
      score += bias.floats[this->query(b, h, i) * keys + j];
    return softCap ? *softCap * std::tanh(score / *softCap) : score;
  }

  /// What dropout multiplies the weight of that pair by.
  double keep(int64_t b, int64_t h, int64_t i, int64_t j) const {
    return dropout > 0 ? stream.factor(query(b, h, i) * keys + j, dropout) : 1.0;
  }

  /// Calls visit(b, h, i) for every query.
  template <typename Visit> void forEachQuery(Visit visit) const {
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t h = 0; h < heads; ++h)
        for (int64_t i = 0; i < queries; ++i)
          visit(b, h, i);
  }

  const Tensor &q, &k, &v;
  const Tensor *keyMask, *kvLengths;
  Tensor bias; // repeated to [B, H, T, S]; empty where there is none
  int64_t batch, heads, groups, queries, keys, width, valueWidth;
  double scale;
  bool causal;
  double dropout;
  std::optional<int64_t> window;
  std::optional<double> softCap;
  DropoutStream stream;
};

absl::Status attention(AttentionOp op, const Inputs &in, Outputs out) {
  Problem p(op, in);
  std::vector<double> scores(p.keys);
  p.forEachQuery([&](int64_t b, int64_t h, int64_t i) {
    double largest = -kInfinity, total = 0;
    for (int64_t j = 0; j < p.keys; ++j) {
      scores[j] = p.visible(b, i, j) ? p.score(b, h, i, j) : -kInfinity;
      largest = maxOf(largest, scores[j]);
    }
    int64_t query = p.query(b, h, i);
    out[1].floats[query] = -kInfinity;
    if (largest == -kInfinity)
      return;
    for (int64_t j = 0; j < p.keys; ++j)
      total += std::exp(scores[j] - largest);
    out[1].floats[query] = largest + std::log(total);
    double *o = &out[0].floats[query * p.valueWidth];
    for (int64_t j = 0; j < p.keys; ++j) {
      double weight = std::exp(scores[j] - largest) / total * p.keep(b, h, i, j);
      const double *value = &p.v.floats[p.key(b, h, j) * p.valueWidth];
      for (int64_t e = 0; e < p.valueWidth; ++e)
        o[e] += weight * value[e];
    }
  });
  return absl::OkStatus();
}

double dot(const double *a, const double *b, int64_t count) {
  double total = 0;
  for (int64_t i = 0; i < count; ++i)
    total += a[i] * b[i];
  return total;
}

absl::Status attentionGrad(AttentionGradOp op, const Inputs &in, Outputs out) {
  Problem p(op, in);
  const Tensor &o = in[op.getO()], &lse = in[op.getLse()], &dO = in[op.getDO()];
  p.forEachQuery([&](int64_t b, int64_t h, int64_t i) {
    int64_t query = p.query(b, h, i);
    if (lse.floats[query] == -kInfinity)
      return; // sees no key
    const double *dOut = &dO.floats[query * p.valueWidth];
    double delta = dot(dOut, &o.floats[query * p.valueWidth], p.valueWidth);
    for (int64_t j = 0; j < p.keys; ++j) {
      if (!p.visible(b, i, j))
        continue;
      double score = p.score(b, h, i, j), keep = p.keep(b, h, i, j);
      double weight = std::exp(score - lse.floats[query]);
      int64_t key = p.key(b, h, j);
      double dWeight = dot(dOut, &p.v.floats[key * p.valueWidth], p.valueWidth) * keep;
      double dScore = weight * (dWeight - delta);
      if (p.softCap)
        dScore *= 1 - (score / *p.softCap) * (score / *p.softCap);
      for (int64_t e = 0; e < p.valueWidth; ++e)
        out[2].floats[key * p.valueWidth + e] += weight * keep * dOut[e];
      for (int64_t d = 0; d < p.width; ++d) {
        out[0].floats[query * p.width + d] += p.scale * dScore * p.k.floats[key * p.width + d];
        out[1].floats[key * p.width + d] += p.scale * dScore * p.q.floats[query * p.width + d];
      }
    }
  });
  return absl::OkStatus();
}

} // namespace

void addAttentionEvaluators(EvaluatorTable &table) {
  table.add(attention);
  table.add(attentionGrad);
}

} // namespace heddle::ir
