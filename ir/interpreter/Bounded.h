// SPDX-License-Identifier: Apache-2.0
// A number that knows how far f32 arithmetic may be from it: running error analysis (Wilkinson;
// Higham, "Accuracy and Stability of Numerical Algorithms", 3.3), one operation at a time.

#ifndef HEDDLE_IR_INTERPRETER_BOUNDED_H
#define HEDDLE_IR_INTERPRETER_BOUNDED_H

#include <algorithm>
#include <cmath>
#include <limits>

namespace heddle::ir {

/// Half the distance between 1 and the next f32: what one rounding may change, relatively.
constexpr double kUnitRoundoff = 0x1p-24;
/// Results below this may be flushed to zero.
constexpr double kSmallestNormal = 0x1p-126;
constexpr double kLargestFinite = 0x1.fffffep127;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// `value` in float64, and a bound on |result in f32 - value|. A bound of infinity says that
/// nothing is known: a branch was undecided, or f32 may overflow. An error of 0 is exact: where the
/// value is infinite or NaN, the result in f32 is that as well.
struct Bounded {
  double value = 0;
  double error = 0;

  Bounded() = default;
  /*implicit*/ Bounded(double exact) : value(exact) {}
  Bounded(double value, double error) : value(value), error(error) {}

  bool isUnbounded() const { return !(error < kInfinity); }
};

/// `value` where operands contribute the error `propagated` and the operation itself rounds
/// `magnitude` by `units` unit roundoffs.
inline Bounded roundedAt(double value, double propagated, double units, double magnitude) {
  if (!std::isfinite(value))
    return {value, propagated < kInfinity || std::isnan(propagated) ? 0.0 : kInfinity};
  double error = propagated + units * kUnitRoundoff * magnitude;
  if (magnitude != 0)
    error += kSmallestNormal;
  return {value, std::abs(value) + error <= kLargestFinite ? error : kInfinity};
}

/// One rounding; none where the exact result of exact operands is a number of f32.
inline Bounded rounded(double value, double propagated) {
  if (propagated == 0 && static_cast<float>(value) == value)
    return value;
  return roundedAt(value, propagated, 1, std::abs(value));
}

/// 0 * infinity where a factor is exactly zero is zero: its error counts for nothing.
inline double scaledError(double factor, double error) { return error == 0 ? 0 : factor * error; }

inline Bounded operator-(Bounded x) { return {-x.value, x.error}; }
inline Bounded operator+(Bounded a, Bounded b) {
  return rounded(a.value + b.value, a.error + b.error);
}
inline Bounded operator-(Bounded a, Bounded b) { return a + -b; }
inline Bounded operator*(Bounded a, Bounded b) {
  double magnitudeOfA = std::abs(a.value) + a.error;
  return rounded(a.value * b.value,
                 scaledError(magnitudeOfA, b.error) + scaledError(std::abs(b.value), a.error));
}
inline Bounded operator/(Bounded a, Bounded b) {
  double quotient = a.value / b.value;
  if (b.error == 0)
    return rounded(quotient, a.error == 0 ? 0 : a.error / std::abs(b.value));
  double smallest = std::abs(b.value) - b.error;
  if (!(smallest > 0)) // the divisor may be zero
    return {quotient, std::numeric_limits<double>::infinity()};
  return rounded(quotient, (a.error + std::abs(quotient) * b.error) / smallest);
}
inline Bounded &operator+=(Bounded &a, Bounded b) { return a = a + b; }
inline Bounded &operator*=(Bounded &a, Bounded b) { return a = a * b; }
inline Bounded &operator/=(Bounded &a, Bounded b) { return a = a / b; }

/// A sum of many terms, which kernels add up in another order than the interpreter: lanes apart, in
/// blocks, or the last one first.
///
/// The worst case of n - 1 roundings in one direction, n u sum |t|, hardly happens and is of no use
/// at n = 10^4. Roundings are as good as independent, so what counts is the root of their squares
/// (Higham and Mary, "A new approach to probabilistic rounding error analysis", 2019): three times
/// u sqrt(sum s^2) over all partial sums s. Those of our own order are at hand; in another order a
/// lane may hold 1/4 of sum |t| (of the narrowest target) when all that cancels it is in other
/// lanes, which is added. Equal terms one after the other do round in one direction as long as the
/// exponent of the sum stays: they count linearly.
class BoundedSum {
public:
  BoundedSum() = default;
  /*implicit*/ BoundedSum(double initial) { *this += initial; }

  BoundedSum &operator+=(Bounded term) {
    sum_ += term.value;
    propagated_ += term.error;
    magnitude_ += std::abs(term.value);
    squares_ += sum_ * sum_;
    repeats_ += term.value == last_;
    last_ = term.value;
    ++terms_;
    return *this;
  }

  /*implicit*/ operator Bounded() const {
    constexpr double kDeviations = 3, kLanes = 4;
    if (terms_ < 2)
      return {sum_, propagated_};
    double lane = magnitude_ / kLanes;
    double likely =
        kDeviations * std::sqrt(squares_ + terms_ * lane * lane / 3) + repeats_ * magnitude_ / 2;
    double worst = (terms_ - 1) * magnitude_;
    return roundedAt(sum_, propagated_, 1, std::min(likely, worst));
  }

private:
  double sum_ = 0, propagated_ = 0, magnitude_ = 0, squares_ = 0;
  double last_ = 0, repeats_ = 0, terms_ = 0;
};

} // namespace heddle::ir

#endif // HEDDLE_IR_INTERPRETER_BOUNDED_H
