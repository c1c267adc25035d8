// SPDX-License-Identifier: Apache-2.0
// One vector for a whole sequence.
#include "frontend/LayerNames.h"
#include "frontend/builder/Wiring.h"

namespace heddle::frontend {
namespace {

/// Where condition [B, T] holds first or last, 0 where it never does: i32 [B].
Tensor placeOf(Wiring &w, Tensor condition, bool last) {
  // The place that is looked for counts most: T, T - 1, ..., 1, or 1, ..., T.
  std::vector<float> ranks(w.seq);
  for (int64_t place = 0; place < w.seq; ++place)
    ranks[place] = static_cast<float>(last ? place + 1 : w.seq - place);
  Tensor zero = w.graph.scalar(0, Element::f32);
  Tensor rank =
      w.graph.max(w.graph.select(condition, w.graph.floats({1, w.seq}, ranks), zero), {1});
  Tensor place = last ? rank - w.graph.scalar(1, Element::f32)
                      : w.graph.scalar(static_cast<double>(w.seq), Element::f32) - rank;
  place = w.graph.select(w.graph.greater(rank, zero), place, zero);
  return w.graph.cast(place, Element::i32);
}

/// The place of the vector that the pooler takes, of each sequence.
Tensor pooledPlace(Wiring &w) {
  // Ids below 2^24 are exact in f32.
  Tensor ids = w.graph.cast(*w.inputIds, Element::f32);
  const proto::Pooler &pooler = w.definition.pooler();
  Tensor distance;
  if (pooler.token() == proto::Pooler::HIGHEST_ID) {
    Tensor highest = w.graph.reshape(w.graph.max(ids, {1}), {w.batch, 1});
    distance = highest - ids;
  } else {
    Tensor difference = ids - w.graph.scalar(static_cast<double>(pooler.token_id()), Element::f32);
    distance = difference * difference;
  }
  // Not 0 is at least 1.
  return placeOf(w, w.graph.greater(w.graph.scalar(0.5, Element::f32), distance),
                 pooler.token() == proto::Pooler::LAST_OF_ID);
}

} // namespace

Tensor firstToken(Wiring &w, Tensor x) {
  Tensor first = w.graph.slice(x, {0, 0, 0}, {w.batch, 1, w.dims.width});
  return w.graph.reshape(first, {w.batch, w.dims.width});
}

Tensor pool(Wiring &w, Tensor x) {
  LayerScope scope(w.graph, kPoolerPath);
  const proto::Pooler &pooler = w.definition.pooler();
  Tensor y = pooler.token() == proto::Pooler::FIRST ? firstToken(w, x)
                                                    : w.graph.gatherRows(x, pooledPlace(w));
  if (w.parameters.poolerNorm)
    y = norm(w, *w.parameters.poolerNorm, y);
  if (!w.parameters.pooler)
    return y;
  return activate(w.graph, pooler.activation(), linear(w, *w.parameters.pooler, y));
}

} // namespace heddle::frontend
