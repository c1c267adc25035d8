// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/ElementwiseEmitter.h"

#include <cmath>

#include "codegen/cpu/Dropout.h"
#include "codegen/cpu/MathEmitter.h"
#include "ir/Dialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

constexpr double kSqrt2OverPi = 0.79788456080286536;
constexpr double kGeluCubic = 0.044715;
constexpr double kOneOverSqrt2Pi = 0.39894228040143268;

Type elementType(Value lanes) { return cast<VectorType>(lanes.getType()).getElementType(); }

class Emitter {
public:
  Emitter(ImplicitLocOpBuilder &b, ValueRange lanes, const LaneContext &context)
      : b_(b), math_(b, context.lanes, context.fma), lanes_(lanes), context_(context) {}

  /// Null where there is no code.
  Value emit(Operation *op) {
    // Floating-point work is f32 only; bf16 comes and goes by casts.
    for (Value lanes : lanes_)
      if (isa<VectorType>(lanes.getType()))
        if (Type type = elementType(lanes);
            isa<FloatType>(type) && !type.isF32() && !(type.isBF16() && isa<ir::CastOp>(op)))
          return {};
    return llvm::TypeSwitch<Operation *, Value>(op)
        .Case([&](ir::AddOp) { return math_.add(x(), y()); })
        .Case([&](ir::SubOp) { return math_.sub(x(), y()); })
        .Case([&](ir::MulOp) { return math_.mul(x(), y()); })
        .Case([&](ir::DivOp) { return math_.div(x(), y()); })
        .Case([&](ir::MaximumOp) { return arith::MaximumFOp::create(b_, x(), y()); })
        .Case([&](ir::MinimumOp) { return arith::MinimumFOp::create(b_, x(), y()); })
        .Case([&](ir::NegOp) { return arith::NegFOp::create(b_, x()); })
        .Case([&](ir::ExpOp) { return math_.exp(x()); })
        .Case([&](ir::LogOp) { return math_.log(x()); })
        .Case([&](ir::SqrtOp) { return math::SqrtOp::create(b_, x()); })
        .Case([&](ir::RsqrtOp) {
          return math_.div(math_.constant(1.0), math::SqrtOp::create(b_, x()));
        })
        .Case([&](ir::TanhOp) { return math_.tanh(x()); })
        .Case([&](ir::ErfOp) { return math_.erf(x()); })
        .Case([&](ir::SigmoidOp) { return math_.sigmoid(x()); })
        .Case([&](ir::SiluOp) { return math_.mul(x(), math_.sigmoid(x())); })
        .Case([&](ir::SiluGradOp) { return siluGrad(); })
        .Case([&](ir::ReluOp) {
          return select(compare(arith::CmpFPredicate::OLT, x(), zero()), zero(), x());
        })
        .Case([&](ir::ReluGradOp) {
          return select(compare(arith::CmpFPredicate::OGT, x(), zero()), y(), zero());
        })
        .Case([&](ir::GeluOp op) { return gelu(op.getTanhApproximation()); })
        .Case([&](ir::GeluGradOp op) { return geluGrad(op.getTanhApproximation()); })
        .Case([&](ir::CastOp op) { return cast(op.getY().getType().getElementType()); })
        .Case([&](ir::CompareOp op) { return compareOp(op.getPredicate()); })
        .Case([&](ir::LogicalAndOp) { return arith::AndIOp::create(b_, x(), y()); })
        .Case([&](ir::SelectOp) { return select(lanes_[0], lanes_[1], lanes_[2]); })
        .Case([&](ir::DropoutOp op) { return dropout(op); })
        .Default(Value());
  }

private:
  Value x() { return lanes_[0]; }
  Value y() { return lanes_[1]; }
  Value zero() { return math_.constant(0.0); }

  Value select(Value condition, Value yes, Value no) {
    return arith::SelectOp::create(b_, condition, yes, no);
  }
  Value compare(arith::CmpFPredicate predicate, Value left, Value right) {
    return arith::CmpFOp::create(b_, predicate, left, right);
  }

