// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "frontend/LayerNames.h"
#include "frontend/builder/Wiring.h"

namespace heddle::frontend {
namespace {

/// The rows of the position table for this entry's tokens, to be added to [B, t, C].
Tensor positionRows(Wiring &w, int64_t tokens) {
  Tensor table = w.graph.parameter(*w.parameters.positionEmbedding);
  const proto::LearnedPositions &learned = w.definition.positions().learned();
  const int64_t offset = learned.offset();
  std::optional<int64_t> padding;
  if (learned.has_padding_id())
    padding = learned.padding_id() + offset;
  if (w.positionIds)
    return w.graph.embedding(table, shifted(w.graph, *w.positionIds, offset), padding);
  // Positions 0 to t - 1 of every row: the first rows of the table, repeated by the sum.
  return w.graph.slice(table, {offset, 0}, {tokens, w.dims.embeddingSum});
}

/// x [B, T, C] with zeros for the tokens that attention_mask hides.
Tensor zeroHidden(Wiring &w, Tensor x) {
  Tensor visible = w.graph.notEqual(*w.keyMask, w.graph.integer(0));
  visible = w.graph.reshape(visible, {w.batch, w.seq, 1});
  return w.graph.select(visible, x, w.graph.scalar(0));
}

/// What all embeddings get: token types, positions, a norm, dropout.
Tensor finished(Wiring &w, Tensor x) {
  if (w.tokenTypeIds) {
    Tensor types = w.graph.parameter(*w.parameters.tokenTypeEmbedding);
    x = x + w.graph.embedding(types, *w.tokenTypeIds);
  }
  if (x && w.parameters.positionEmbedding)
    x = x + positionRows(w, x.shape()[1]);
  if (w.definition.positions().has_sinusoidal())
    x = x + sinusoids(w);
  const bool early = w.definition.project_before_norm();
  auto project = [&] {
    if (w.parameters.embeddingProjection)
      x = linear(w, *w.parameters.embeddingProjection, x);
  };
  if (early)
    project();
  if (w.parameters.embeddingNorm)
    x = norm(w, *w.parameters.embeddingNorm, x);
  if (w.definition.zero_hidden_embeddings() && w.keyMask)
    x = zeroHidden(w, x);
  x = dropout(w, x, w.definition.dropout().embedding(), kEmbeddingDropoutId);
  if (!early)
    project();
  if (w.parameters.distanceEmbedding)
    w.distances = distanceTable(w);
  return x;
}

/// x [B, F, in] -> [B, F / stride, out], behind the activation: each output from the frame at its
/// place and those beside it, beyond the ends zeros. Weights are stored [out, in, 3].
Tensor convolution(Wiring &w, const LinearParameters &parameters, Tensor x, int64_t stride) {
  const Shape shape = x ? x.shape() : Shape{1, stride, 1};
  const int64_t in = shape[2], out = parameters.weight.shape[0], count = shape[1] / stride;
  Tensor padded = w.graph.pad(x, {0, 1, 0}, {0, 1, 0});
  // In rows of `stride` frames: the three of an output begin a row.
  padded = w.graph.reshape(padded, {w.batch, (shape[1] + 2) / stride, stride, in});
  std::vector<Tensor> parts;
  for (int64_t k = 0; k < 3; ++k) {
    Tensor part = w.graph.slice(padded, {0, k / stride, k % stride, 0}, {w.batch, count, 1, in});
    parts.push_back(w.graph.reshape(part, {w.batch, count, in}));
  }
  Tensor weight = w.graph.transpose(w.graph.parameter(parameters.weight), {2, 1, 0});
  weight = w.graph.reshape(weight, {3 * in, out});
  Tensor y = w.graph.matmul(w.graph.concat(parts, 2), weight);
  y = y + w.graph.parameter(*parameters.bias);
  return activate(w.graph, w.definition.frames().activation(), y);
}

} // namespace

Tensor embedFrames(Wiring &w, Tensor features) {
  LayerScope scope(w.graph, embeddingsPath(w.stack));
  Tensor x = w.graph.transpose(features, {0, 2, 1});
  x = convolution(w, *w.parameters.convolutionIn, x, 1);
  x = convolution(w, *w.parameters.convolutionOut, x, 2);
  return finished(w, x);
}

Tensor embedTokens(Wiring &w, Tensor ids) {
  LayerScope scope(w.graph, embeddingsPath(w.stack));
  std::optional<int64_t> padding;
  if (w.definition.has_padding_id())
    padding = w.definition.padding_id() + (w.definition.padding_id() < 0 ? w.dims.vocab : 0);
  Tensor x = w.graph.embedding(w.graph.parameter(*w.parameters.tokenEmbedding), ids, padding);
  if (w.definition.scale_embeddings())
    x = x * static_cast<double>(std::sqrt(static_cast<float>(w.dims.width)));
  if (w.parameters.embeddingIn)
    x = linear(w, *w.parameters.embeddingIn, x);
  return finished(w, x);
}

} // namespace heddle::frontend
