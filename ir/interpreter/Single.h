// SPDX-License-Identifier: Apache-2.0
// A number of f32 that is rounded after every operation: what a straightforward program computes.
// The error bounds are held against it.

#ifndef HEDDLE_IR_INTERPRETER_SINGLE_H
#define HEDDLE_IR_INTERPRETER_SINGLE_H

namespace heddle::ir {

struct Single {
  float value = 0;

  Single() = default;
  /*implicit*/ Single(double x) : value(static_cast<float>(x)) {}
};

inline Single operator-(Single x) { return -x.value; }
inline Single operator+(Single a, Single b) { return a.value + b.value; }
inline Single operator-(Single a, Single b) { return a.value - b.value; }
inline Single operator*(Single a, Single b) { return a.value * b.value; }
inline Single operator/(Single a, Single b) { return a.value / b.value; }
inline Single &operator+=(Single &a, Single b) { return a = a + b; }
inline Single &operator*=(Single &a, Single b) { return a = a * b; }
inline Single &operator/=(Single &a, Single b) { return a = a / b; }

} // namespace heddle::ir

#endif // HEDDLE_IR_INTERPRETER_SINGLE_H
