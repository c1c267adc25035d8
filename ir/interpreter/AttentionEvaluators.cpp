// SPDX-License-Identifier: Apache-2.0
// Attention and its gradient, one query at a time, with loops that follow the definition and share
// nothing with the decomposition.

#include <algorithm>
#include <array>
#include <limits>

#include "ir/interpreter/Evaluators.h"

namespace heddle::ir {
namespace {

template <typename Number> Number dot(const Number *a, const Number *b, int64_t count) {
  SumOf<Number> total = 0;
  for (int64_t i = 0; i < count; ++i)
    total += a[i] * b[i];
  return total;
}

/// The operands and options that both ops have.
template <typename Number> struct Problem {
  template <typename Op>
  Problem(Op op, const Inputs<Number> &in)
      : q(in[op.getQ()]), k(in[op.getK()]), v(in[op.getV()]), keyMask(in.find(op.getKeyMask())),
        kvLengths(in.find(op.getKvLengths())), batch(q.shape[0]), heads(q.shape[1]),
        groups(k.shape[1]), queries(q.shape[2]), keys(k.shape[2]), width(q.shape[3]),
        valueWidth(v.shape[3]), scale(constantOf<Number>(op.getScale().convertToDouble())),
        causal(op.getCausal()), dropout(op.getDropout().convertToDouble()) {
    if (op.getWindow())
      window = op.getWindowAttr().getInt();
    if (op.getSoftCap())
      softCap = constantOf<Number>(op.getSoftCap()->convertToDouble());
    if (dropout > 0)
      stream = dropoutStream(in[op.getRng()], op.getRngId());
    if (const TensorOf<Number> *given = in.find(op.getBias())) {
      std::vector<int64_t> shape{batch, heads, queries, keys};
      bias = TensorOf<Number>::zeros(given->kind, shape);
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
  Number score(int64_t b, int64_t h, int64_t i, int64_t j) const {
    Number score =
        scale * dot(&q.floats[query(b, h, i) * width], &k.floats[key(b, h, j) * width], width);
    if (!bias.floats.empty())
      score += bias.floats[query(b, h, i) * keys + j];
    return softCap ? *softCap * tanhOf(score / *softCap) : score;
  }

  /// What dropout multiplies the weight of that pair by.
  Number keep(int64_t b, int64_t h, int64_t i, int64_t j) const {
    return constantOf<Number>(dropout > 0 ? stream.factor(query(b, h, i) * keys + j, dropout)
                                          : 1.0);
  }

  /// Calls visit(b, h, i) for every query.
  template <typename Visit> void forEachQuery(Visit visit) const {
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t h = 0; h < heads; ++h)
        for (int64_t i = 0; i < queries; ++i)
          visit(b, h, i);
  }

  const TensorOf<Number> &q, &k, &v;
  const TensorOf<Number> *keyMask, *kvLengths;
  TensorOf<Number> bias; // repeated to [B, H, T, S]; empty where there is none
  int64_t batch, heads, groups, queries, keys, width, valueWidth;
  Number scale;
  bool causal;
  double dropout;
  std::optional<int64_t> window;
  std::optional<Number> softCap;
  DropoutStream stream;
};

template <typename Number>
absl::Status attention(AttentionOp op, const Inputs<Number> &in, Outputs<Number> out) {
  Problem<Number> p(op, in);
  std::vector<Number> scores(p.keys);
  p.forEachQuery([&](int64_t b, int64_t h, int64_t i) {
    // The weights are the same whatever is taken from all scores: the shift has no error.
    double largest = -kInfinity;
    SumOf<Number> total = 0;
    for (int64_t j = 0; j < p.keys; ++j) {
      scores[j] = p.visible(b, i, j) ? p.score(b, h, i, j) : Number(-kInfinity);
      largest = maxOf(largest, valueOf(scores[j]));
    }
    int64_t query = p.query(b, h, i);
    out[1].floats[query] = -kInfinity;
    if (largest == -kInfinity)
      return;
    for (int64_t j = 0; j < p.keys; ++j)
      total += scores[j] = expOf(scores[j] - largest);
    Number sum = total;
    out[1].floats[query] = largest + logOf(sum);
    std::vector<SumOf<Number>> o(p.valueWidth, 0.0);
    for (int64_t j = 0; j < p.keys; ++j) {
      Number weight = scores[j] / sum * p.keep(b, h, i, j);
      const Number *value = &p.v.floats[p.key(b, h, j) * p.valueWidth];
      for (int64_t e = 0; e < p.valueWidth; ++e)
        o[e] += weight * value[e];
    }
    std::copy(o.begin(), o.end(), &out[0].floats[query * p.valueWidth]);
  });
  return absl::OkStatus();
}

template <typename Number> std::vector<SumOf<Number>> sumsFor(const TensorOf<Number> &tensor) {
  return std::vector<SumOf<Number>>(tensor.floats.size(), 0.0);
}

int64_t placeIn(const StridedView &view, const std::array<int64_t, 4> &at) {
  int64_t place = view.offset;
  for (size_t axis = 0; axis < at.size(); ++axis)
    place += at[axis] * view.strides[axis];
  return place;
}

template <typename Number>
absl::Status attentionGrad(AttentionGradOp op, const Inputs<Number> &in, Outputs<Number> out) {
  Problem<Number> p(op, in);
  const TensorOf<Number> &o = in[op.getO()], &lse = in[op.getLse()], &dO = in[op.getDO()];
  auto dQ = sumsFor(out[0]), dK = sumsFor(out[1]), dV = sumsFor(out[2]);
  std::vector<SumOf<Number>> dBias;
  StridedView biasView; // from [B, H, T, S] to the bias
  if (op.getDbias()) {
    dBias = sumsFor(out[3]);
    biasView = StridedView::dense(out[3].shape).broadcastTo({p.batch, p.heads, p.queries, p.keys});
  }
  p.forEachQuery([&](int64_t b, int64_t h, int64_t i) {
    int64_t query = p.query(b, h, i);
    if (valueOf(lse.floats[query]) == -kInfinity)
      return; // sees no key
    const Number *dOut = &dO.floats[query * p.valueWidth];
    Number delta = dot(dOut, &o.floats[query * p.valueWidth], p.valueWidth);
    for (int64_t j = 0; j < p.keys; ++j) {
      if (!p.visible(b, i, j))
        continue;
      Number score = p.score(b, h, i, j), keep = p.keep(b, h, i, j);
      Number weight = expOf(score - lse.floats[query]);
      int64_t key = p.key(b, h, j);
      Number dWeight = dot(dOut, &p.v.floats[key * p.valueWidth], p.valueWidth) * keep;
      Number dScore = weight * (dWeight - delta);
      if (p.softCap)
        dScore *= 1.0 - (score / *p.softCap) * (score / *p.softCap);
      if (op.getDbias())
        dBias[placeIn(biasView, {b, h, i, j})] += dScore;
      for (int64_t e = 0; e < p.valueWidth; ++e)
        dV[key * p.valueWidth + e] += weight * keep * dOut[e];
      for (int64_t d = 0; d < p.width; ++d) {
        dQ[query * p.width + d] += p.scale * dScore * p.k.floats[key * p.width + d];
        dK[key * p.width + d] += p.scale * dScore * p.q.floats[query * p.width + d];
      }
    }
  });
  out[0].floats.assign(dQ.begin(), dQ.end());
  out[1].floats.assign(dK.begin(), dK.end());
  out[2].floats.assign(dV.begin(), dV.end());
  if (op.getDbias())
    out[3].floats.assign(dBias.begin(), dBias.end());
  return absl::OkStatus();
}

} // namespace

template <typename Number> void addAttentionEvaluators(EvaluatorTable<Number> &table) {
  table.add(attention<Number>);
  table.add(attentionGrad<Number>);
}

template void addAttentionEvaluators(EvaluatorTable<double> &);
template void addAttentionEvaluators(EvaluatorTable<Bounded> &);
template void addAttentionEvaluators(EvaluatorTable<Single> &);

} // namespace heddle::ir
