// SPDX-License-Identifier: Apache-2.0
// Attention as one op and written out, with every mask, and the near misses that
// heddle-fuse-attention must leave alone.
#include "tests/random/Makers.h"

#include <cmath>

using namespace mlir;
using namespace heddle::ir;

namespace heddle::random {
namespace {

struct Sizes {
  int64_t batch, heads, groups, queries, keys, depth, width;
};

Sizes anySizes(GraphMaker &g) {
  static const std::vector<int64_t> kDepths = {1, 2, 3, 4, 5, 8, 8, 12, 16, 24, 80};
  static const std::vector<int64_t> kLengths = {1, 2, 3, 5, 7, 8, 9, 13, 17, 33};
  Sizes s;
  s.batch = g.random().between(1, 3);
  s.groups = g.random().between(1, 3);
  s.heads = s.groups * (g.random().oneIn(2) ? 1 : g.random().between(1, 3));
  s.keys = g.random().pick(kLengths);
  s.queries = g.random().oneIn(2) ? s.keys : g.random().pick(kLengths);
  s.depth = g.random().pick(kDepths);
  s.width = g.random().oneIn(2) ? s.depth : g.random().pick(kDepths);
  return s;
}

double scaleFor(GraphMaker &g, const Sizes &s) {
  return g.random().oneIn(6) ? 1 : 1 / std::sqrt(static_cast<double>(s.depth));
}

/// A shape that broadcasts to the scores.
Shape biasShape(GraphMaker &g, const Sizes &s) {
  switch (g.random().below(6)) {
  case 0:
    return {s.queries, s.keys};
  case 1:
    return {1, s.heads, 1, s.keys}; // ALiBi
  case 2:
    return {s.batch, 1, s.queries, s.keys};
  case 3:
    return {s.heads, 1, 1};
  case 4:
    return {s.keys};
  default:
    return {s.batch, s.heads, s.queries, s.keys};
  }
}

/// A projection as models have it: [B, S, G * D] seen as [B, G, S, D].
Value projected(GraphMaker &g, int64_t batch, int64_t heads, int64_t length, int64_t depth) {
  if (g.random().oneIn(2))
    return g.floatOf({batch, heads, length, depth});
  Value x = g.floatOf({batch, length, heads * depth});
  Value split = g.make<ReshapeOp>(RankedTensorType::get({batch, length, heads, depth}, g.f32()), x);
  return g.make<TransposeOp>(split, Shape{0, 2, 1, 3});
}

/// Back to [B, T, H * E], as models do.
void publishOutput(GraphMaker &g, Value o) {
  if (g.random().oneIn(2)) {
    ArrayRef<int64_t> shape = dimsOf(o);
    Value swapped = g.make<TransposeOp>(o, Shape{0, 2, 1, 3});
    Value joined = g.make<ReshapeOp>(
        RankedTensorType::get({shape[0], shape[2], shape[1] * shape[3]}, g.f32()), swapped);
    g.publish(joined);
    if (!g.random().oneIn(5))
      return;
  }
  g.publish(o);
}

bool hasHidden(GraphMaker &g, Value value) {
  return llvm::any_of(g.valueOf(value).floats, [](double x) { return x < -1e8; });
}

AttentionOp attention(GraphMaker &g, const Sizes &s) {
  Random &random = g.random();
  Value q = projected(g, s.batch, s.heads, s.queries, s.depth);
  Value k = projected(g, s.batch, s.groups, s.keys, s.depth);
  Value v = projected(g, s.batch, s.groups, s.keys, s.width);
  Value bias = random.oneIn(4) ? g.floatOf(biasShape(g, s)) : Value();
  Value keyMask = random.oneIn(4) ? g.ids({s.batch, s.keys}, 2, "flags") : Value();
  Value lengths = random.oneIn(4) ? g.ids({s.batch}, s.keys, "lengths") : Value();
  const bool drops = random.oneIn(3);
  OpBuilder &b = g.builder();
  GraphMaker::HiddenScores hidden(g);
  return g.makeOp<AttentionOp>(
      q, k, v, bias, keyMask, lengths, drops ? g.rng() : Value(), b.getF64FloatAttr(scaleFor(g, s)),
      random.oneIn(2) ? b.getUnitAttr() : UnitAttr(),
      random.oneIn(4) ? b.getI64IntegerAttr(random.between(1, s.keys + 1)) : IntegerAttr(),
      random.oneIn(5) ? b.getF64FloatAttr(random.oneIn(2) ? 1.5 : 20) : FloatAttr(),
      b.getF64FloatAttr(drops ? 0.25 : 0), b.getI64IntegerAttr(random.below(1 << 16)));
}

void direct(GraphMaker &g) {
  AttentionOp op = attention(g, anySizes(g));
  publishOutput(g, op.getO());
  if (g.random().oneIn(6) && !hasHidden(g, op.getLse()))
    g.publish(op.getLse());
}

void directGrad(GraphMaker &g) {
  AttentionOp op = attention(g, anySizes(g));
  ArrayRef<int64_t> shape = dimsOf(op.getO());
  Value dO = g.floatOf({shape.begin(), shape.end()});
  auto grad = g.makeOp<AttentionGradOp>(
      op.getQ(), op.getK(), op.getV(), op.getO(), op.getLse(), dO, op.getBias(), op.getKeyMask(),
      op.getKvLengths(), op.getRng(), op.getScaleAttr(), op.getCausalAttr(), op.getWindowAttr(),
      op.getSoftCapAttr(), op.getDropoutAttr(), op.getRngIdAttr());
  for (Value result : grad->getResults())
    if (!g.random().oneIn(4))
      g.publish(result);
  g.publish(op.getO());
}

/// The mask of what is visible, [T, S] or [B, 1, T, S] or a part, in the forms that the pass knows
/// and some that it does not.
Value maskLeaf(GraphMaker &g, const Sizes &s) {
  OpBuilder &b = g.builder();
  auto boolean = [&](Shape shape) { return RankedTensorType::get(shape, b.getI1Type()); };
  auto overKeys = [&](Value rows) {
    return g.make<ReshapeOp>(boolean({s.batch, 1, 1, s.keys}), rows);
  };
  switch (g.random().below(8)) {
  case 0:
  case 1:
    return g.make<CausalMaskOp>(boolean({s.queries, s.keys}), IntegerAttr());
  case 2:
    return g.make<CausalMaskOp>(boolean({s.queries, s.keys}),
                                b.getI64IntegerAttr(g.random().between(1, s.keys)));
  case 3:
    return overKeys(
        g.make<LengthMaskOp>(boolean({s.batch, s.keys}), g.ids({s.batch}, s.keys, "lengths")));
  case 4: {
    Value flags = g.argument("flags", {s.batch, s.keys}, b.getI32Type());
    Value zero = g.make<ConstantOp>(
        DenseElementsAttr::get(RankedTensorType::get({}, b.getI32Type()), b.getI32IntegerAttr(0)));
    if (g.random().oneIn(2)) {
      flags =
          g.make<ReshapeOp>(RankedTensorType::get({s.batch, 1, 1, s.keys}, b.getI32Type()), flags);
      return g.make<CompareOp>(ComparePredicate::ne, flags, zero);
    }
    return overKeys(g.make<CompareOp>(ComparePredicate::ne, flags, zero));
  }
  case 5: { // one row for all queries: no causal mask, though made by that op
    Shape shape = g.random().oneIn(2) ? Shape{1, s.keys} : Shape{s.queries, 1};
    return g.make<CausalMaskOp>(boolean(shape), IntegerAttr());
  }
  case 6: { // known elements, of positions or of batch and keys
    if (g.random().oneIn(3)) {
      SmallVector<bool> rows;
      for (int64_t i = 0; i < s.batch * s.keys; ++i)
        rows.push_back(i % s.keys <= i / s.keys);
      return g.make<ConstantOp>(DenseElementsAttr::get(boolean({s.batch, 1, 1, s.keys}), rows));
    }
    SmallVector<bool> visible;
    int64_t window = g.random().between(1, s.keys),
            shift = g.random().oneIn(3) ? 0 : s.keys - s.queries;
    for (int64_t i = 0; i < s.queries; ++i)
      for (int64_t j = 0; j < s.keys; ++j)
        visible.push_back(j <= i + shift && j > i + shift - window);
    return g.make<ConstantOp>(DenseElementsAttr::get(boolean({s.queries, s.keys}), visible));
  }
  default:
    return g.mask(g.random().oneIn(2) ? Shape{s.queries, s.keys}
                                      : Shape{s.batch, 1, s.queries, s.keys});
  }
}

Value anyMask(GraphMaker &g, const Sizes &s) {
  Value mask = maskLeaf(g, s);
  while (g.random().oneIn(3))
    mask = g.make<LogicalAndOp>(mask, maskLeaf(g, s));
  return mask;
}

Value capped(GraphMaker &g, Value scores) {
  const double cap = g.random().oneIn(2) ? 2 : 20;
  const double other = g.random().oneIn(8) ? 3 : cap; // a near miss
  Value inner = g.random().oneIn(2) ? g.make<DivOp>(scores, g.constant(cap))
                                    : g.make<MulOp>(scores, g.constant(1 / cap));
  return g.make<MulOp>(g.make<TanhOp>(inner), g.constant(other));
}

/// Whether a query sees no key. Fused, it gets zeros; with a finite constant in the mask, the mean
/// of v: the one difference that heddle-fuse-attention allows itself.
bool hasBlindQuery(GraphMaker &g, Value scores) {
  const std::vector<double> &values = g.valueOf(scores).floats;
  const size_t keys = static_cast<size_t>(dimsOf(scores).back());
  for (size_t row = 0; row + keys <= values.size(); row += keys)
    if (std::all_of(values.begin() + row, values.begin() + row + keys,
                    [](double x) { return x < -1e8; }))
      return true;
  return false;
}

Value masked(GraphMaker &g, Value scores, const Sizes &s) {
  const double low = g.random().oneIn(2) ? -INFINITY : g.random().oneIn(4) ? -50 : -2e9;
  Value mask = anyMask(g, s);
  if (g.random().oneIn(3)) // as something to add
    scores = g.make<AddOp>(scores, g.make<SelectOp>(mask, g.constant(0), g.constant(low)));
  else
    scores = g.make<SelectOp>(mask, scores, g.constant(low));
  if (std::isfinite(low) && hasBlindQuery(g, scores))
    g.giveUp();
  return scores;
}

Value weightsOf(GraphMaker &g, Value scores, const Sizes &s) {
  const bool early = g.random().oneIn(10); // out of order
  if (early)
    scores = g.make<AddOp>(scores, g.floatOf(biasShape(g, s)));
  if (!g.random().oneIn(5)) {
    double scale = scaleFor(g, s);
    scores = g.random().oneIn(4) ? g.make<DivOp>(scores, g.constant(1 / scale))
                                 : g.make<MulOp>(scores, g.constant(scale));
  }
  if (!early && g.random().oneIn(4)) {
    // The leading axis of a bias may be more than that of the scores: then it is no bias.
    Shape shape = biasShape(g, s);
    if (g.random().oneIn(8))
      shape = {s.batch * 2, 1, 1, 1};
    if (broadcastShape(shape, dimsOf(scores)))
      scores = g.make<AddOp>(scores, g.floatOf(shape));
  }
  if (g.random().oneIn(5))
    scores = capped(g, scores);
  if (g.random().oneIn(12))
    g.publish(scores);
  if (g.random().oneIn(2) &&
      broadcastShape(ArrayRef<int64_t>{s.batch, 1, s.queries, s.keys}, dimsOf(scores)))
    scores = masked(g, scores, s);
  Value weights = g.make<SoftmaxOp>(scores);
  if (g.random().oneIn(12))
    g.publish(weights);
  if (g.random().oneIn(4))
    weights = g.make<DropoutOp>(weights.getType(), weights, g.rng(), llvm::APFloat(0.25),
                                g.random().below(100));
  return weights;
}

Value swapped(GraphMaker &g, Value x) { return g.make<TransposeOp>(x, Shape{0, 1, 3, 2}); }

/// [B, G, S, D] with each head repeated, [B, H, S, D].
Value repeated(GraphMaker &g, Value x, const Sizes &s) {
  if (s.heads == s.groups)
    return x;
  Shape shape(dimsOf(x).begin(), dimsOf(x).end());
  auto type = [&](Shape to) { return RankedTensorType::get(to, g.f32()); };
  x = g.make<ReshapeOp>(type({shape[0], shape[1], 1, shape[2], shape[3]}), x);
  x = g.make<BroadcastOp>(type({shape[0], shape[1], s.heads / s.groups, shape[2], shape[3]}), x);
  return g.make<ReshapeOp>(type({shape[0], s.heads, shape[2], shape[3]}), x);
}

void writtenAttention(GraphMaker &g) {
  Sizes s = anySizes(g);
  GraphMaker::HiddenScores hidden(g);
  // Rarely one batch for all, which the masks and biases then repeat.
  const bool shared = g.random().oneIn(12);
  auto batch = [&] { return g.random().oneIn(shared ? 2 : 24) ? 1 : s.batch; };
  Value q = projected(g, batch(), s.heads, s.queries, s.depth);
  if (g.random().oneIn(4))
    q = g.make<MulOp>(q, g.constant(0.5));
  Value k = repeated(g, projected(g, batch(), s.groups, s.keys, s.depth), s);
  Value v = repeated(g, projected(g, batch(), s.groups, s.keys, s.width), s);
  Value scores = g.random().oneIn(3) ? g.make<MatmulOp>(q, swapped(g, k), false, false)
                                     : g.make<MatmulOp>(q, k, false, true);
  Value weights = weightsOf(g, scores, s);
  if (!broadcastShape(dimsOf(weights).take_front(), dimsOf(v).take_front()))
    return g.giveUp();
  if (g.random().oneIn(16) && s.queries == s.keys) // the wrong axis
    weights = swapped(g, weights);
  publishOutput(g, g.make<MatmulOp>(weights, v, false, false));
}

/// Query heads that share a key head, as an axis of their own.
void grouped(GraphMaker &g) {
  Sizes s = anySizes(g);
  GraphMaker::HiddenScores hidden(g);
  const int64_t shared = s.heads / s.groups;
  auto type = [&](Shape to) { return RankedTensorType::get(to, g.f32()); };
  Value q = g.make<ReshapeOp>(type({s.batch, s.groups, shared, s.queries, s.depth}),
                              projected(g, s.batch, s.heads, s.queries, s.depth));
  Value k = g.make<ReshapeOp>(type({s.batch, s.groups, 1, s.keys, s.depth}),
                              projected(g, s.batch, s.groups, s.keys, s.depth));
  Value v = g.make<ReshapeOp>(type({s.batch, s.groups, 1, s.keys, s.width}),
                              projected(g, s.batch, s.groups, s.keys, s.width));
  Value scores = g.make<MatmulOp>(q, k, false, true);
  scores = g.make<MulOp>(scores, g.constant(scaleFor(g, s)));
  if (g.random().oneIn(4)) {
    const std::vector<Shape> shapes = {{s.queries, s.keys},
                                       {1, s.groups, shared, 1, s.keys},
                                       {1, s.groups, 1, 1, s.keys},
                                       {s.batch, 1, 1, s.queries, s.keys}};
    scores = g.make<AddOp>(scores, g.floatOf(g.random().pick(shapes)));
  }
  if (g.random().oneIn(2)) {
    Value mask = g.make<CausalMaskOp>(
        RankedTensorType::get({s.queries, s.keys}, g.builder().getI1Type()), IntegerAttr());
    scores = g.make<SelectOp>(mask, scores, g.constant(-INFINITY));
  }
  Value o = g.make<MatmulOp>(g.make<SoftmaxOp>(scores), v, false, false);
  publishOutput(g, g.make<ReshapeOp>(type({s.batch, s.heads, s.queries, s.width}), o));
}

} // namespace

std::vector<Maker> attentionMakers() {
  return {{direct, 4}, {directGrad, 2, false}, {writtenAttention, 7}, {grouped, 2}};
}

} // namespace heddle::random
