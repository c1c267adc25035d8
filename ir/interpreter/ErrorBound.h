// SPDX-License-Identifier: Apache-2.0
// How far the results of a compiled graph may be from the interpreter's, element by element.
//
//   HEDDLE_ASSIGN_OR_RETURN(std::vector<BoundedResult> expected,
//                           evaluateWithBound(function, arguments));
//   BoundCheck check = checkWithin(*actual[0], expected[0]);
//   if (!(check.ratio <= c)) ... wrong; c stands with its reasons in tools/driver/Tolerances.cpp
//
// The bound is u M of the usual estimate c u M, u = 2^-24, with M found by running error analysis:
// beside each number the evaluators carry its error, which every operation scales by what it does
// to a small change of its operands (|b| in a product, the ends of the interval in exp) and adds
// its own rounding to. A graph on absolute values would do for sums and products only; this knows
// that softmax forgets a shift, that a mean's cancellation loses digits and that tanh(20) has none
// to lose. To first order it holds for any fusion, recomputation or order of sums (Bounded.h says
// what a sum may lose).
//
// Where rounding decides (a comparison of numbers closer than their errors), the decision is
// carried along: a select between two numbers is off by their distance at most; an op that reads
// such a number as an index or as a length has an infinite bound. So has a number that may overflow
// f32, and a quotient whose divisor may be zero. Elements of infinite bound are undecided: they are
// counted, not compared.
//
// Errors are those of f32. They scale with u to first order: times 2^-29 for two evaluations in
// float64.

#ifndef HEDDLE_IR_INTERPRETER_ERRORBOUND_H
#define HEDDLE_IR_INTERPRETER_ERRORBOUND_H

#include "ir/Dialect.h"
#include "ir/interpreter/Interpreter.h"

namespace heddle::ir {

struct BoundedResult {
  /// As evaluate() returns it.
  TensorRef value;
  /// Of the same shape: the largest |computed - value|, or infinity. Of an integer 0 or infinity.
  TensorRef bound;
};

/// As evaluate(), with bounds. The arguments are exact: floats of f32, as the compiled code gets
/// them. Takes some three to five times as long.
absl::StatusOr<std::vector<BoundedResult>> evaluateWithBound(mlir::func::FuncOp function,
                                                             llvm::ArrayRef<TensorRef> arguments);

/// The same for what a kernel computes.
absl::StatusOr<std::vector<BoundedResult>> evaluateWithBound(KernelOp kernel,
                                                             llvm::ArrayRef<TensorRef> arguments);

/// Results in f32, every operation rounded and every sum in the order of its elements: what a
/// straightforward program returns.
absl::StatusOr<std::vector<TensorRef>> evaluateInSingle(mlir::func::FuncOp function,
                                                        llvm::ArrayRef<TensorRef> arguments);

struct BoundCheck {
  /// The largest |actual - value| / bound; infinity where the bound is 0 and they differ, or one is
  /// not finite where the other is, or the shapes differ.
  double ratio = 0;
  /// Where that is.
  int64_t element = 0;
  /// Elements without a bound.
  int64_t undecided = 0;
};

BoundCheck checkWithin(const Tensor &actual, const BoundedResult &expected);

} // namespace heddle::ir

#endif // HEDDLE_IR_INTERPRETER_ERRORBOUND_H
