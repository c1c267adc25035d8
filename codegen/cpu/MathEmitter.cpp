// SPDX-License-Identifier: Apache-2.0
// The coefficients are our own minimax fits (Remez exchange at 50 digits, relative error unless a
// comment says otherwise); each comment gives the interval and the largest error of the fit.
#include "codegen/cpu/MathEmitter.h"

#include <limits>

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

constexpr double kLog2E = 1.4426950408889634;
// ln 2 in two parts: the first has few bits, so that its product with an exponent is exact.
constexpr double kLn2High = 0.693359375;
constexpr double kLn2Low = -2.1219444005469058e-4;
// Adding this rounds to an integer, which then stands in the low bits: no rounding instruction and
// no call on any target.
constexpr double kRoundingMagic = 12582912.0; // 1.5 * 2^23

// (e^r - 1 - r) / r^2 on |r| <= ln 2 / 2: 3.3e-9 of e^r.
constexpr double kExp[] = {0.49999993050802483, 0.16666514791525288, 0.041668456776633755,
                           0.0083694188308014373, 0.0013813144925974978};
// The same relative to e^r - 1: 2.5e-10.
constexpr double kExpMinusOne[] = {0.50000000492345302,   0.16666666826239294,
                                   0.041666342128972674,  0.0083332706260083786,
                                   0.0013942046019114943, 0.00019915621969148};
// (ln(1 + f) - f + f^2 / 2) / f^3 on [sqrt(1/2) - 1, sqrt(2) - 1]: 7.3e-10 of ln(1 + f).
constexpr double kLog[] = {0.33333310446241277,  -0.24999986569416928, 0.2000222627204189,
                           -0.16669252114916024, 0.1421866484738634,   -0.12384331016865212,
                           0.1187291537598746,   -0.11789883257810504, 0.069155828560247428};
// erf(x) / x in x^2, on |x| <= 1: 1.2e-9.
constexpr double kErf[] = {1.12837916572673,      -0.37612625824302961,  0.11283585148789106,
                           -0.026853811929250811, 0.0051883276580391487, -0.00080101932791852078,
                           7.85385994935249e-5};
// -ln(erfc x) - x^2 on [1, 9.4]: 1.2e-9 of erfc x + 0.005.
constexpr double kErfcTail[] = {
    -0.00053143766455686564, 1.1312375018399353,     -0.37022589144771317,
    0.11244910818630856,     -0.028128542903239873,  0.005560641292852249,
    -0.00084399594999452821, 9.5447949891415793e-5,  -7.7323804223785698e-6,
    4.2208072533335153e-7,   -1.3859361001466422e-8, 2.0630263226906367e-10};
// P(X > x) e^(x^2 / 2) / t in t = 1 / (1 + kMillsScale x), on [0, kMillsEnd] (Mills' ratio but for
// a factor): 3.5e-9.
constexpr double kMillsScale = 0.3f, kMillsEnd = 14.5;
constexpr double kMills[] = {0.11968669452963928,  0.11957181947009331,  0.11023542096414861,
                             0.078389685727363278, 0.0961567248471854,   -0.079423296425074292,
                             0.19178429042325048,  -0.22821344020904485, 0.1124355612776952,
                             -0.020623462335013416};

} // namespace

Value MathEmitter::constant(double value) {
  auto type = VectorType::get({lanes_}, b_.getF32Type());
  return arith::ConstantOp::create(b_, DenseElementsAttr::get(type, static_cast<float>(value)));
}

Value MathEmitter::integer(int32_t value) {
  auto type = VectorType::get({lanes_}, b_.getI32Type());
  return arith::ConstantOp::create(b_, DenseElementsAttr::get(type, value));
}

Value MathEmitter::add(Value x, Value y) { return arith::AddFOp::create(b_, x, y); }
Value MathEmitter::sub(Value x, Value y) { return arith::SubFOp::create(b_, x, y); }
Value MathEmitter::mul(Value x, Value y) { return arith::MulFOp::create(b_, x, y); }
Value MathEmitter::div(Value x, Value y) { return arith::DivFOp::create(b_, x, y); }

Value MathEmitter::multiplyAdd(Value x, Value y, Value z) {
  // Without the instruction LLVM would call fmaf for each lane.
  return fma_ ? Value(vector::FMAOp::create(b_, x, y, z)) : add(mul(x, y), z);
}

