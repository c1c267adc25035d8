// SPDX-License-Identifier: Apache-2.0
// What the evaluators need of a number beside arithmetic, for double (the judge), Bounded
// (the judge with error bounds) and Single (f32): each op is written once and serves all.

#ifndef HEDDLE_IR_INTERPRETER_NUMBERS_H
#define HEDDLE_IR_INTERPRETER_NUMBERS_H

#include "ir/interpreter/Bounded.h"
#include "ir/interpreter/Single.h"

namespace heddle::ir {

inline double valueOf(double x) { return x; }
inline double valueOf(Bounded x) { return x.value; }
inline double valueOf(Single x) { return x.value; }

/// What adds up many terms.
template <typename Number> struct Accumulator {
  using Type = Number;
};
template <> struct Accumulator<Bounded> {
  using Type = BoundedSum;
};
template <typename Number> using SumOf = typename Accumulator<Number>::Type;

/// A constant of an op, which a kernel holds in f32.
template <typename Number> Number constantOf(double value) { return value; }
template <> inline Bounded constantOf<Bounded>(double value) { return rounded(value, 0); }

/// function(x), which is continuous, and which kernels compute to `units` unit roundoffs of it.
template <typename Function> double applied(double x, Function function, double) {
  return function(x);
}
template <typename Function> Single applied(Single x, Function function, double) {
  return function(x.value);
}
template <typename Function> Bounded applied(Bounded x, Function function, double units) {
  double y = function(x.value), spread = 0;
  if (x.error != 0) {
    // The ends of the interval rather than a slope: right for large errors too.
    double above = std::abs(function(x.value + x.error) - y);
    double below = std::abs(function(x.value - x.error) - y);
    bool leavesDomain = std::isnan(above) || std::isnan(below);
    spread = leavesDomain ? std::numeric_limits<double>::infinity() : std::max(above, below);
  }
  return roundedAt(y, spread, units, std::abs(y));
}

// Units are twice the ulps that codegen/cpu/MathEmitter.h promises, without fused multiply-add.

template <typename Number> Number expOf(Number x) {
  return applied(x, [](double v) { return std::exp(v); }, 4);
}
template <typename Number> Number logOf(Number x) {
  return applied(x, [](double v) { return std::log(v); }, 4);
}
template <typename Number> Number sqrtOf(Number x) {
  return applied(x, [](double v) { return std::sqrt(v); }, 1);
}
template <typename Number> Number rsqrtOf(Number x) {
  return applied(x, [](double v) { return 1.0 / std::sqrt(v); }, 3);
}
template <typename Number> Number tanhOf(Number x) {
  return applied(x, [](double v) { return std::tanh(v); }, 7);
}
template <typename Number> Number erfOf(Number x) {
  return applied(x, [](double v) { return std::erf(v); }, 7);
}
template <typename Number> Number sigmoidOf(Number x) {
  return applied(x, [](double v) { return 1.0 / (1.0 + std::exp(-v)); }, 7);
}

/// The root of a number that is a sum of squares, and so is not below zero however it is rounded.
template <typename Number> Number rootOfSquares(Number x) {
  return applied(x, [](double v) { return v < 0 ? 0.0 : std::sqrt(v); }, 1);
}

/// The larger one, NaN if either is.
inline double maxOf(double a, double b) {
  if (std::isnan(a) || std::isnan(b))
    return std::numeric_limits<double>::quiet_NaN();
  return a > b ? a : b;
}
inline Single maxOf(Single a, Single b) { return maxOf(valueOf(a), valueOf(b)); }
inline Bounded maxOf(Bounded a, Bounded b) {
  double value = maxOf(a.value, b.value);
  if (a.value - a.error > b.value + b.error)
    return {value, a.error};
  if (b.value - b.error > a.value + a.error)
    return {value, b.error};
  return {value, std::max(a.error, b.error)};
}

/// `x`, or `other` where that is not decided.
inline double eitherOf(double x, double, bool) { return x; }
inline Single eitherOf(Single x, Single, bool) { return x; }
inline Bounded eitherOf(Bounded x, Bounded other, bool undecided) {
  if (!undecided)
    return x;
  return {x.value, std::max(x.error, std::abs(x.value - other.value) + other.error)};
}

} // namespace heddle::ir

#endif // HEDDLE_IR_INTERPRETER_NUMBERS_H
