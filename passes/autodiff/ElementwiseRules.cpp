// SPDX-License-Identifier: Apache-2.0
// Arithmetic and elementary functions. Operands of binary ops broadcast as in numpy, so their
// gradients are summed back to their shapes.
#include <cmath>
#include <numbers>

#include "passes/autodiff/Rules.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes::autodiff {
namespace {

Value like(OpBuilder &b, Location loc, Value gradient, Value operand) {
  return sumToShape(b, loc, gradient, shapeOf(operand));
}

// y = l + r
Gradients add(AddOp op, OpBuilder &b, ValueRange dys) {
  Location loc = op.getLoc();
  return {like(b, loc, dys[0], op.getLhs()), like(b, loc, dys[0], op.getRhs())};
}

// y = l - r
Gradients sub(SubOp op, OpBuilder &b, ValueRange dys) {
  Location loc = op.getLoc();
  Value dr = like(b, loc, dys[0], op.getRhs());
  return {like(b, loc, dys[0], op.getLhs()), NegOp::create(b, loc, dr)};
}

// y = l r
Gradients mul(MulOp op, OpBuilder &b, ValueRange dys) {
  Location loc = op.getLoc();
  Value dl = MulOp::create(b, loc, dys[0], op.getRhs());
  Value dr = MulOp::create(b, loc, dys[0], op.getLhs());
  return {like(b, loc, dl, op.getLhs()), like(b, loc, dr, op.getRhs())};
}

// y = l / r
Gradients div(DivOp op, OpBuilder &b, ValueRange dys) {
  Location loc = op.getLoc();
  Value dl = DivOp::create(b, loc, dys[0], op.getRhs());
  // dl/dr of l / r is -y / r.
  Value dr = NegOp::create(b, loc, MulOp::create(b, loc, dl, op.getY()));
  return {like(b, loc, dl, op.getLhs()), like(b, loc, dr, op.getRhs())};
}

// The gradient goes to the chosen operand; equal ones get a half each, as in PyTorch.
Gradients choose(OpBuilder &b, Value lhs, Value rhs, Value dy, ComparePredicate lhsWins,
                 ComparePredicate rhsWins, Location loc) {
  Value zero = scalar(b, loc, dy, 0.0);
  Value half = MulOp::create(b, loc, dy, scalar(b, loc, dy, 0.5));
  auto share = [&](ComparePredicate wins, ComparePredicate loses) -> Value {
    Value won = CompareOp::create(b, loc, wins, lhs, rhs);
    Value lost = CompareOp::create(b, loc, loses, lhs, rhs);
    Value tie = SelectOp::create(b, loc, lost, zero, half);
    return SelectOp::create(b, loc, won, dy, tie);
  };
  return {like(b, loc, share(lhsWins, rhsWins), lhs), like(b, loc, share(rhsWins, lhsWins), rhs)};
}

// y = max(l, r)
Gradients maximum(MaximumOp op, OpBuilder &b, ValueRange dys) {
  return choose(b, op.getLhs(), op.getRhs(), dys[0], ComparePredicate::gt, ComparePredicate::lt,
                op.getLoc());
}

// y = min(l, r)
Gradients minimum(MinimumOp op, OpBuilder &b, ValueRange dys) {
  return choose(b, op.getLhs(), op.getRhs(), dys[0], ComparePredicate::lt, ComparePredicate::gt,
                op.getLoc());
}

// y = condition ? t : f
Gradients select(SelectOp op, OpBuilder &b, ValueRange dys) {
  Location loc = op.getLoc();
  Value zero = scalar(b, loc, dys[0], 0.0);
  Value dt = SelectOp::create(b, loc, op.getCondition(), dys[0], zero);
  Value df = SelectOp::create(b, loc, op.getCondition(), zero, dys[0]);
  return {Value(), like(b, loc, dt, op.getIfTrue()), like(b, loc, df, op.getIfFalse())};
}

// y = -x
Gradients neg(NegOp op, OpBuilder &b, ValueRange dys) {
  return {NegOp::create(b, op.getLoc(), dys[0])};
}

// y = e^x
Gradients exp(ExpOp op, OpBuilder &b, ValueRange dys) {
  return {MulOp::create(b, op.getLoc(), dys[0], op.getY())};
}

// y = ln x
Gradients log(LogOp op, OpBuilder &b, ValueRange dys) {
  return {DivOp::create(b, op.getLoc(), dys[0], op.getX())};
}

// y = x^(1/2), y' = 1 / (2 y)
Gradients sqrt(SqrtOp op, OpBuilder &b, ValueRange dys) {
  Location loc = op.getLoc();
  Value half = MulOp::create(b, loc, dys[0], scalar(b, loc, dys[0], 0.5));
  return {DivOp::create(b, loc, half, op.getY())};
}

// y = x^(-1/2), y' = -y^3 / 2
Gradients rsqrt(RsqrtOp op, OpBuilder &b, ValueRange dys) {
  Location loc = op.getLoc();
  Value square = MulOp::create(b, loc, op.getY(), op.getY());
  Value cube = MulOp::create(b, loc, square, op.getY());
  Value slope = MulOp::create(b, loc, cube, scalar(b, loc, cube, -0.5));
  return {MulOp::create(b, loc, dys[0], slope)};
}

// y = tanh x, y' = 1 - y^2
Gradients tanh(TanhOp op, OpBuilder &b, ValueRange dys) {
  Location loc = op.getLoc();
  Value square = MulOp::create(b, loc, op.getY(), op.getY());
  Value slope = SubOp::create(b, loc, scalar(b, loc, square, 1.0), square);
  return {MulOp::create(b, loc, dys[0], slope)};
}

// y = erf x, y' = 2 / sqrt(pi) e^(-x^2)
Gradients erf(ErfOp op, OpBuilder &b, ValueRange dys) {
  Location loc = op.getLoc();
  Value square = MulOp::create(b, loc, op.getX(), op.getX());
  Value bell = ExpOp::create(b, loc, NegOp::create(b, loc, square));
  Value slope = MulOp::create(b, loc, bell, scalar(b, loc, bell, 2.0 * std::numbers::inv_sqrtpi));
  return {MulOp::create(b, loc, dys[0], slope)};
}

// y = 1 / (1 + e^-x), y' = y (1 - y)
Gradients sigmoid(SigmoidOp op, OpBuilder &b, ValueRange dys) {
  Location loc = op.getLoc();
  Value rest = SubOp::create(b, loc, scalar(b, loc, op.getY(), 1.0), op.getY());
  Value slope = MulOp::create(b, loc, op.getY(), rest);
  return {MulOp::create(b, loc, dys[0], slope)};
}

// y = x in another type
Gradients cast(CastOp op, OpBuilder &b, ValueRange dys) {
  RankedTensorType type = op.getX().getType();
  if (!isa<FloatType>(type.getElementType()))
    return {Value()};
  return {CastOp::create(b, op.getLoc(), type, dys[0])};
}

// y = m(rng) x, with a mask that depends only on the state
Gradients dropout(DropoutOp op, OpBuilder &b, ValueRange dys) {
  Value dx = DropoutOp::create(b, op.getLoc(), dys[0].getType(), dys[0], op.getRng(), op.getPAttr(),
                               op.getRngIdAttr());
  return {dx, Value()};
}

} // namespace

void attachElementwiseRules(MLIRContext *context) {
  attach<AddOp, add>(context);
  attach<SubOp, sub>(context);
  attach<MulOp, mul>(context);
  attach<DivOp, div>(context);
  attach<MaximumOp, maximum>(context);
  attach<MinimumOp, minimum>(context);
  attach<SelectOp, select>(context);
  attach<NegOp, neg>(context);
  attach<ExpOp, exp>(context);
  attach<LogOp, log>(context);
  attach<SqrtOp, sqrt>(context);
  attach<RsqrtOp, rsqrt>(context);
  attach<TanhOp, tanh>(context);
  attach<ErfOp, erf>(context);
  attach<SigmoidOp, sigmoid>(context);
  attach<CastOp, cast>(context);
  attach<DropoutOp, dropout>(context);
}

} // namespace heddle::passes::autodiff
