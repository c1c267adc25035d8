// SPDX-License-Identifier: Apache-2.0
// Maps, with every kind of broadcast; masks and comparisons; dropout.
#include "tests/random/Makers.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::random {
namespace {

/// A shape that broadcasts to `shape`: some axes 1, leading axes left out.
Shape broadcastPart(GraphMaker &g, ArrayRef<int64_t> shape) {
  Shape partner(shape.begin(), shape.end());
  for (int64_t &size : partner)
    if (g.random().oneIn(3))
      size = 1;
  if (g.random().oneIn(3))
    partner.erase(partner.begin(), partner.begin() + g.random().between(0, partner.size()));
  return partner;
}

/// The same, or one that `shape` broadcasts with to more axes.
Shape broadcastPartner(GraphMaker &g, ArrayRef<int64_t> shape) {
  Shape partner = broadcastPart(g, shape);
  if (g.random().oneIn(8) && partner.size() == shape.size() && partner.size() < 4)
    partner.insert(partner.begin(), g.random().between(1, 3));
  return partner;
}

/// The other operand of a binary op: of the same shape, broadcast, or a constant.
Value partnerOf(GraphMaker &g, Value x) {
  switch (g.random().below(5)) {
  case 0:
    return g.constant(0.25 * static_cast<double>(g.random().between(1, 9)));
  case 1:
  case 2:
    return g.floatOf(broadcastPartner(g, dimsOf(x)));
  case 3: {
    Value y = g.anyFloat();
    if (broadcastShape(dimsOf(x), dimsOf(y)))
      return y;
    [[fallthrough]];
  }
  default:
    return g.floatOf(Shape(dimsOf(x).begin(), dimsOf(x).end()));
  }
}

template <typename Op> void binary(GraphMaker &g) {
  Value x = g.anyFloat(), y = partnerOf(g, x);
  if (g.random().oneIn(2))
    std::swap(x, y);
  g.publish(g.make<Op>(x, y));
}

template <typename Op> void unary(GraphMaker &g) { g.publish(g.make<Op>(g.anyFloat())); }

/// An argument whose values the op is made for.
template <typename Op> void unaryOfPositive(GraphMaker &g) {
  Value x = g.random().oneIn(3)
                ? g.anyFloat()
                : g.argument("positive", g.shape(g.random().between(0, 3)), g.f32());
  g.publish(g.make<Op>(x));
}

void gelu(GraphMaker &g) { g.publish(g.make<GeluOp>(g.anyFloat(), g.random().oneIn(2))); }

template <typename Op> void activationGrad(GraphMaker &g) {
  Value x = g.anyFloat();
  g.publish(g.make<Op>(x, g.floatOf(Shape(dimsOf(x).begin(), dimsOf(x).end()))));
}
void geluGrad(GraphMaker &g) {
  Value x = g.anyFloat();
  g.publish(g.make<GeluGradOp>(x, g.floatOf(Shape(dimsOf(x).begin(), dimsOf(x).end())),
                               g.random().oneIn(2)));
}

/// A product over a sum, so that division and roots meet computed values too.
void quotient(GraphMaker &g) {
  Value x = g.anyFloat(), y = partnerOf(g, x);
  Value square = g.make<MulOp>(y, y);
  Value divisor = g.make<AddOp>(square, g.constant(0.5));
  switch (g.random().below(4)) {
  case 0:
    return g.publish(g.make<MulOp>(x, g.make<RsqrtOp>(divisor)));
  case 1:
    return g.publish(g.make<DivOp>(x, g.make<SqrtOp>(divisor)));
  case 2:
    return g.publish(g.make<MulOp>(x, g.make<LogOp>(divisor)));
  default:
    return g.publish(g.make<DivOp>(x, divisor));
  }
}

/// A chain of small ops on one shape, as an optimizer or an activation written out has it.
void chain(GraphMaker &g) {
  Value x = g.anyFloat();
  for (int64_t count = g.random().between(2, 6); count-- > 0;) {
    switch (g.random().below(6)) {
    case 0:
      x = g.make<TanhOp>(x);
      break;
    case 1:
      x = g.make<SigmoidOp>(x);
      break;
    case 2:
      x = g.make<MulOp>(x, x);
      break;
    case 3:
      x = g.make<NegOp>(x);
      break;
    default:
      x = g.random().oneIn(2) ? g.make<AddOp>(x, partnerOf(g, x))
                              : g.make<SubOp>(partnerOf(g, x), x);
    }
    if (g.random().oneIn(6))
      g.publish(x);
  }
  g.publish(x);
}

ComparePredicate anyPredicate(GraphMaker &g) {
  return static_cast<ComparePredicate>(g.random().below(6));
}

/// Of that shape.
Value anyMask(GraphMaker &g, Shape shape) {
  if (shape.size() == 2 && g.random().oneIn(3)) {
    IntegerAttr window = g.random().oneIn(2)
                             ? g.builder().getI64IntegerAttr(g.random().between(1, 6))
                             : IntegerAttr();
    return g.make<CausalMaskOp>(RankedTensorType::get(shape, g.builder().getI1Type()), window);
  }
  if (shape.size() == 2 && g.random().oneIn(2))
    return g.make<LengthMaskOp>(RankedTensorType::get(shape, g.builder().getI1Type()),
                                g.ids({shape[0]}, shape[1], "lengths"));
  if (g.random().oneIn(3))
    return g.make<CompareOp>(anyPredicate(g), g.floatOf(shape), g.floatOf(broadcastPart(g, shape)));
  return g.mask(shape);
}

void compare(GraphMaker &g) {
  Value x = g.anyFloat(), y = partnerOf(g, x);
  g.publish(g.make<CompareOp>(anyPredicate(g), x, y));
}
void compareIntegers(GraphMaker &g) {
  Shape shape = g.shape(g.random().between(0, 3));
  Value x = g.argument("ids", shape, g.builder().getI32Type(), 4);
  Value y = g.argument("ids", broadcastPartner(g, shape), g.builder().getI32Type(), 4);
  g.publish(g.make<CompareOp>(anyPredicate(g), x, y));
}

void select(GraphMaker &g) {
  Value x = g.anyFloat(), y = partnerOf(g, x);
  SmallVector<int64_t> shape = *broadcastShape(dimsOf(x), dimsOf(y));
  g.publish(g.make<SelectOp>(anyMask(g, broadcastPart(g, shape)), x, y));
}

void masks(GraphMaker &g) {
  Shape shape = g.shape(g.random().between(1, 3));
  Value x = anyMask(g, shape);
  g.publish(g.make<LogicalAndOp>(x, anyMask(g, broadcastPartner(g, shape))));
}

void cast(GraphMaker &g) {
  OpBuilder &b = g.builder();
  const std::vector<Type> elements = {b.getF32Type(), b.getI32Type(), b.getI64Type(),
                                      b.getI1Type()};
  Value x = g.anyFloat();
  auto castTo = [&](Type element) {
    return g.make<CastOp>(RankedTensorType::get(dimsOf(x), element), x);
  };
  if (g.isDifferentiable() || g.random().oneIn(2)) { // from integers and masks to floats
    Shape shape = g.shape(g.random().between(0, 3));
    x = g.random().oneIn(2)
            ? anyMask(g, shape)
            : g.argument("ids", shape,
                         g.random().pick(elements).isInteger(32) ? b.getI32Type() : b.getI64Type(),
                         100);
    return g.publish(castTo(b.getF32Type()));
  }
  if (g.random().oneIn(2))
    x = castTo(g.random().pick(elements));
  g.publish(castTo(g.random().pick(elements)));
}

void dropout(GraphMaker &g) {
  Value x = g.anyFloat();
  static const std::vector<double> kProbabilities = {0, 0.1, 0.25, 0.5, 0.9};
  g.publish(g.make<DropoutOp>(x.getType(), x, g.rng(),
                              llvm::APFloat(g.random().pick(kProbabilities)),
                              g.random().below(1 << 16)));
}

/// A value that was known all along, whole tensors of it too.
void constants(GraphMaker &g) {
  Shape shape = g.shape(g.random().between(0, 3));
  std::vector<double> values;
  for (int64_t i = elementsOf(shape); i-- > 0;)
    values.push_back(2 * g.random().uniform() - 1);
  if (g.random().oneIn(3))
    std::fill(values.begin(), values.end(), values[0]);
  g.publish(g.constant(shape, values));
}

} // namespace

std::vector<Maker> elementwiseMakers() {
  return {{binary<AddOp>, 6},
          {binary<SubOp>, 2},
          {binary<MulOp>, 6},
          {binary<DivOp>, 1},
          {binary<MaximumOp>, 1},
          {binary<MinimumOp>, 1},
          {unary<NegOp>},
          {unary<ExpOp>},
          {unary<TanhOp>, 2},
          {unary<ErfOp>},
          {unary<SigmoidOp>},
          {unary<ReluOp>, 2},
          {unary<SiluOp>},
          {gelu, 2},
          {unaryOfPositive<LogOp>},
          {unaryOfPositive<SqrtOp>},
          {unaryOfPositive<RsqrtOp>},
          {activationGrad<ReluGradOp>, 1, false},
          {activationGrad<SiluGradOp>, 1, false},
          {geluGrad, 1, false},
          {quotient, 2},
          {chain, 4},
          {compare, 1},
          {compareIntegers, 1},
          {select, 3},
          {masks, 1},
          {cast, 2},
          {dropout, 3},
          {constants, 1}};
}

} // namespace heddle::random
