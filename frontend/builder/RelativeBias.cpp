// SPDX-License-Identifier: Apache-2.0
// Trained biases by how far a key stands from its query (arXiv:1910.10683).
#include "frontend/builder/RelativeBuckets.h"
#include "frontend/builder/Wiring.h"

namespace heddle::frontend {
namespace {

/// Rows of the table for keys `distances` places behind their queries (before them: below 0), as
/// [distances, H].
Tensor rowsFor(Wiring &w, const std::vector<int64_t> &distances) {
  const proto::RelativeBias &bias = w.definition.positions().relative_bias();
  const bool ahead = !w.definition.attention().causal();
  std::vector<int32_t> buckets;
  for (int64_t distance : distances)
    buckets.push_back(
        static_cast<int32_t>(relativeBucket(distance, ahead, bias.buckets(), bias.max_distance())));
  const auto count = static_cast<int64_t>(buckets.size());
  Tensor ids = w.graph.constant({count}, buckets);
  return w.graph.embedding(w.graph.parameter(*w.parameters.relativeBias), ids);
}

} // namespace

Tensor relativeBias(Wiring &w) {
  const int64_t count = w.seq, heads = w.dims.heads;
  // Key j of query i needs the row of j - i, which is one of 2 T numbers modulo 2 T. Rows of 2 T
  // numbers, cut into rows of 2 T - 1, move one place to the right with every row.
  std::vector<int64_t> distances;
  for (int64_t i = 0; i < 2 * count; ++i)
    distances.push_back(i < count ? i : i - 2 * count);
  Tensor rows = w.graph.transpose(rowsFor(w, distances), {1, 0});
  rows = w.graph.reshape(rows, {heads, 1, 2 * count});
  rows = w.graph.broadcast(rows, {heads, count, 2 * count});
  rows = w.graph.reshape(rows, {heads, 2 * count * count});
  rows = w.graph.slice(rows, {0, 0}, {heads, count * (2 * count - 1)});
  rows = w.graph.reshape(rows, {heads, count, 2 * count - 1});
  rows = w.graph.slice(rows, {0, 0, 0}, {heads, count, count});
  return w.graph.reshape(rows, {1, heads, count, count});
}

Tensor relativeBiasAt(Wiring &w, Tensor positions, Tensor keys) {
  if (!keys)
    return {};
  const int64_t count = w.seq, heads = w.dims.heads;
  std::vector<int64_t> distances;
  for (int64_t i = 0; i < count; ++i)
    distances.push_back(-i);
  Tensor rows = rowsFor(w, distances); // by how far the key stands before the query
  Tensor from = w.graph.cast(w.graph.reshape(positions, {w.batch, 1}), Element::f32);
  Tensor to = w.graph.cast(keys, Element::f32);
  // Keys behind the query are hidden: any row will do.
  Tensor before = w.graph.cast(w.graph.relu(from - to), Element::i32);
  Tensor bias = w.graph.embedding(rows, before); // [B, S, H]
  return w.graph.reshape(w.graph.transpose(bias, {0, 2, 1}), {w.batch, heads, 1, keys.shape()[1]});
}

} // namespace heddle::frontend
