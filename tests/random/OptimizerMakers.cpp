// SPDX-License-Identifier: Apache-2.0
// An optimizer's step: norms of many tensors, AdamW over states.
#include "tests/random/Makers.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::random {
namespace {

void globalNorm(GraphMaker &g) {
  SmallVector<Value> tensors;
  for (int64_t count = g.random().between(1, 4); count-- > 0;)
    tensors.push_back(g.anyFloat());
  auto scalar = RankedTensorType::get({}, g.f32());
  if (g.random().oneIn(2))
    return g.publish(g.make<GlobalNormOp>(scalar, tensors));
  SmallVector<Value> partials;
  for (Value tensor : tensors)
    partials.push_back(g.make<SumSquaresOp>(tensor));
  g.publish(g.make<NormOfPartialsOp>(scalar, partials));
}

void adamw(GraphMaker &g) {
  Shape shape = g.shape(g.random().between(1, 2));
  Value p = g.state("float", shape), m = g.state("moment", shape), v = g.state("moment", shape);
  Value gradient = g.floatOf(shape);
  Value scale = g.random().oneIn(2) ? g.constant(0.5) : g.argument("positive", {}, g.f32());
  auto decay = g.random().oneIn(2) ? g.builder().getUnitAttr() : UnitAttr();
  auto step = g.makeOp<AdamWOp>(p.getType(), m.getType(), v.getType(), p, gradient, m, v,
                                g.argument("hyper", {9}, g.f32()), scale, decay);
  g.update(p, step.getNewParam());
  g.update(m, step.getNewM());
  g.update(v, step.getNewV());
  g.publish(g.random().oneIn(2) ? g.make<TanhOp>(p) : step.getNewParam()); // read before and after
}

} // namespace

std::vector<Maker> optimizerMakers() { return {{globalNorm, 1, false}, {adamw, 2, false}}; }

} // namespace heddle::random
