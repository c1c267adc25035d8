// SPDX-License-Identifier: Apache-2.0
// Products with all that may stand around them: biases, activations, residuals, chains and sums of
// products, projections by slices of one weight.
#include "tests/random/Makers.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::random {
namespace {

/// x by a matrix, in either layout; sometimes the matrix is a computed value or a view.
Value linear(GraphMaker &g, Value x, int64_t columns) {
  const bool transposed = g.random().oneIn(2);
  const int64_t depth = dimsOf(x).back();
  Value w = transposed ? g.floatOf({columns, depth}) : g.floatOf({depth, columns});
  return g.make<MatmulOp>(x, w, false, transposed);
}

Value activated(GraphMaker &g, Value x) {
  switch (g.random().below(5)) {
  case 0:
    return g.make<ReluOp>(x);
  case 1:
    return g.make<SiluOp>(x);
  case 2:
    return g.make<TanhOp>(x);
  default:
    return g.make<GeluOp>(x, g.random().oneIn(2));
  }
}

void plain(GraphMaker &g) { g.publish(linear(g, g.anyFloat(2), g.size())); }

/// a^T b, and products of two values of the graph.
void general(GraphMaker &g) {
  Value a = g.anyFloat(2);
  Shape shape = shapeOf(a);
  const bool transposeA = g.random().oneIn(2), transposeB = g.random().oneIn(2);
  const int64_t depth = shape[shape.size() - (transposeA ? 2 : 1)], columns = g.size();
  Shape other(shape.begin(), shape.end() - 2);
  for (int64_t &size : other)
    if (g.random().oneIn(3))
      size = 1;
  other.push_back(transposeB ? columns : depth);
  other.push_back(transposeB ? depth : columns);
  g.publish(g.make<MatmulOp>(a, g.floatOf(other), transposeA, transposeB));
}

/// With the ops that an epilogue takes, and those that it must leave.
void epilogue(GraphMaker &g) {
  Value y = linear(g, g.anyFloat(2), g.size());
  for (int64_t steps = g.random().between(1, 5); steps-- > 0;) {
    Shape shape = shapeOf(y);
    switch (g.random().below(9)) {
    case 0:
    case 1:
      y = g.make<AddOp>(y, g.floatOf({shape.back()}));
      break;
    case 2:
      y = activated(g, y);
      break;
    case 3: // along rows: no epilogue takes it
      y = g.make<MulOp>(y, g.floatOf({shape[shape.size() - 2], 1}));
      break;
    case 4:
      y = g.make<DropoutOp>(y.getType(), y, g.rng(), llvm::APFloat(0.25), g.random().below(100));
      break;
    case 5:
      y = g.make<MulOp>(y, g.constant(0.5));
      break;
    case 6:
      y = g.make<AddOp>(g.floatOf(shape), y);
      break;
    case 7:
      y = g.make<ReshapeOp>(
          RankedTensorType::get({elementsOf(shape) / shape.back(), shape.back()}, g.f32()), y);
      break;
    default:
      g.publish(y); // another reader
    }
  }
  g.publish(y);
}

/// x + f(x w): the residual is what the product reads, and may die here.
void residual(GraphMaker &g) {
  Value x = g.anyFloat(2);
  if (g.random().oneIn(2))
    x = g.make<TanhOp>(x); // of nobody else, so that its buffer may be taken over
  Shape shape = shapeOf(x);
  Value y = linear(g, x, shape.back());
  if (g.random().oneIn(2))
    y = activated(g, y);
  Value other = x;
  if (g.random().oneIn(4) && shape.back() == shape[shape.size() - 2]) {
    std::vector<int64_t> swap;
    for (size_t axis = 0; axis < shape.size(); ++axis)
      swap.push_back(static_cast<int64_t>(axis));
    std::swap(swap[swap.size() - 1], swap[swap.size() - 2]);
    other = g.make<TransposeOp>(x, swap);
  }
  g.publish(g.random().oneIn(3) ? g.make<MulOp>(y, other) : g.make<AddOp>(other, y));
}

/// The weight of a square product is also what is added: w + w w.
void squares(GraphMaker &g) {
  int64_t size = g.size();
  Value w = g.make<TanhOp>(g.floatOf({size, size}));
  Value y = g.make<MatmulOp>(w, w, g.random().oneIn(2), g.random().oneIn(2));
  g.publish(g.make<AddOp>(y, w));
}

void sumOfProducts(GraphMaker &g) {
  Value sum;
  const Shape rows = g.shape(g.random().between(1, 2));
  const int64_t columns = g.size();
  for (int64_t count = g.random().between(2, 4); count-- > 0;) {
    Shape shape = rows;
    shape.push_back(g.size());
    Value y = linear(g, g.floatOf(shape), columns);
    sum = sum ? g.make<AddOp>(sum, y) : y;
  }
  g.publish(sum);
}

void chainOfProducts(GraphMaker &g) {
  Value x = g.anyFloat(2);
  for (int64_t count = g.random().between(2, 3); count-- > 0;)
    x = linear(g, x, g.size());
  g.publish(x);
}

/// Products of one x by slices of one weight, which together are the whole or nearly.
void projections(GraphMaker &g) {
  Value x = g.anyFloat(2);
  const int64_t depth = dimsOf(x).back(), parts = g.random().between(2, 4),
                width = g.random().between(1, 8);
  const bool transposed = g.random().oneIn(2), biased = g.random().oneIn(2);
  const int64_t whole = parts * width + (g.random().oneIn(4) ? 1 : 0);
  Value w = transposed ? g.newFloat({whole, depth}) : g.newFloat({depth, whole});
  Value bias = g.newFloat({whole});
  for (int64_t part = 0; part < parts; ++part) {
    int64_t begin = part * width;
    Value slice = transposed ? g.make<SliceOp>(w, Shape{begin, 0}, Shape{width, depth})
                             : g.make<SliceOp>(w, Shape{0, begin}, Shape{depth, width});
    Value y = g.make<MatmulOp>(x, slice, false, transposed);
    if (biased && !g.random().oneIn(6))
      y = g.make<AddOp>(y, g.make<SliceOp>(bias, Shape{begin}, Shape{width}));
    if (g.random().oneIn(4))
      y = activated(g, y);
    g.publish(y);
  }
}

/// One side is a view that is no dense matrix.
void viewedProduct(GraphMaker &g) {
  Value x = g.anyFloat(2);
  const int64_t depth = dimsOf(x).back(), columns = g.size(), rows = g.random().between(1, 3);
  Value w = g.newFloat({rows, columns, depth});
  switch (g.random().below(3)) {
  case 0:
    w = g.make<ReshapeOp>(RankedTensorType::get({columns, depth}, g.f32()),
                          g.make<SliceOp>(w, Shape{0, 0, 0}, Shape{1, columns, depth}));
    break;
  case 1:
    w = g.make<ReshapeOp>(RankedTensorType::get({columns * rows, depth}, g.f32()),
                          g.make<TransposeOp>(w, Shape{1, 0, 2}));
    break;
  default:
    w = g.make<SumOp>(w, std::vector<int64_t>{0});
  }
  g.publish(g.make<MatmulOp>(x, w, false, true));
}

} // namespace

std::vector<Maker> matrixMakers() {
  return {{plain, 3},           {general, 4},     {epilogue, 8},
          {residual, 4},        {squares, 1},     {sumOfProducts, 2},
          {chainOfProducts, 2}, {projections, 2}, {viewedProduct, 2}};
}

} // namespace heddle::random