Value MathEmitter::polynomial(Value x, ArrayRef<double> coefficients) {
  Value sum = constant(coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    sum = multiplyAdd(sum, x, constant(coefficient));
  return sum;
}

Value MathEmitter::clamp(Value x, double low, double high) {
  // A comparison with NaN is false, and then x is taken.
  Value top = constant(high), bottom = constant(low);
  Value above = arith::CmpFOp::create(b_, arith::CmpFPredicate::OGT, x, top);
  x = arith::SelectOp::create(b_, above, top, x);
  Value below = arith::CmpFOp::create(b_, arith::CmpFPredicate::OLT, x, bottom);
  return arith::SelectOp::create(b_, below, bottom, x);
}

Value MathEmitter::abs(Value x) { return math::AbsFOp::create(b_, x); }

Value MathEmitter::copySign(Value magnitude, Value sign) {
  return math::CopySignOp::create(b_, magnitude, sign);
}

/// x = exponent * ln 2 + rest, |rest| <= ln 2 / 2.
struct MathEmitter::Reduced {
  Value exponent; // i32
  Value rest;
};

MathEmitter::Reduced MathEmitter::reduce(Value x) {
  Value magic = constant(kRoundingMagic);
  Value shifted = multiplyAdd(x, constant(kLog2E), magic);
  Value rounded = sub(shifted, magic);
  Value rest = multiplyAdd(rounded, constant(-kLn2High), x);
  rest = multiplyAdd(rounded, constant(-kLn2Low), rest);
  auto type = VectorType::get({lanes_}, b_.getI32Type());
  Value bits = arith::BitcastOp::create(b_, type, shifted);
  return {arith::SubIOp::create(b_, bits, integer(0x4B400000)), rest};
}

Value MathEmitter::powerOfTwo(Value exponent) {
  Value biased = arith::AddIOp::create(b_, exponent, integer(127));
  Value bits = arith::ShLIOp::create(b_, biased, integer(23));
  return arith::BitcastOp::create(b_, VectorType::get({lanes_}, b_.getF32Type()), bits);
}

Value MathEmitter::exp(Value x) {
  Reduced r = reduce(clamp(x, -104.5, 89.0));
  Value square = mul(r.rest, r.rest);
  Value p = add(multiplyAdd(square, polynomial(r.rest, kExp), r.rest), constant(1.0));
  // Two factors, since the exponent may lie outside of what one f32 holds.
  Value half = arith::ShRSIOp::create(b_, r.exponent, integer(1));
  Value other = arith::SubIOp::create(b_, r.exponent, half);
  return mul(mul(p, powerOfTwo(half)), powerOfTwo(other));
}

Value MathEmitter::expFlushed(Value x, Value correction) {
  // The limits give the exponents -127 and 128, whose bit patterns are zero and infinity.
  Reduced r = reduce(clamp(x, -88.0, 88.5));
  if (correction)
    r.rest = add(r.rest, correction);
  Value square = mul(r.rest, r.rest);
  Value p = add(multiplyAdd(square, polynomial(r.rest, kExp), r.rest), constant(1.0));
  return mul(p, powerOfTwo(r.exponent));
}

Value MathEmitter::log(Value x) {
  auto i32 = VectorType::get({lanes_}, b_.getI32Type());
  auto f32 = VectorType::get({lanes_}, b_.getF32Type());
  auto compare = [&](arith::CmpFPredicate predicate, double value) -> Value {
    return arith::CmpFOp::create(b_, predicate, x, constant(value));
  };
  auto select = [&](Value condition, Value yes, Value no) -> Value {
    return arith::SelectOp::create(b_, condition, yes, no);
  };
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  // Subnormal numbers have no leading one: scale them up.
  Value tiny = compare(arith::CmpFPredicate::OLT, 0x1p-126);
  Value scaled = select(tiny, mul(x, constant(0x1p23)), x);
  Value bits = arith::BitcastOp::create(b_, i32, scaled);
  // x = m * 2^e with m in [sqrt(1/2), sqrt(2)).
  Value aboveRoot = arith::SubIOp::create(b_, bits, integer(0x3F3504F3));
  Value exponent = arith::ShRSIOp::create(b_, aboveRoot, integer(23));
  Value shifted = arith::ShLIOp::create(b_, exponent, integer(23));
  Value mantissa = arith::BitcastOp::create(b_, f32, arith::SubIOp::create(b_, bits, shifted));
  Value e = arith::SIToFPOp::create(b_, f32, exponent);
  e = select(tiny, sub(e, constant(23.0)), e);

  Value f = sub(mantissa, constant(1.0));
  Value square = mul(f, f);
  Value y = mul(mul(square, f), polynomial(f, kLog));
  y = multiplyAdd(e, constant(kLn2Low), y);
  y = multiplyAdd(square, constant(-0.5), y);
  Value result = multiplyAdd(e, constant(kLn2High), add(f, y));

  result = select(compare(arith::CmpFPredicate::OEQ, kInfinity), x, result);
  Value nan = constant(std::numeric_limits<double>::quiet_NaN());
  result = select(compare(arith::CmpFPredicate::ULT, 0.0), nan, result);
  return select(compare(arith::CmpFPredicate::OEQ, 0.0), constant(-kInfinity), result);
}

Value MathEmitter::tanh(Value x) {
  // tanh a = (e^2a - 1) / (e^2a + 1); e^2a - 1 without cancellation. tanh 10 rounds to 1.
  Value a = clamp(abs(x), 0.0, 10.0);
  Reduced r = reduce(add(a, a));
  Value square = mul(r.rest, r.rest);
  Value q = multiplyAdd(square, polynomial(r.rest, kExpMinusOne), r.rest);
  Value scale = powerOfTwo(r.exponent);
  Value m = multiplyAdd(scale, q, sub(scale, constant(1.0)));
  return copySign(div(m, add(m, constant(2.0))), x);
}

Value MathEmitter::erfcTail(Value magnitude) {
  Value a = clamp(magnitude, 1.0, 10.0);
  Value exponent = multiplyAdd(a, a, polynomial(a, kErfcTail));
  return expFlushed(arith::NegFOp::create(b_, exponent));
}

Value MathEmitter::erf(Value x) {
  Value a = abs(x);
  Value small = mul(x, polynomial(mul(x, x), kErf));
  Value large = copySign(sub(constant(1.0), erfcTail(a)), x);
  Value isSmall = arith::CmpFOp::create(b_, arith::CmpFPredicate::OLT, a, constant(1.0));
  return arith::SelectOp::create(b_, isSmall, small, large);
}

Value MathEmitter::sigmoid(Value x) {
  Value e = expFlushed(arith::NegFOp::create(b_, x));
  return div(constant(1.0), add(constant(1.0), e));
}

/// x * x = high + low: high without an error, low what it lacks.
struct MathEmitter::Square {
  Value high, low;
};

MathEmitter::Square MathEmitter::squareInParts(Value x) {
  if (fma_) {
    Value high = mul(x, x);
    return {high, multiplyAdd(x, x, arith::NegFOp::create(b_, high))};
  }
  // The upper half of the digits, whose square fits, and the rest.
  auto i32 = VectorType::get({lanes_}, b_.getI32Type());
  Value bits = arith::BitcastOp::create(b_, i32, x);
  bits = arith::AndIOp::create(b_, bits, integer(static_cast<int32_t>(0xFFFFF000)));
  Value upper = arith::BitcastOp::create(b_, x.getType(), bits);
  return {mul(upper, upper), mul(sub(x, upper), add(x, upper))};
}

NormalDistribution MathEmitter::normalDistribution(Value x) {
  // Beyond the limit all is flushed to zero. e^(-x^2 / 2) has as many digits as x^2 / 2 has behind
  // the point: it takes both parts.
  Value a = clamp(abs(x), 0.0, kMillsEnd);
  Square square = squareInParts(a);
  Value half = constant(-0.5);
  Value gaussian = expFlushed(mul(half, square.high), mul(half, square.low));
  Value t = div(constant(1.0), multiplyAdd(a, constant(kMillsScale), constant(1.0)));
  Value tail = mul(gaussian, mul(t, polynomial(t, kMills)));
  Value negative = arith::CmpFOp::create(b_, arith::CmpFPredicate::OLT, x, constant(0.0));
  return {arith::SelectOp::create(b_, negative, tail, sub(constant(1.0), tail)), gaussian};
}

} // namespace heddle::codegen
