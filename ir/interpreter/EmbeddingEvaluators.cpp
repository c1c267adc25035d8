// SPDX-License-Identifier: Apache-2.0
// Embeddings, rotary positions, the key/value cache.

#include <algorithm>
#include <cmath>

#include "ir/interpreter/Evaluators.h"

namespace heddle::ir {
namespace {

absl::Status checkIndex(const char *what, int64_t i, int64_t index, int64_t limit) {
  if (index >= 0 && index < limit)
    return absl::OkStatus();
  return absl::InvalidArgumentError(std::string(what) + "[" + std::to_string(i) + "] is " +
                                    std::to_string(index) + ", expected at least 0 and less than " +
                                    std::to_string(limit));
}

template <typename Number>
absl::Status embedding(EmbeddingOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const TensorOf<Number> &table = in[op.getTable()], &ids = in[op.getIds()];
  int64_t width = table.shape[1];
  for (int64_t i = 0; i < ids.elements(); ++i) {
    if (absl::Status status = checkIndex("ids", i, ids.ints[i], table.shape[0]); !status.ok())
      return status;
    std::copy_n(&table.floats[ids.ints[i] * width], width, &out[0].floats[i * width]);
  }
  return absl::OkStatus();
}

template <typename Number>
absl::Status embeddingGrad(EmbeddingGradOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const TensorOf<Number> &ids = in[op.getIds()], &dy = in[op.getDy()];
  TensorOf<Number> &dtable = out[0];
  std::vector<SumOf<Number>> sums(dtable.floats.size(), 0.0);
  if (const TensorOf<Number> *init = in.find(op.getInit()))
    for (size_t i = 0; i < sums.size(); ++i)
      sums[i] += init->floats[i];
  int64_t width = dtable.shape[1];
  for (int64_t i = 0; i < ids.elements(); ++i) {
    if (absl::Status status = checkIndex("ids", i, ids.ints[i], dtable.shape[0]); !status.ok())
      return status;
    for (int64_t c = 0; c < width; ++c)
      sums[ids.ints[i] * width + c] += dy.floats[i * width + c];
  }
  dtable.floats.assign(sums.begin(), sums.end());
  return absl::OkStatus();
}

template <typename Number>
absl::Status rope(RopeOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const TensorOf<Number> &x = in[op.getX()], &positions = in[op.getPositions()];
  int64_t heads = x.shape[1], length = x.shape[2], width = x.shape[3];
  int64_t pairs = op.getInvFreq().size();
  double scaling = op.getAttentionScaling().convertToDouble();
  out[0].floats = x.floats;
  for (int64_t row = 0; row < x.elements() / width; ++row) {
    int64_t t = row % length, batch = row / (length * heads);
    int64_t position = positions.ints[(positions.shape[0] == 1 ? 0 : batch) * length + t];
    const Number *from = &x.floats[row * width];
    Number *to = &out[0].floats[row * width];
    for (int64_t p = 0; p < pairs; ++p) {
      double angle = static_cast<double>(position) * op.getInvFreq()[p];
      if (op.getInverse())
        angle = -angle;
      // Angles are taken in float64 everywhere, and rounded only then.
      Number cosine = constantOf<Number>(std::cos(angle) * scaling);
      Number sine = constantOf<Number>(std::sin(angle) * scaling);
      int64_t u = op.getInterleaved() ? 2 * p : p;
      int64_t v = op.getInterleaved() ? 2 * p + 1 : p + pairs;
      to[u] = from[u] * cosine - from[v] * sine;
      to[v] = from[v] * cosine + from[u] * sine;
    }
  }
  return absl::OkStatus();
}

template <typename Number>
absl::Status cacheUpdate(CacheUpdateOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const TensorOf<Number> &cache = in[op.getCache()], &x = in[op.getX()];
  const TensorOf<Number> &positions = in[op.getPositions()];
  out[0].floats = cache.floats;
  StridedView whole = StridedView::dense(cache.shape), source = StridedView::dense(x.shape);
  std::vector<int64_t> window{1, x.shape[1], x.shape[2], x.shape[3]};
  TensorOf<Number> row = TensorOf<Number>::zeros(x.kind, window);
  for (int64_t b = 0; b < x.shape[0]; ++b) {
    int64_t last = cache.shape[2] - x.shape[2] + 1;
    if (absl::Status status = checkIndex("positions", b, positions.ints[b], last); !status.ok())
      return status;
    gather(x, source.sliced({b, 0, 0, 0}, window), row);
    scatter(row, whole.sliced({b, 0, positions.ints[b], 0}, window), out[0]);
  }
  return absl::OkStatus();
}

template <typename Number>
absl::Status gatherRows(GatherRowsOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const TensorOf<Number> &x = in[op.getX()], &index = in[op.getIndex()];
  int64_t length = x.shape[1], width = x.shape[2];
  for (int64_t b = 0; b < x.shape[0]; ++b) {
    if (absl::Status status = checkIndex("index", b, index.ints[b], length); !status.ok())
      return status;
    std::copy_n(&x.floats[(b * length + index.ints[b]) * width], width, &out[0].floats[b * width]);
  }
  return absl::OkStatus();
}

} // namespace

template <typename Number> void addEmbeddingEvaluators(EvaluatorTable<Number> &table) {
  table.add(embedding<Number>);
  table.add(embeddingGrad<Number>);
  table.add(rope<Number>);
  table.add(cacheUpdate<Number>);
  table.add(gatherRows<Number>);
}

template void addEmbeddingEvaluators(EvaluatorTable<double> &);
template void addEmbeddingEvaluators(EvaluatorTable<Bounded> &);
template void addEmbeddingEvaluators(EvaluatorTable<Single> &);

} // namespace heddle::ir
