// SPDX-License-Identifier: Apache-2.0
// One vector for a whole text, and what is learned from pairs of texts.
#include <cmath>
#include <numeric>

#include "frontend/LayerNames.h"
#include "frontend/builder/Wiring.h"

namespace heddle::frontend {
namespace {

constexpr double kHiddenFromMax = -1e9; // below what any layer writes
constexpr double kLeastCount = 1e-9;    // a text without tokens yields zeros
constexpr double kLeastLength = 1e-12;  // of a vector that is divided by its length

/// The number of tokens of each text, [B, 1], at least a little.
Tensor tokenCount(Wiring &w, Tensor mask) {
  Tensor count = w.graph.reshape(w.graph.sum(mask, {1}), {w.batch, 1});
  Tensor least = w.graph.scalar(kLeastCount, w.number);
  return w.graph.relu(count - least) + least;
}

/// Over the tokens that keyMask lets through: [B, T, C] to [B, C].
Tensor poolTokens(Wiring &w, Tensor x) {
  const proto::Head &head = w.definition.head();
  const proto::Head::Pooling pooling =
      head.kind() == proto::Head::EMBEDDING ? head.pooling() : proto::Head::MEAN;
  if (pooling == proto::Head::FIRST) {
    Tensor first = w.graph.slice(x, {0, 0, 0}, {w.batch, 1, w.dims.width});
    return w.graph.reshape(first, {w.batch, w.dims.width});
  }
  if (pooling == proto::Head::MAX) {
    Tensor zero = w.graph.integer(0);
    Tensor seen = w.graph.notEqual(w.graph.reshape(*w.keyMask, {w.batch, w.seq, 1}), zero);
    Tensor hidden = w.graph.scalar(kHiddenFromMax, w.number);
    return w.graph.max(w.graph.select(seen, x, hidden), {1});
  }
  Tensor mask = w.graph.cast(*w.keyMask, w.number);
  Tensor count = tokenCount(w, mask);
  Tensor total = w.graph.sum(x * w.graph.reshape(mask, {w.batch, w.seq, 1}), {1});
  return total / (pooling == proto::Head::MEAN_SQRT ? w.graph.sqrt(count) : count);
}

Tensor denseLayer(Wiring &w, const LinearParameters &layer, Tensor x) {
  Tensor y = w.graph.matmul(x, w.graph.parameter(layer.weight), /*transposeB=*/true);
  return layer.bias ? y + w.graph.parameter(*layer.bias) : y;
}

/// x / |x| over the last axis: what the RMS norm gives, but for the factor sqrt(C).
Tensor unitLength(Wiring &w, Tensor x) {
  const auto width = static_cast<double>(x ? x.shape().back() : 1);
  Tensor normed = w.graph.rmsNorm(x, std::nullopt, kLeastLength * kLeastLength / width);
  return normed * (1 / std::sqrt(width));
}

} // namespace

Tensor sentenceEmbedding(Wiring &w, Tensor x) {
  LayerScope scope(w.graph, kPoolerPath);
  Tensor pooled = poolTokens(w, x);
  const proto::Head &head = w.definition.head();
  for (size_t i = 0; i < w.parameters.dense.size(); ++i)
    pooled = activate(w.graph, head.dense(static_cast<int>(i)).activation(),
                      denseLayer(w, w.parameters.dense[i], pooled));
  const bool normalize = head.kind() == proto::Head::EMBEDDING && head.normalize();
  return normalize ? unitLength(w, pooled) : pooled;
}

Tensor textPairLoss(Wiring &w, Tensor embedding) {
  LayerScope scope(w.graph, kHeadPath);
  const int64_t pairs = w.batch / 2;
  Tensor unit = unitLength(w, embedding);
  const int64_t width = unit ? unit.shape().back() : 1;
  Tensor first = w.graph.slice(unit, {0, 0}, {pairs, width});
  Tensor second = w.graph.slice(unit, {pairs, 0}, {pairs, width});
  Tensor cosines = w.graph.matmul(first, second, /*transposeB=*/true);
  Tensor logits = cosines * (1 / w.definition.loss().temperature());
  std::vector<int32_t> own(pairs);
  std::iota(own.begin(), own.end(), 0);
  return w.graph.meanCrossEntropy(logits, w.graph.constant({pairs}, own),
                                  w.definition.loss().label_smoothing());
}

} // namespace heddle::frontend
