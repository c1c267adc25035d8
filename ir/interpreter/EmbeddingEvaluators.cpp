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

absl::Status embedding(EmbeddingOp op, const Inputs &in, Outputs out) {
  const Tensor &table = in[op.getTable()], &ids = in[op.getIds()];
  int64_t width = table.shape[1];
  for (int64_t i = 0; i < ids.elements(); ++i) {
    if (absl::Status status = checkIndex("ids", i, ids.ints[i], table.shape[0]); !status.ok())
      return status;
    std::copy_n(&table.floats[ids.ints[i] * width], width, &out[0].floats[i * width]);
  }
  return absl::OkStatus();
}

absl::Status embeddingGrad(EmbeddingGradOp op, const Inputs &in, Outputs out) {
  const Tensor &ids = in[op.getIds()], &dy = in[op.getDy()];
  Tensor &dtable = out[0];
  if (const Tensor *init = in.find(op.getInit()))
    dtable.floats = init->floats;
  int64_t width = dtable.shape[1];
  for (int64_t i = 0; i < ids.elements(); ++i) {
    if (absl::Status status = checkIndex("ids", i, ids.ints[i], dtable.shape[0]); !status.ok())
      return status;
    for (int64_t c = 0; c < width; ++c)
      dtable.floats[ids.ints[i] * width + c] += dy.floats[i * width + c];
  }
  return absl::OkStatus();
}

absl::Status rope(RopeOp op, const Inputs &in, Outputs out) {
  const Tensor &x = in[op.getX()], &positions = in[op.getPositions()];
  int64_t heads = x.shape[1], length = x.shape[2], width = x.shape[3];
  int64_t pairs = op.getInvFreq().size();
  double scaling = op.getAttentionScaling().convertToDouble();
  out[0].floats = x.floats;
  for (int64_t row = 0; row < x.elements() / width; ++row) {
    int64_t t = row % length, batch = row / (length * heads);
    int64_t position = positions.ints[(positions.shape[0] == 1 ? 0 : batch) * length + t];
    const double *from = &x.floats[row * width];
    double *to = &out[0].floats[row * width];
    for (int64_t p = 0; p < pairs; ++p) {
      double angle = static_cast<double>(position) * op.getInvFreq()[p];
      if (op.getInverse())
        angle = -angle;
      double cosine = std::cos(angle) * scaling, sine = std::sin(angle) * scaling;
      int64_t u = op.getInterleaved() ? 2 * p : p;
      int64_t v = op.getInterleaved() ? 2 * p + 1 : p + pairs;
      to[u] = from[u] * cosine - from[v] * sine;
      to[v] = from[v] * cosine + from[u] * sine;
    }
  }
  return absl::OkStatus();
}

absl::Status cacheUpdate(CacheUpdateOp op, const Inputs &in, Outputs out) {
  const Tensor &cache = in[op.getCache()], &x = in[op.getX()];
  const Tensor &positions = in[op.getPositions()];
  out[0].floats = cache.floats;
  StridedView whole = StridedView::dense(cache.shape), source = StridedView::dense(x.shape);
  std::vector<int64_t> window{1, x.shape[1], x.shape[2], x.shape[3]};
  Tensor row = Tensor::zeros(x.kind, window);
  for (int64_t b = 0; b < x.shape[0]; ++b) {
    int64_t last = cache.shape[2] - x.shape[2] + 1;
    if (absl::Status status = checkIndex("positions", b, positions.ints[b], last); !status.ok())
      return status;
    gather(x, source.sliced({b, 0, 0, 0}, window), row);
    scatter(row, whole.sliced({b, 0, positions.ints[b], 0}, window), out[0]);
  }
  return absl::OkStatus();
}

absl::Status gatherRows(GatherRowsOp op, const Inputs &in, Outputs out) {
  const Tensor &x = in[op.getX()], &index = in[op.getIndex()];
  int64_t length = x.shape[1], width = x.shape[2];
  for (int64_t b = 0; b < x.shape[0]; ++b) {
    if (absl::Status status = checkIndex("index", b, index.ints[b], length); !status.ok())
      return status;
    std::copy_n(&x.floats[(b * length + index.ints[b]) * width], width, &out[0].floats[b * width]);
  }
  return absl::OkStatus();
}

} // namespace

void addEmbeddingEvaluators(EvaluatorTable &table) {
  table.add(embedding);
  table.add(embeddingGrad);
  table.add(rope);
  table.add(cacheUpdate);
  table.add(gatherRows);
}

} // namespace heddle::ir
