// SPDX-License-Identifier: Apache-2.0
// Reshapes, transposes, slices, broadcasts, joins and pads, also one upon another.
#include "tests/random/Makers.h"

#include <numeric>

using namespace mlir;
using namespace heddle::ir;

namespace heddle::random {
namespace {

/// Mostly a float; now and then a mask.
Value anyValue(GraphMaker &g) {
  return g.random().oneIn(12) ? g.mask(g.shape(g.random().between(1, 3))) : g.anyFloat();
}

Value transposed(GraphMaker &g, Value x) {
  std::vector<int64_t> permutation(dimsOf(x).size());
  std::iota(permutation.begin(), permutation.end(), 0);
  g.random().shuffle(permutation);
  return g.make<TransposeOp>(x, permutation);
}

/// Axes joined, split at a divisor, made of size 1 or dropped; sometimes all of it at once.
Value reshaped(GraphMaker &g, Value x) {
  Shape shape = shapeOf(x);
  for (int64_t steps = g.random().between(1, 3); steps-- > 0;) {
    int64_t rank = static_cast<int64_t>(shape.size());
    switch (g.random().below(4)) {
    case 0: // join
      if (rank >= 2) {
        int64_t axis = g.random().below(rank - 1);
        shape[axis] *= shape[axis + 1];
        shape.erase(shape.begin() + axis + 1);
      }
      break;
    case 1: // split
      if (rank >= 1 && rank < 5) {
        int64_t axis = g.random().below(rank);
        for (int64_t factor : {2, 3, 5, 7})
          if (shape[axis] % factor == 0) {
            shape[axis] /= factor;
            shape.insert(shape.begin() + axis + g.random().below(2), factor);
            break;
          }
      }
      break;
    case 2:
      if (rank < 5)
        shape.insert(shape.begin() + g.random().between(0, rank), 1);
      break;
    default:
      if (auto one = std::find(shape.begin(), shape.end(), 1); one != shape.end())
        shape.erase(one);
    }
  }
  return g.make<ReshapeOp>(RankedTensorType::get(shape, elementOf(x)), x);
}

Value sliced(GraphMaker &g, Value x) {
  Shape sizes = shapeOf(x), offsets(sizes.size(), 0);
  for (size_t axis = 0; axis < sizes.size(); ++axis)
    if (g.random().oneIn(2)) {
      offsets[axis] = g.random().below(sizes[axis]);
      sizes[axis] = g.random().between(1, sizes[axis] - offsets[axis]);
    }
  return g.make<SliceOp>(x, offsets, sizes);
}

Value broadcast(GraphMaker &g, Value x) {
  Shape shape = shapeOf(x);
  if (elementsOf(shape) > 600)
    return x;
  for (int64_t &size : shape)
    if (size == 1 && !g.random().oneIn(3))
      size = g.random().between(1, 5);
  if (shape.size() < 4 && g.random().oneIn(2))
    shape.insert(shape.begin(), g.random().between(1, 4));
  return g.make<BroadcastOp>(RankedTensorType::get(shape, elementOf(x)), x);
}

template <Value (*view)(GraphMaker &, Value)> void one(GraphMaker &g) {
  g.publish(view(g, anyValue(g)));
}

void several(GraphMaker &g) {
  Value x = anyValue(g);
  for (int64_t count = g.random().between(2, 5); count-- > 0;) {
    switch (g.random().below(4)) {
    case 0:
      x = transposed(g, x);
      break;
    case 1:
      x = reshaped(g, x);
      break;
    case 2:
      x = sliced(g, x);
      break;
    default:
      x = broadcast(g, x);
    }
    if (g.random().oneIn(5))
      g.publish(x);
  }
  g.publish(x);
}

/// Parts of one tensor, computed or viewed, and others.
void concat(GraphMaker &g) {
  Value x = g.anyFloat(1);
  Shape shape = shapeOf(x);
  if (elementsOf(shape) > 1000)
    return;
  const int64_t axis = g.random().below(static_cast<int64_t>(shape.size()));
  SmallVector<Value> parts;
  for (int64_t count = g.random().between(1, 4); count-- > 0;) {
    switch (g.random().below(4)) {
    case 0:
      parts.push_back(x);
      break;
    case 1:
      parts.push_back(g.make<TanhOp>(x));
      break;
    case 2: {
      Shape offsets(shape.size(), 0), sizes = shape;
      offsets[axis] = g.random().below(sizes[axis]);
      sizes[axis] = g.random().between(1, sizes[axis] - offsets[axis]);
      parts.push_back(g.make<SliceOp>(x, offsets, sizes));
      break;
    }
    default: {
      Shape other = shape;
      other[axis] = g.size();
      parts.push_back(g.floatOf(other));
    }
    }
  }
  Value joined = g.make<ConcatOp>(ValueRange(parts), axis);
  if (elementsOf(dimsOf(joined)) > 5000)
    g.giveUp();
  g.publish(joined);
}

void pad(GraphMaker &g) {
  Value x = anyValue(g);
  std::vector<int64_t> low, high;
  for (size_t axis = 0; axis < dimsOf(x).size(); ++axis) {
    low.push_back(g.random().oneIn(2) ? 0 : g.random().between(0, 3));
    high.push_back(g.random().oneIn(2) ? 0 : g.random().between(0, 3));
  }
  g.publish(g.make<PadOp>(x, low, high));
}

/// Integers through views, then looked up.
void viewedIds(GraphMaker &g) {
  Shape shape = g.shape(2);
  Value ids = g.ids(shape, 5);
  ids = g.random().oneIn(2) ? transposed(g, ids) : sliced(g, ids);
  Value table = g.floatOf({5, g.size()});
  g.publish(g.make<EmbeddingOp>(table, ids));
}

} // namespace

std::vector<Maker> viewMakers() {
  return {{one<transposed>, 4}, {one<reshaped>, 4}, {one<sliced>, 3}, {one<broadcast>, 2},
          {several, 3},         {concat, 3},        {pad, 2},         {viewedIds, 1}};
}

} // namespace heddle::random
