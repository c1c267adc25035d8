// SPDX-License-Identifier: Apache-2.0
// Elementary functions on vectors of f32, as inline polynomials. Bounds are in units in the last
// place of the correctly rounded result, measured over all exponents by
// tests/codegen/MathEmitterTest.cpp.

#ifndef HEDDLE_CODEGEN_CPU_MATHEMITTER_H
#define HEDDLE_CODEGEN_CPU_MATHEMITTER_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace heddle::codegen {

/// `below`: the probability of less than x, 6 ulp; zero below -13.2, where it would be subnormal.
/// `gaussian`: e^(-x^2 / 2), 2 ulp.
struct NormalDistribution {
  mlir::Value below, gaussian;
};

/// Emits functions of vectors. `fma` says whether the target has a fused multiply-add; the bounds
/// below hold with it, and are up to one ulp worse without.
class MathEmitter {
public:
  MathEmitter(mlir::ImplicitLocOpBuilder &b, int64_t lanes, bool fma)
      : b_(b), lanes_(lanes), fma_(fma) {}

  /// 1 ulp, subnormal results included; infinity above 88.73, zero below -103.98.
  mlir::Value exp(mlir::Value x);
  /// As exp within [-87.3, 88.3], cheaper; zero below (no subnormal results), infinity above. For
  /// softmax, sigmoid and other uses where a subnormal does not count. `correction`, if given, is
  /// added to x: the digits that x has no room for.
  mlir::Value expFlushed(mlir::Value x, mlir::Value correction = {});
  /// 1 ulp; -infinity at zero, NaN below.
  mlir::Value log(mlir::Value x);
  /// 2.5 ulp.
  mlir::Value tanh(mlir::Value x);
  /// 2.5 ulp.
  mlir::Value erf(mlir::Value x);
  /// 1 / (1 + e^-x), 2.5 ulp; zero where it would be subnormal.
  mlir::Value sigmoid(mlir::Value x);
  /// Of a standard normal variable; the lower tail too has its digits, where 1 + erf has none left.
  NormalDistribution normalDistribution(mlir::Value x);

  /// Building blocks, public for kernels that have a formula of their own.
  mlir::Value constant(double value);
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value sub(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, mlir::Value y);
  mlir::Value div(mlir::Value x, mlir::Value y);
  /// x * y + z.
  mlir::Value multiplyAdd(mlir::Value x, mlir::Value y, mlir::Value z);
  /// Coefficients from the constant term up.
  mlir::Value polynomial(mlir::Value x, llvm::ArrayRef<double> coefficients);
  /// NaN in x stays NaN.
  mlir::Value clamp(mlir::Value x, double low, double high);
  mlir::Value abs(mlir::Value x);
  mlir::Value copySign(mlir::Value magnitude, mlir::Value sign);

private:
  struct Reduced;
  Reduced reduce(mlir::Value x);
  mlir::Value powerOfTwo(mlir::Value exponent);
  mlir::Value erfcTail(mlir::Value magnitude);
  struct Square;
  Square squareInParts(mlir::Value x);
  mlir::Value integer(int32_t value);

  mlir::ImplicitLocOpBuilder &b_;
  int64_t lanes_;
  bool fma_;
};

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_MATHEMITTER_H
