// SPDX-License-Identifier: Apache-2.0
// Where NaN and infinities come from: the launches of an entry one by one, until one makes the
// first.

#ifndef HEDDLE_RUNTIME_PLAN_NONFINITE_H
#define HEDDLE_RUNTIME_PLAN_NONFINITE_H

#include <string>
#include <vector>

#include "runtime/plan/Device.h"
#include "runtime/plan/FiniteScan.h"

namespace heddle::runtime {

class Device;

/// What a search found, in words for the user.
struct NonFiniteOrigin {
  /// What was not finite before the first launch: "parameter w holds NaN at [3, 5]".
  std::string source;
  /// The first launch whose result is not finite: "first in heddle.softmax at decoder.layers.0
  /// (kernel softmax_8x8, launch 3): NaN at [0, 3] of its result". Where no launch has such a
  /// result, the first that reads the source.
  std::string launch;
  /// Whether `launch` has such a result.
  bool isShown = false;
  /// Nothing but infinities that are there on purpose, from masks on.
  bool byDesign = false;

  /// Both, "; " between them; says so where there is neither.
  std::string text() const;
};

/// Runs the launches [0, end) of `program` again, from the arguments as they are, and looks at each
/// result. Infinities that a mask puts there, and what passes them on, are passed over as long as
/// anything else is found.
StatusOr<NonFiniteOrigin> searchNonFinite(Device &device, const proto::Plan &plan,
                                          const Bindings &bindings, Program &program, int end);

/// The first gradient of more than `limit` that a launch from `begin` on reads, with launch and
/// place. "" if there is none.
StatusOr<std::string> searchLargeGradient(Device &device, const proto::Plan &plan,
                                          const Bindings &bindings, int begin, float limit);

/// "heddle.adamw at optimizer.w (kernel adamw_8x8, launch 9)": the launch by its ops, layer,
/// kernel.
std::string describeLaunch(const proto::Plan &plan, int launch);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_PLAN_NONFINITE_H
