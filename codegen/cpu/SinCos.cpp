// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/SinCos.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

constexpr double kTwoOverPi = 0.63661977236758134;
// pi / 2 in two parts; the first has 33 bits, so that its product with a quadrant is exact.
constexpr double kHalfPiHigh = 0x1.921fb544p+0;
constexpr double kHalfPiLow = 0x1.0b4611a626331p-34;
// Adding this rounds to an integer, which then stands in the low bits.
constexpr double kRoundingMagic = 6755399441055744.0; // 1.5 * 2^52
// Our own minimax fits on |r| <= pi / 4, in r^2: (sin r - r) / r^3 to 5e-12 and
// (cos r - 1 + r^2 / 2) / r^4 to 1e-13.
constexpr double kSine[] = {-0.16666666641426569, 0.0083333293622851807, -0.00019839327137670471,
                            2.7182372841235284e-6};
constexpr double kCosine[] = {0.041666666622477114, -0.0013888883722628492, 2.4799511765051806e-5,
                              -2.7209547846323984e-7};

class Emitter {
public:
  Emitter(ImplicitLocOpBuilder &b, Value angle)
      : b_(b), real_(cast<VectorType>(angle.getType())), integer_(real_.clone(b.getI64Type())) {}

  SinCos emit(Value angle) {
    Value magic = constant(kRoundingMagic);
    Value shifted = add(mul(angle, constant(kTwoOverPi)), magic);
    Value quadrant = arith::SubFOp::create(b_, shifted, magic);
    Value r = arith::SubFOp::create(b_, angle, mul(quadrant, constant(kHalfPiHigh)));
    r = arith::SubFOp::create(b_, r, mul(quadrant, constant(kHalfPiLow)));
    Value square = mul(r, r);
    Value sine = add(r, mul(mul(square, r), polynomial(square, kSine)));
    Value cosine = add(add(constant(1.0), mul(square, constant(-0.5))),
                       mul(mul(square, square), polynomial(square, kCosine)));
    // Quadrant 1 and 3 swap the two; 2 and 3 negate the sine, 1 and 2 the cosine.
    Value bits = arith::BitcastOp::create(b_, integer_, shifted);
    Value odd = isSet(bits, 1);
    Value next = arith::AddIOp::create(b_, bits, number(1));
    return {negateIf(isSet(bits, 2), arith::SelectOp::create(b_, odd, cosine, sine)),
            negateIf(isSet(next, 2), arith::SelectOp::create(b_, odd, sine, cosine))};
  }

private:
  Value constant(double value) {
    return arith::ConstantOp::create(b_, DenseElementsAttr::get(real_, value));
  }
  Value number(int64_t value) {
    return arith::ConstantOp::create(b_, DenseElementsAttr::get(integer_, value));
  }
  Value add(Value x, Value y) { return arith::AddFOp::create(b_, x, y); }
  Value mul(Value x, Value y) { return arith::MulFOp::create(b_, x, y); }
  Value polynomial(Value x, ArrayRef<double> coefficients) {
    Value sum = constant(coefficients.back());
    for (double coefficient : llvm::reverse(coefficients.drop_back()))
      sum = add(mul(sum, x), constant(coefficient));
    return sum;
  }
  Value isSet(Value bits, int64_t bit) {
    Value masked = arith::AndIOp::create(b_, bits, number(bit));
    return arith::CmpIOp::create(b_, arith::CmpIPredicate::ne, masked, number(0));
  }
  Value negateIf(Value condition, Value x) {
    return arith::SelectOp::create(b_, condition, arith::NegFOp::create(b_, x), x);
  }

  ImplicitLocOpBuilder &b_;
  VectorType real_, integer_;
};

} // namespace

SinCos emitSinCos(ImplicitLocOpBuilder &b, Value angle) { return Emitter(b, angle).emit(angle); }

} // namespace heddle::codegen
