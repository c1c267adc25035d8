// SPDX-License-Identifier: Apache-2.0
// Look-ups and their gradients, rotary positions, caches.
#include "tests/random/Makers.h"

#include <cmath>

using namespace mlir;
using namespace heddle::ir;

namespace heddle::random {
namespace {

void embedding(GraphMaker &g) {
  Value table = g.floatOf(g.shape(2));
  Value ids = g.ids(g.shape(g.random().between(0, 2)), dimsOf(table)[0]);
  g.publish(g.make<EmbeddingOp>(table, ids));
}

/// Two look-ups in one table, one of them also a matrix: gradients meet.
void tied(GraphMaker &g) {
  Value table = g.floatOf(g.shape(2));
  const int64_t rows = dimsOf(table)[0];
  Value x = g.make<EmbeddingOp>(table, g.ids(g.shape(1), rows));
  Value y = g.random().oneIn(2) ? g.make<MatmulOp>(x, table, false, true)
                                : g.make<EmbeddingOp>(table, g.ids(g.shape(1), rows));
  g.publish(x);
  g.publish(y);
}

void embeddingGrad(GraphMaker &g) {
  const int64_t rows = g.size(), width = g.size();
  Shape shape = g.shape(g.random().between(1, 2));
  Value ids = g.ids(shape, rows);
  shape.push_back(width);
  Value init = g.random().oneIn(2) ? g.floatOf({rows, width}) : Value();
  auto type = RankedTensorType::get({rows, width}, g.f32());
  Value table = g.make<EmbeddingGradOp>(type, ids, g.floatOf(shape), init);
  g.publish(g.random().oneIn(2) ? table : g.make<AddOp>(table, g.floatOf({rows, width})));
}

void rope(GraphMaker &g) {
  const int64_t half = g.random().between(1, 6),
                depth = 2 * half + (g.random().oneIn(3) ? g.random().between(1, 5) : 0);
  Shape shape = {g.random().between(1, 3), g.random().between(1, 4), g.size(), depth};
  Value x = g.floatOf(shape);
  Value positions = g.ids({g.random().oneIn(2) ? 1 : shape[0], shape[2]}, 50);
  std::vector<double> frequencies;
  for (int64_t i = 0; i < half; ++i)
    frequencies.push_back(std::pow(100.0, -static_cast<double>(i) / static_cast<double>(half)));
  OpBuilder &b = g.builder();
  g.publish(g.make<RopeOp>(x.getType(), x, positions, b.getDenseF64ArrayAttr(frequencies),
                           b.getF64FloatAttr(g.random().oneIn(4) ? 1.25 : 1),
                           g.random().oneIn(2) ? b.getUnitAttr() : UnitAttr(),
                           g.random().oneIn(4) ? b.getUnitAttr() : UnitAttr()));
}

void gatherRows(GraphMaker &g) {
  Value x = g.floatOf(g.shape(3));
  ArrayRef<int64_t> shape = dimsOf(x);
  Value index = g.ids({shape[0]}, shape[1]);
  g.publish(g.make<GatherRowsOp>(RankedTensorType::get({shape[0], shape[2]}, g.f32()), x, index));
}

/// A cache that the function writes on, or one that it computed.
void cacheUpdate(GraphMaker &g) {
  const int64_t length = g.random().between(1, 12),
                added = g.random().between(1, std::min<int64_t>(length, 4));
  Shape shape = {g.random().between(1, 3), g.random().between(1, 3), length, g.size()};
  const bool isState = g.random().oneIn(2);
  Value cache = isState ? g.state("float", shape) : g.floatOf(shape);
  shape[2] = added;
  Value positions = g.ids({shape[0]}, length - added + 1);
  Value updated = g.make<CacheUpdateOp>(cache.getType(), cache, g.floatOf(shape), positions);
  if (isState)
    g.update(cache, updated);
  g.publish(updated);
}

/// A state of which the new value is computed, read before or after, or another state's old one.
void states(GraphMaker &g) {
  Shape shape = g.shape(g.random().between(1, 3));
  Value first = g.state("float", shape);
  Value sum = g.make<AddOp>(first, g.floatOf(shape));
  if (g.random().oneIn(3)) { // a swap: both old values are needed
    Value second = g.state("float", shape);
    g.update(first, g.random().oneIn(2) ? second : sum);
    g.update(second, first);
  } else {
    g.update(first, sum);
  }
  g.publish(g.random().oneIn(2) ? g.make<TanhOp>(first) : sum);
}

} // namespace

std::vector<Maker> embeddingMakers() {
  return {{embedding, 3},    {tied, 1},       {embeddingGrad, 1, false},
          {rope, 3},         {gatherRows, 2}, {cacheUpdate, 1, false},
          {states, 2, false}};
}

} // namespace heddle::random