  /// dy s (1 + x (1 - s)).
  Value siluGrad() {
    Value s = math_.sigmoid(x());
    Value one = math_.constant(1.0);
    // Where s is 0 or 1 the product x (1 - s) s has long vanished; keep infinity out of it.
    Value bounded = math_.clamp(x(), -1e4, 1e4);
    Value inner = math_.multiplyAdd(bounded, math_.sub(one, s), one);
    return math_.mul(y(), math_.mul(s, inner));
  }

  /// 2 sqrt(2/pi) (t + 0.044715 t^3): 0.5 (1 + tanh u) is sigmoid(2u).
  Value geluArgument(Value t) {
    Value square = math_.mul(t, t);
    Value factor = math_.multiplyAdd(square, math_.constant(2 * kSqrt2OverPi * kGeluCubic),
                                     math_.constant(2 * kSqrt2OverPi));
    return math_.mul(t, factor);
  }

  Value gelu(bool tanhApproximation) {
    Value weight =
        tanhApproximation ? math_.sigmoid(geluArgument(x())) : math_.normalDistribution(x()).below;
    return math_.mul(x(), weight);
  }

  Value geluGrad(bool tanhApproximation) {
    // Beyond the limits the derivative is 0 or 1; squares of larger numbers would overflow.
    Value t = math_.clamp(x(), -1e4, 1e4);
    if (!tanhApproximation) {
      NormalDistribution normal = math_.normalDistribution(t);
      Value density = math_.mul(math_.constant(kOneOverSqrt2Pi), normal.gaussian);
      return math_.mul(y(), math_.multiplyAdd(t, density, normal.below));
    }
    Value square = math_.mul(t, t), s = math_.sigmoid(geluArgument(t));
    Value slope = math_.multiplyAdd(square, math_.constant(6 * kSqrt2OverPi * kGeluCubic),
                                    math_.constant(2 * kSqrt2OverPi));
    Value bend = math_.mul(math_.mul(s, math_.sub(math_.constant(1.0), s)), math_.mul(t, slope));
    return math_.mul(y(), math_.add(s, bend));
  }

  Value cast(Type to) {
    Type from = elementType(x());
    if (from == to)
      return x();
    auto type = VectorType::get({context_.lanes}, to);
    if (to.isF32() && from.isInteger(1))
      return arith::UIToFPOp::create(b_, type, x());
    if (to.isF32() && isa<IntegerType>(from))
      return arith::SIToFPOp::create(b_, type, x());
    if (to.isBF16() || from.isBF16())
      return to.isBF16() && from.isF32()   ? roundToBf16(type)
             : to.isF32() && from.isBF16() ? widenBf16(type)
                                           : Value();
    if (to.isInteger(1) && from.isF32())
      return compare(arith::CmpFPredicate::UNE, x(), zero());
    if (to.isInteger(1)) {
      Value none = arith::ConstantOp::create(b_, b_.getZeroAttr(x().getType()));
      return arith::CmpIOp::create(b_, arith::CmpIPredicate::ne, x(), none);
    }
    if (!isa<IntegerType>(to))
      return {};
    if (from.isF32())
      return truncateToInteger(type);
    if (from.isInteger(1))
      return arith::ExtUIOp::create(b_, type, x());
    if (from.getIntOrFloatBitWidth() < to.getIntOrFloatBitWidth())
      return arith::ExtSIOp::create(b_, type, x());
    return arith::TruncIOp::create(b_, type, x());
  }

  Value integers(int32_t value) {
    auto type = VectorType::get({context_.lanes}, b_.getI32Type());
    return arith::ConstantOp::create(b_, DenseElementsAttr::get(type, value));
  }
  Value asType(Type element, Value value) {
    return arith::BitcastOp::create(b_, VectorType::get({context_.lanes}, element), value);
  }

