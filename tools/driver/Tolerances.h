// SPDX-License-Identifier: Apache-2.0
// How far apart two computations of the same thing may be: the one table, with reasons.

#ifndef HEDDLE_TOOLS_DRIVER_TOLERANCES_H
#define HEDDLE_TOOLS_DRIVER_TOLERANCES_H

#include <string_view>
#include <vector>

namespace heddle::tools {

/// A bound on Difference::relative (tools/driver/Values.h): the largest error of a tensor over its
/// largest magnitude. Of "error-bound" the c of c u M: one on BoundCheck::ratio
/// (ir/interpreter/ErrorBound.h).
struct Tolerance {
  /// "kernel", "entry", "pass", "rewrite", "golden", "error-bound" or "central-difference".
  std::string_view check;
  /// Which of them: the form of a kernel ("gemm"), an entry ("grad"). "*" for all others.
  std::string_view subject;
  /// Of the side under test.
  std::string_view dtype;
  double bound;
  std::string_view reason;
};

const std::vector<Tolerance> &tolerances();

/// The row of exactly that subject, else the check's "*".
const Tolerance &toleranceFor(std::string_view check, std::string_view subject,
                              std::string_view dtype);

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_DRIVER_TOLERANCES_H
