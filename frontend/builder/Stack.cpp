// SPDX-License-Identifier: Apache-2.0
// One stack of layers, whatever the entry.
#include <numeric>

#include "frontend/builder/RotaryFrequencies.h"
#include "frontend/builder/Wiring.h"

namespace heddle::frontend {

Wiring wiringOf(GraphBuilder &graph, const proto::ModelDef &definition,
                const ModelParameters &parameters, int64_t batch, int64_t seq, Element number) {
  Wiring w = {.graph = graph,
              .definition = definition,
              .parameters = parameters,
              .dims = Dimensions(definition),
              .batch = batch,
              .seq = seq,
              .number = number};
  if (definition.positions().has_rotary())
    w.inverseFrequencies = rotaryFrequencies(definition.positions().rotary(), w.dims.headDim);
  return w;
}

Tensor idsInput(Wiring &w, const char *name) {
  return w.graph.input(name, {w.batch, w.seq}, Element::i32);
}

Tensor countUp(GraphBuilder &graph, int64_t count) {
  std::vector<int32_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  return graph.constant({1, count}, numbers);
}

void useDefaultPositions(Wiring &w) {
  const bool rotary = w.definition.positions().has_rotary();
  LayerScope scope(w.graph, embeddingsPath(w.stack));
  if (w.definition.positions().has_relative_bias())
    w.scoreBias = relativeBias(w);
  if (!rotary && !w.definition.positions().has_alibi())
    return;
  Tensor places = countUp(w.graph, w.seq);
  if (rotary)
    w.ropeTurns = places;
  else
    w.scoreBias = alibiBias(w, places);
}

void fillUpTo(Wiring &w, Tensor last) {
  w.cache = Wiring::Cache::fill;
  LayerScope scope(w.graph, embeddingsPath(w.stack));
  fillRing(w, last);
}

void extendAt(Wiring &w, Tensor positions) {
  w.cache = Wiring::Cache::extend;
  w.positions = positions;
  LayerScope scope(w.graph, embeddingsPath(w.stack));
  w.positionIds = w.graph.reshape(positions, {w.batch, 1});
  if (w.definition.positions().has_rotary())
    w.ropeTurns = w.positionIds;
  w.visibleKeys = w.graph.lengthMask(shifted(w.graph, positions, 1), w.seq);
  extendRing(w, positions);
  if (w.definition.positions().has_alibi())
    w.scoreBias = alibiBias(w, countUp(w.graph, w.seq));
  if (w.definition.positions().has_relative_bias())
    w.scoreBias = relativeBiasAt(w, positions, countUp(w.graph, w.seq));
}

Tensor layersOf(Wiring &w, Tensor x) {
  for (int64_t layer = 0; layer < w.dims.layers; ++layer) {
    modulateLayer(w, layer);
    if (w.definition.residual() != proto::ModelDef::SEQUENTIAL) {
      x = parallelBlock(w, layer, x);
      continue;
    }
    x = attentionBlock(w, layer, x);
    if (w.sourceLength > 0)
      x = crossAttentionBlock(w, layer, x);
    x = ffnBlock(w, layer, x);
  }
  return x;
}

} // namespace heddle::frontend