  /// To nearest, ties to even, on the bits: the upper half of an f32 is a bf16. Written out, since
  /// LLVM calls a library function for it where the machine has no instruction.
  Value roundToBf16(VectorType type) {
    Value bits = asType(b_.getI32Type(), x());
    Value upper = arith::ShRUIOp::create(b_, bits, integers(16));
    Value odd = arith::AndIOp::create(b_, upper, integers(1));
    Value bumped = arith::AddIOp::create(b_, bits, integers(0x7FFF));
    bumped = arith::AddIOp::create(b_, bumped, odd);
    Value rounded = arith::ShRUIOp::create(b_, bumped, integers(16));
    // Adding would make some NaNs zeros.
    Value notANumber = compare(arith::CmpFPredicate::UNO, x(), x());
    Value quiet = arith::OrIOp::create(b_, upper, integers(0x40));
    rounded = select(notANumber, quiet, rounded);
    auto half = VectorType::get({context_.lanes}, b_.getI16Type());
    return arith::BitcastOp::create(b_, type, arith::TruncIOp::create(b_, half, rounded));
  }
  Value widenBf16(VectorType type) {
    Value half = asType(b_.getI16Type(), x());
    auto wide = VectorType::get({context_.lanes}, b_.getI32Type());
    Value bits = arith::ExtUIOp::create(b_, wide, half);
    return arith::BitcastOp::create(b_, type, arith::ShLIOp::create(b_, bits, integers(16)));
  }

  /// The instruction is undefined for numbers that do not fit; those saturate, NaN is 0.
  Value truncateToInteger(VectorType type) {
    unsigned bits = type.getElementTypeBitWidth();
    auto integers = [&](const APInt &value) -> Value {
      return arith::ConstantOp::create(b_, DenseElementsAttr::get(type, value));
    };
    const double limit = std::ldexp(1.0, static_cast<int>(bits) - 1);
    Value top = math_.constant(limit), bottom = math_.constant(-limit);
    Value fits = compare(arith::CmpFPredicate::OLT, math_.abs(x()), top);
    Value y = arith::FPToSIOp::create(b_, type, select(fits, x(), zero()));
    y = select(compare(arith::CmpFPredicate::OGE, x(), top),
               integers(APInt::getSignedMaxValue(bits)), y);
    return select(compare(arith::CmpFPredicate::OLE, x(), bottom),
                  integers(APInt::getSignedMinValue(bits)), y);
  }

  Value compareOp(ir::ComparePredicate predicate) {
    using P = ir::ComparePredicate;
    if (elementType(x()).isF32()) {
      using F = arith::CmpFPredicate;
      F order = predicate == P::eq   ? F::OEQ
                : predicate == P::ne ? F::UNE
                : predicate == P::lt ? F::OLT
                : predicate == P::le ? F::OLE
                : predicate == P::gt ? F::OGT
                                     : F::OGE;
      return compare(order, x(), y());
    }
    // A mask holds 0 and 1: unsigned order.
    using I = arith::CmpIPredicate;
    bool mask = elementType(x()).isInteger(1);
    I order = predicate == P::eq   ? I::eq
              : predicate == P::ne ? I::ne
              : predicate == P::lt ? (mask ? I::ult : I::slt)
              : predicate == P::le ? (mask ? I::ule : I::sle)
              : predicate == P::gt ? (mask ? I::ugt : I::sgt)
                                   : (mask ? I::uge : I::sge);
    return arith::CmpIOp::create(b_, order, x(), y());
  }

  Value dropout(ir::DropoutOp op) {
    double p = op.getP().convertToDouble();
    if (p <= 0)
      return x();
    if (p >= 1)
      return zero();
    if (!context_.firstElement || !context_.rng.keyLow)
      return {};
    Value elements =
        emitElementNumbers(b_, context_.lanes, context_.firstElement, context_.elementStride);
    Value keep = emitDropoutKeep(b_, elements, context_.rng, p, op.getRngId());
    return select(keep, math_.mul(x(), math_.constant(1.0 / (1.0 - p))), zero());
  }

  ImplicitLocOpBuilder &b_;
  MathEmitter math_;
  ValueRange lanes_;
  const LaneContext &context_;
};

} // namespace

FailureOr<Value> emitElementwise(ImplicitLocOpBuilder &b, Operation *op, ValueRange lanes,
                                 const LaneContext &context) {
  if (Value result = Emitter(b, lanes, context).emit(op))
    return result;
  return failure();
}

} // namespace heddle::codegen
