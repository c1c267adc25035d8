// SPDX-License-Identifier: Apache-2.0
// Reductions, softmax and norms, as ops and written out, with their gradients.
#include <cmath>

#include "tests/random/Makers.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::random {
namespace {

std::vector<int64_t> anyAxes(GraphMaker &g, int64_t rank) {
  std::vector<int64_t> axes;
  if (g.random().oneIn(2)) { // a run of axes
    int64_t first = g.random().below(rank), last = g.random().between(first, rank - 1);
    for (int64_t axis = first; axis <= last; ++axis)
      axes.push_back(axis);
    return axes;
  }
  for (int64_t axis = 0; axis < rank; ++axis)
    if (g.random().oneIn(2))
      axes.push_back(axis);
  return axes.empty() ? std::vector<int64_t>{rank - 1} : axes;
}

template <typename Op> void reduce(GraphMaker &g) {
  Value x = g.anyFloat(1);
  if (g.random().oneIn(3)) // something to fuse with
    x = g.make<TanhOp>(x);
  g.publish(g.make<Op>(x, anyAxes(g, tensorOf(x).getRank())));
}

void softmax(GraphMaker &g) { g.publish(g.make<SoftmaxOp>(g.anyFloat(1))); }

/// Rows in which a mask hides some scores, perhaps all.
void maskedSoftmax(GraphMaker &g) {
  GraphMaker::HiddenScores hidden(g);
  Value x = g.anyFloat(1);
  Shape shape = shapeOf(x);
  if (g.random().oneIn(2))
    shape.erase(shape.begin(), shape.end() - 1);
  Value low = g.constant(g.random().oneIn(2) ? -INFINITY : -200);
  g.publish(g.make<SoftmaxOp>(g.make<SelectOp>(g.mask(shape), x, low)));
}

void softmaxGrad(GraphMaker &g) {
  Value y = g.make<SoftmaxOp>(g.anyFloat(1));
  g.publish(g.make<SoftmaxGradOp>(y, g.floatOf(shapeOf(y))));
}

/// softmax by its parts, as long as nothing large is in it.
void writtenSoftmax(GraphMaker &g) {
  Value x = g.anyFloat(1);
  Shape kept = shapeOf(x);
  const int64_t last = static_cast<int64_t>(kept.size()) - 1;
  kept.back() = 1;
  auto keep = [&](Value statistic) {
    return g.make<ReshapeOp>(RankedTensorType::get(kept, g.f32()), statistic);
  };
  Value shifted = g.make<SubOp>(x, keep(g.make<MaxOp>(x, std::vector<int64_t>{last})));
  Value e = g.make<ExpOp>(shifted);
  Value sum = g.make<SumOp>(e, std::vector<int64_t>{last});
  g.publish(g.make<DivOp>(e, keep(sum)));
}

FloatAttr anyEpsilon(GraphMaker &g) {
  return g.builder().getF64FloatAttr(g.random().oneIn(2) ? 1e-5 : 1e-3);
}

/// A norm's input: sometimes a residual sum, which the kernel takes in.
Value normInput(GraphMaker &g) {
  Value x = g.anyFloat(1);
  if (!g.random().oneIn(3))
    return x;
  x = g.make<AddOp>(x, g.floatOf(shapeOf(x)));
  if (g.random().oneIn(2))
    g.publish(x);
  return x;
}
Value maybeWeights(GraphMaker &g, Value x, const char *domain) {
  return g.random().oneIn(3) ? Value() : g.argument(domain, {dimsOf(x).back()}, g.f32());
}

void layerNorm(GraphMaker &g) {
  Value x = normInput(g);
  Value gamma = maybeWeights(g, x, "positive"), beta = maybeWeights(g, x, "float");
  auto norm = g.makeOp<LayerNormOp>(x, gamma, beta, anyEpsilon(g));
  g.publish(norm.getY());
  if (g.random().oneIn(5))
    g.publish(norm.getMean());
  if (g.random().oneIn(5) && dimsOf(x).back() > 1)
    g.publish(norm.getRstd());
}
void rmsNorm(GraphMaker &g) {
  Value x = normInput(g);
  auto norm = g.makeOp<RmsNormOp>(x, maybeWeights(g, x, "positive"), anyEpsilon(g));
  g.publish(norm.getY());
  if (g.random().oneIn(5))
    g.publish(norm.getRstd());
}
void layerNormGrads(GraphMaker &g) {
  Value x = normInput(g);
  auto norm = g.makeOp<LayerNormOp>(x, Value(), Value(), anyEpsilon(g));
  Value dy = g.floatOf(shapeOf(x));
  g.publish(g.make<LayerNormGradOp>(dy, x, norm.getMean(), norm.getRstd(),
                                    maybeWeights(g, x, "positive")));
  auto params = g.makeOp<LayerNormParamGradOp>(dy, x, norm.getMean(), norm.getRstd());
  g.publish(params.getDgamma());
  g.publish(params.getDbeta());
}
void rmsNormGrads(GraphMaker &g) {
  Value x = normInput(g);
  auto norm = g.makeOp<RmsNormOp>(x, Value(), anyEpsilon(g));
  Value dy = g.floatOf(shapeOf(x));
  g.publish(g.make<RmsNormGradOp>(dy, x, norm.getRstd(), maybeWeights(g, x, "positive")));
  g.publish(g.make<RmsNormParamGradOp>(dy, x, norm.getRstd()));
}

/// rms_norm by its parts.
void writtenNorm(GraphMaker &g) {
  Value x = g.anyFloat(1);
  Shape kept = shapeOf(x);
  const int64_t last = static_cast<int64_t>(kept.size()) - 1;
  Value sum = g.make<SumOp>(g.make<MulOp>(x, x), std::vector<int64_t>{last});
  Value mean = g.make<MulOp>(sum, g.constant(1.0 / static_cast<double>(kept.back())));
  Value rstd = g.make<RsqrtOp>(g.make<AddOp>(mean, g.constant(0.125)));
  kept.back() = 1;
  g.publish(g.make<MulOp>(x, g.make<ReshapeOp>(RankedTensorType::get(kept, g.f32()), rstd)));
}

} // namespace

std::vector<Maker> rowMakers() {
  return {{reduce<SumOp>, 4},         {reduce<MaxOp>, 2},       {softmax, 2},    {maskedSoftmax, 1},
          {softmaxGrad, 1, false},    {writtenSoftmax, 1},      {layerNorm, 3},  {rmsNorm, 3},
          {layerNormGrads, 1, false}, {rmsNormGrads, 1, false}, {writtenNorm, 1}};
}

} // namespace heddle::random
