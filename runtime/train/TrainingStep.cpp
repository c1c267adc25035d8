// SPDX-License-Identifier: Apache-2.0
#include "runtime/train/TrainingStep.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/plan/Session.h"

namespace heddle::runtime {
namespace {

// The square root of the largest f32: AdamW squares gradients.
constexpr float kLargestSquared = 1.8446742e19f;

} // namespace

StatusOr<TrainingStep> TrainingStep::prepare(Session &session, uint64_t microBatches) {
  TrainingStep step(session, microBatches);
  bool accumulates = microBatches > 1;
  HEDDLE_ASSIGN_OR_RETURN(step.last_, session.prepare(accumulates ? "step_accumulated" : "step"));
  if (accumulates) {
    HEDDLE_ASSIGN_OR_RETURN(step.accumulate_, session.prepare("accumulate"));
  }
  return step;
}

Status TrainingStep::clearAccumulators() {
  return accumulate_ ? session_->zeroStates("grad.") : absl::OkStatus();
}

Status setBatch(PreparedEntry &entry, const Batch &batch) {
  for (const BatchPart &part : partsOf(batch))
    HEDDLE_RETURN_IF_ERROR(entry.setRaw(part.name, part.data, part.bytes()));
  return absl::OkStatus();
}

void TrainingStep::drawBatches(const StepInputs &inputs) {
  if (microBatches_ == 1)
    return;
  uint64_t all = 0;
  bool equal = true;
  for (uint64_t i = 0; i < microBatches_; ++i) {
    inputs.batch(i, batches_[i]);
    all += weightOf(batches_[i]);
    equal = equal && weightOf(batches_[i]) == weightOf(batches_[0]);
  }
  for (uint64_t i = 0; i < microBatches_; ++i)
    shares_[i] = equal ? 1.0 / static_cast<double>(microBatches_)
                       : static_cast<double>(weightOf(batches_[i])) / static_cast<double>(all);
}

Status TrainingStep::setInputs(PreparedEntry &entry, const StepInputs &inputs,
                               uint64_t microBatch) {
  if (microBatches_ == 1)
    inputs.batch(0, batches_[0]);
  else
    HEDDLE_RETURN_IF_ERROR(entry.setScalar("loss_scale", static_cast<float>(shares_[microBatch])));
  HEDDLE_RETURN_IF_ERROR(setBatch(entry, batches_[microBatch]));
  int64_t rng[3] = {static_cast<int64_t>(inputs.seed), static_cast<int64_t>(inputs.step),
                    static_cast<int64_t>(microBatch)};
  HEDDLE_RETURN_IF_ERROR(entry.setRaw("rng", rng, sizeof rng));
  HEDDLE_RETURN_IF_ERROR(entry.setScalar("grad_clip", inputs.gradClip));
  return entry.setRaw("hyper", inputs.hyper.data(), sizeof inputs.hyper);
}

StatusOr<StepOutcome> TrainingStep::run(const StepInputs &inputs) {
  HEDDLE_ASSIGN_OR_RETURN(StepOutcome outcome, runOnce(inputs));
  if (!outcome.problem.empty())
    HEDDLE_RETURN_IF_ERROR(clearAccumulators());
  return outcome;
}

StatusOr<StepOutcome> TrainingStep::runOnce(const StepInputs &inputs) {
  StepOutcome outcome;
  outcome.gradNorm = std::numeric_limits<float>::quiet_NaN();
  double lossSum = 0;
  drawBatches(inputs);
  for (uint64_t i = 0; i + 1 < microBatches_; ++i) {
    HEDDLE_RETURN_IF_ERROR(setInputs(*accumulate_, inputs, i));
    HEDDLE_RETURN_IF_ERROR(accumulate_->run());
    HEDDLE_ASSIGN_OR_RETURN(outcome.loss, accumulate_->scalar("loss"));
    if (!std::isfinite(outcome.loss)) {
      outcome.problem = absl::StrCat("loss is ", outcome.loss);
      return outcome;
    }
    lossSum += shares_[i] * outcome.loss;
  }
  HEDDLE_RETURN_IF_ERROR(setInputs(*last_, inputs, microBatches_ - 1));
  bool checksFirst = last_->entry().lossBeforeCommit;
  HEDDLE_RETURN_IF_ERROR(checksFirst ? last_->runUntilCommit() : last_->run());
  HEDDLE_ASSIGN_OR_RETURN(float loss, last_->scalar("loss"));
  HEDDLE_ASSIGN_OR_RETURN(outcome.gradNorm, last_->scalar("grad_norm"));
  if (!std::isfinite(loss)) {
    outcome.problem = absl::StrCat("loss is ", loss);
  } else if (!std::isfinite(outcome.gradNorm)) {
    outcome.problem = absl::StrCat("gradient norm is ", outcome.gradNorm);
  } else {
    HEDDLE_ASSIGN_OR_RETURN(std::string square, findSquareOverflow(inputs.gradClip));
    if (!square.empty())
      outcome.problem = absl::StrCat("gradient norm is ", outcome.gradNorm,
                                     ", and a square overflows in heddle.adamw");
  }
  outcome.loss = microBatches_ == 1 ? loss : static_cast<float>(lossSum + shares_.back() * loss);
  if (outcome.problem.empty()) {
    if (checksFirst)
      HEDDLE_RETURN_IF_ERROR(last_->commit());
    return outcome;
  }
  if (!checksFirst)
    return absl::FailedPreconditionError(absl::StrCat(
        outcome.problem,
        "; this executable updates parameters before its loss is known, so they are lost"));
  return outcome;
}

/// The norm says at no cost that there is nothing to look for.
StatusOr<std::string> TrainingStep::findSquareOverflow(float gradClip) {
  HEDDLE_ASSIGN_OR_RETURN(float norm, last_->scalar("grad_norm"));
  if (!(std::min(norm, gradClip) > kLargestSquared))
    return std::string();
  return last_->findLargeGradient(kLargestSquared * std::max(1.0f, norm / gradClip));
}

StatusOr<std::string> TrainingStep::explain(const StepInputs &inputs) {
  HEDDLE_RETURN_IF_ERROR(clearAccumulators());
  drawBatches(inputs);
  NonFiniteOrigin origin;
  for (uint64_t i = 0; i < microBatches_; ++i) {
    PreparedEntry &entry = i + 1 < microBatches_ ? *accumulate_ : *last_;
    HEDDLE_RETURN_IF_ERROR(setInputs(entry, inputs, i));
    HEDDLE_ASSIGN_OR_RETURN(origin, entry.findNonFinite());
    bool found = origin.isShown && !origin.byDesign;
    if (!found && i + 1 < microBatches_)
      continue;
    std::string square;
    if (!found && origin.source.empty()) {
      HEDDLE_ASSIGN_OR_RETURN(square, findSquareOverflow(inputs.gradClip));
    }
    HEDDLE_RETURN_IF_ERROR(clearAccumulators());
    if (!square.empty())
      return square;
    return absl::StrCat(found && microBatches_ > 1 ? absl::StrCat("micro-batch ", i, ": ") : "",
                        origin.text());
  }
  return origin.text();
}

std::string TrainingStep::describeWriter(const std::string &name) const {
  return last_->describeWriter(name);
}

} // namespace heddle::runtime
