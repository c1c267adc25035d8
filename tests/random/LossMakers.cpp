// SPDX-License-Identifier: Apache-2.0
// Cross entropies, alone, behind a product and as one op, with targets that are ignored.
#include "tests/random/Makers.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::random {
namespace {

IntegerAttr ignored(GraphMaker &g) {
  return g.builder().getI64IntegerAttr(g.random().oneIn(6) ? 0 : -100);
}

FloatAttr smoothing(GraphMaker &g) {
  return g.builder().getF64FloatAttr(g.random().oneIn(3) ? 0.1 : 0);
}

Value targets(GraphMaker &g, int64_t rows, int64_t vocabulary) {
  return g.ids({rows}, vocabulary, "targets");
}

void crossEntropy(GraphMaker &g) {
  Value logits = g.floatOf(g.shape(2));
  Value ids = targets(g, dimsOf(logits)[0], dimsOf(logits)[1]);
  auto loss = g.makeOp<CrossEntropyOp>(logits, ids, ignored(g), smoothing(g));
  g.publish(loss.getLosses());
  if (g.random().oneIn(4))
    g.publish(loss.getLse());
}

void crossEntropyGrad(GraphMaker &g) {
  Value logits = g.floatOf(g.shape(2));
  const int64_t rows = dimsOf(logits)[0];
  Value ids = targets(g, rows, dimsOf(logits)[1]);
  IntegerAttr ignoredId = ignored(g);
  FloatAttr smooth = smoothing(g);
  auto loss = g.makeOp<CrossEntropyOp>(logits, ids, ignoredId, smooth);
  Value dlosses = g.floatOf(g.random().oneIn(2) ? Shape{} : Shape{rows});
  g.publish(g.make<CrossEntropyGradOp>(logits, ids, loss.getLse(), dlosses, ignoredId, smooth));
}

/// Head, loss and mean written out, and nearly so.
void writtenLoss(GraphMaker &g) {
  Value x = g.anyFloat(2);
  const int64_t depth = dimsOf(x).back(), rows = elementsOf(dimsOf(x)) / depth,
                vocabulary = g.size();
  const bool transposed = g.random().oneIn(2);
  Value w = transposed ? g.floatOf({vocabulary, depth}) : g.floatOf({depth, vocabulary});
  Value logits = g.make<MatmulOp>(x, w, false, transposed);
  if (g.random().oneIn(3))
    logits = g.make<AddOp>(logits, g.newFloat({vocabulary}));
  if (tensorOf(logits).getRank() != 2)
    logits = g.make<ReshapeOp>(RankedTensorType::get({rows, vocabulary}, g.f32()), logits);
  if (g.random().oneIn(8))
    g.publish(logits);
  Value ids = targets(g, rows, vocabulary);
  IntegerAttr ignoredId = ignored(g);
  auto loss = g.makeOp<CrossEntropyOp>(logits, ids, ignoredId, smoothing(g));
  if (g.random().oneIn(8))
    g.publish(loss.getLosses());
  Value sum = g.make<SumOp>(loss.getLosses(), std::vector<int64_t>{0});
  IntegerAttr counted = g.random().oneIn(8) ? ignored(g) : ignoredId;
  Value count = g.make<CountTargetsOp>(RankedTensorType::get({}, g.f32()), ids, counted);
  g.publish(g.make<DivOp>(sum, count));
}

void linear(GraphMaker &g) {
  Value x = g.floatOf(g.shape(2));
  const int64_t rows = dimsOf(x)[0], depth = dimsOf(x)[1], vocabulary = g.size();
  const bool transposed = g.random().oneIn(2);
  Value w = transposed ? g.floatOf({vocabulary, depth}) : g.floatOf({depth, vocabulary});
  Value bias = g.random().oneIn(2) ? g.floatOf({vocabulary}) : Value();
  Value ids = targets(g, rows, vocabulary);
  auto flag = transposed ? g.builder().getUnitAttr() : UnitAttr();
  if (g.isDifferentiable() || g.random().oneIn(2)) {
    auto loss = g.makeOp<LinearCrossEntropyOp>(x, w, bias, ids, flag, ignored(g), smoothing(g));
    return g.publish(loss.getLoss());
  }
  auto train = g.makeOp<LinearCrossEntropyTrainOp>(x, w, bias, ids, g.floatOf({}), flag, ignored(g),
                                                   smoothing(g));
  for (Value result : train->getResults())
    g.publish(result);
}

void count(GraphMaker &g) {
  Value ids = targets(g, g.size(), 5);
  g.publish(g.make<CountTargetsOp>(RankedTensorType::get({}, g.f32()), ids, ignored(g)));
}

} // namespace

std::vector<Maker> lossMakers() {
  return {
      {crossEntropy, 2}, {crossEntropyGrad, 1, false}, {writtenLoss, 4}, {linear, 3}, {count, 1}};
}

} // namespace heddle::random
