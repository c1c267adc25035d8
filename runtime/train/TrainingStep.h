// SPDX-License-Identifier: Apache-2.0
// One step of the optimizer, over one or more batches. What trains and what replays a step share
// it.

#ifndef HEDDLE_RUNTIME_TRAIN_TRAININGSTEP_H
#define HEDDLE_RUNTIME_TRAIN_TRAININGSTEP_H

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "runtime/train/Data.h"

namespace heddle::runtime {

class PreparedEntry;
class Session;

/// What a step depends on beside parameters and moments; the same gives the same bits, dropout too.
struct StepInputs {
  uint64_t seed = 0, step = 0;
  std::array<float, 9> hyper = {}; // see AdamW::hyper
  float gradClip = 0;              // largest norm; infinity for none
  std::function<void(uint64_t microBatch, Batch &batch)> batch;
};

struct StepOutcome {
  float loss = 0, gradNorm = 0;
  /// Empty: the update is made. Else why not, "loss is nan": parameters and moments are as before.
  std::string problem;
};

/// Runs the entry `step`, or `accumulate` and `step_accumulated`, of a session that outlives it.
/// The loss of several micro-batches is the mean of theirs, each weighing as weightOf() says: by
/// its targets, as if they were one batch, unless they come ready.
class TrainingStep {
public:
  static StatusOr<TrainingStep> prepare(Session &session, uint64_t microBatches);

  /// Makes the step if its loss and gradients are finite. Whatever happened, the gradient
  /// accumulators are zero afterwards.
  StatusOr<StepOutcome> run(const StepInputs &inputs);

  /// After a run with a problem: runs it again launch by launch and says where it comes from, with
  /// the micro-batch where there are several.
  StatusOr<std::string> explain(const StepInputs &inputs);

  /// Of the launch that updates a parameter or moment.
  std::string describeWriter(const std::string &name) const;

private:
  TrainingStep(Session &session, uint64_t microBatches)
      : session_(&session), microBatches_(microBatches), batches_(microBatches),
        shares_(microBatches, 1) {}
  /// Of several micro-batches all, with their weights.
  void drawBatches(const StepInputs &inputs);
  Status setInputs(PreparedEntry &entry, const StepInputs &inputs, uint64_t microBatch);
  StatusOr<StepOutcome> runOnce(const StepInputs &inputs);
  Status clearAccumulators();
  StatusOr<std::string> findSquareOverflow(float gradClip);

  Session *session_;
  uint64_t microBatches_;
  PreparedEntry *accumulate_ = nullptr; // of all micro-batches but the last; null if there is one
  PreparedEntry *last_ = nullptr;
  std::vector<Batch> batches_;
  std::vector<double> shares_; // what each batch's mean loss weighs in that of the step
};

/// Gives the entry what is in the batch, which is right by construction.
Status setBatch(PreparedEntry &entry, const Batch &batch);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TRAIN_TRAININGSTEP_H
