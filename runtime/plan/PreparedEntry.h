// SPDX-License-Identifier: Apache-2.0
// One entry of an executable with all its buffers bound: set inputs, run, read outputs.

#ifndef HEDDLE_RUNTIME_PLAN_PREPAREDENTRY_H
#define HEDDLE_RUNTIME_PLAN_PREPAREDENTRY_H

#include <memory>
#include <string>
#include <vector>

#include "runtime/plan/Device.h"
#include "runtime/plan/NonFinite.h"
#include "runtime/plan/Tensor.h"

namespace heddle::runtime {

class Session;

/// Owned by its session; one thread at a time. Inputs keep their values from run to run.
class PreparedEntry {
public:
  const Entry &entry() const { return entry_; }
  const proto::Plan &plan() const { return *entry_.plan; }
  /// Null if the entry takes none of that name.
  const proto::Value *argument(const std::string &name) const;

  /// Checks shape and values (token ids within the vocabulary and so on) and copies. Integers may
  /// come as i64, i32 or bool, floats in any float type.
  Status setInput(const std::string &name, const TensorSpan &value);
  /// For values that are right by construction: the argument's own bytes. Silently nothing where
  /// the entry has no such argument (rng without dropout).
  Status setRaw(const std::string &name, const void *bytes, uint64_t size);
  Status setScalar(const std::string &name, float value) {
    return setRaw(name, &value, sizeof value);
  }
  /// Inputs never set take their defaults; InvalidArgument that names one that has none.
  Status checkInputs();

  Status run(LaunchObserver *observer = nullptr);
  /// The part of a step that can still be abandoned, and the rest (see Entry::commit).
  Status runUntilCommit(LaunchObserver *observer = nullptr);
  Status commit(LaunchObserver *observer = nullptr);

  /// A copy of an output. InvalidArgument if the entry has none of that name.
  StatusOr<Tensor> output(const std::string &name) const;
  /// A scalar f32 output.
  StatusOr<float> scalar(const std::string &name) const;

  /// Where the values of a run that are not finite come from: runs the launches again, one by one,
  /// those before Entry::commit where the entry writes parameters. What the run read is as it was
  /// before it; gradient accumulators are the caller's to put back.
  StatusOr<NonFiniteOrigin> findNonFinite();
  /// After a run until commit: the first gradient of more than `limit` that is read behind it, with
  /// launch and place; "" if there is none.
  StatusOr<std::string> findLargeGradient(float limit);
  /// The launch that writes the parameter or state; "" if none does.
  std::string describeWriter(const std::string &name) const;

private:
  friend class Session;
  PreparedEntry(Session &session, const Entry &entry) : session_(session), entry_(entry) {}
  Status bind();
  Status setDefault(int argument);
  Status setTokenPositions(int argument);
  Status checkValues(const proto::Value &argument, const Tensor &value) const;
  StatusOr<int> indexOfArgument(const std::string &name) const;

  Session &session_;
  const Entry &entry_;
  std::vector<std::unique_ptr<DeviceMemory>> owned_; // inputs, outputs, constants
  std::vector<bool> isSet_;                          // one per argument
  Bindings bindings_;
  std::unique_ptr<Program> program_;
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_PLAN_PREPAREDENTRY_H
