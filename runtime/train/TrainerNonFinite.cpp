// SPDX-License-Identifier: Apache-2.0
// The training loop where values are not finite: what is said, what is left for a replay.
#include "runtime/plan/FiniteScan.h"
#include "runtime/plan/Session.h"
#include "runtime/train/Interrupt.h"
#include "runtime/train/Progress.h"
#include "runtime/train/Replay.h"
#include "runtime/train/Trainer.h"

namespace heddle::runtime {

/// Weights and moments that no step can mend are found before the first one.
Status Trainer::checkStart() {
  if (state_.step >= options_.steps)
    return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(auto stored, findNonFiniteStored(session_));
  if (!stored)
    return absl::OkStatus();
  return abandon(stepInputs(options_.rate.at(state_.step)), "not all weights are finite");
}

/// What is to be saved must be good to go on from.
Status Trainer::checkFinite() {
  HEDDLE_ASSIGN_OR_RETURN(auto stored, findNonFiniteStored(session_));
  if (!stored)
    return absl::OkStatus();
  progress_->finish();
  std::string text =
      absl::StrCat("step ", state_.step, ": ", stored->text, "; it is not saved", keptCheckpoint());
  if (state_.step == first_) // as the weights were given: there is no step to replay
    return absl::FailedPreconditionError(text);
  HEDDLE_ASSIGN_OR_RETURN(std::string origin, blameUpdate(text, *stored));
  return absl::FailedPreconditionError(text + origin);
}

/// What there is to say behind `reason`, with a replay. If all was finite when the run began, an
/// update has made it so. When that is seen, what the update began with is gone, but from the
/// newest checkpoint the same steps give the same bits.
StatusOr<std::string> Trainer::blameUpdate(const std::string &reason,
                                           const NonFiniteStored &stored) {
  std::string text;
  if (state_.step > first_) {
    text = absl::StrCat("; ", stored.name, " is written by ", step_->describeWriter(stored.name));
    if (writer_ && saved_ && *saved_ < state_.step) {
      say(absl::StrCat("running again from the checkpoint of step ", *saved_,
                       " to find the update that did it"));
      auto found = repeatFromCheckpoint(state_.step);
      if (!found.ok()) // what is known matters more
        return absl::StrCat(text, "; running again: ", std::string(found.status().message()));
      if (!*found)
        return text + (InterruptGuard::requested() ? "" : "; run again it is finite");
      uint64_t culprit = state_.step - 1;
      HEDDLE_RETURN_IF_ERROR(repeatFromCheckpoint(culprit).status());
      text = absl::StrCat("; step ", culprit, ": after the update ", (*found)->text,
                          ", written by ", step_->describeWriter((*found)->name));
    }
  }
  StepInputs inputs = stepInputs(options_.rate.at(state_.step));
  return text + leaveReplay(reason + text, replayOf(inputs));
}

/// Weights, moments and state of the newest checkpoint, and from there the steps up to `end`, or up
/// to one after which not everything is finite.
StatusOr<std::optional<NonFiniteStored>> Trainer::repeatFromCheckpoint(uint64_t end) {
  std::string folder = joinPath(options_.out, checkpointName(*saved_));
  HEDDLE_RETURN_IF_ERROR(restoreCheckpoint(layer_, folder, session_));
  HEDDLE_ASSIGN_OR_RETURN(TrainingState saved,
                          readTrainingState(layer_, joinPath(folder, kStateFile)));
  state_.step = saved.step;
  state_.updates = saved.updates;
  state_.skipped = saved.skipped;
  std::optional<NonFiniteStored> found;
  while (state_.step < end && !found && !InterruptGuard::requested()) {
    HEDDLE_ASSIGN_OR_RETURN(StepOutcome outcome,
                            step_->run(stepInputs(options_.rate.at(state_.step))));
    ++state_.step;
    state_.updates += outcome.problem.empty();
    state_.skipped += !outcome.problem.empty();
    HEDDLE_ASSIGN_OR_RETURN(found, findNonFiniteStored(session_));
  }
  return found;
}

ReplayedRun Trainer::replayOf(const StepInputs &inputs) const {
  ReplayedRun run{"step", std::vector<Batch>(options_.gradAccum), inputs};
  for (size_t i = 0; i < run.batches.size(); ++i)
    inputs.batch(i, run.batches[i]);
  return run;
}

std::string Trainer::keptCheckpoint() const {
  return saved_ ? absl::StrCat("; the checkpoint of step ", *saved_, " is kept") : "";
}

/// Leaves the step without a trace, or ends the run with the reason.
Status Trainer::abandon(const StepInputs &inputs, const std::string &problem) {
  std::string text = absl::StrCat("step ", state_.step, ": ", problem);
  HEDDLE_ASSIGN_OR_RETURN(auto stored, findNonFiniteStored(session_));
  bool explains = stored || !options_.skipNonFinite || !hasReplay_; // of those skipped, the first
  std::string origin;
  if (explains) {
    HEDDLE_ASSIGN_OR_RETURN(origin, step_->explain(inputs));
    origin = "; " + origin;
  }
  if (!stored && options_.skipNonFinite) {
    if (!hasReplay_)
      origin += leaveReplay(text + origin, replayOf(inputs));
    hasReplay_ = true;
    say(absl::StrCat(text, ", update skipped (", state_.skipped + 1, " so far)", origin));
    return absl::OkStatus();
  }
  text += origin + (options_.skipNonFinite ? "; skipping steps does not mend it" : "");
  text += keptCheckpoint();
  std::string more;
  if (stored) {
    HEDDLE_ASSIGN_OR_RETURN(more, blameUpdate(text, *stored));
  } else {
    more = leaveReplay(text, replayOf(inputs));
  }
  return absl::FailedPreconditionError(text + more);
}

Status Trainer::abandonEvaluation(float loss, uint64_t index) {
  std::string text =
      absl::StrCat("step ", state_.step, ": validation loss is ", loss, " on batch ", index);
  HEDDLE_ASSIGN_OR_RETURN(NonFiniteOrigin origin, eval_->findNonFinite());
  absl::StrAppend(&text, "; ", origin.text());
  if (options_.skipNonFinite) {
    say(text);
    return absl::OkStatus();
  }
  progress_->finish();
  text += keptCheckpoint();
  return absl::FailedPreconditionError(text + leaveReplay(text, {"eval", {batch_}, {}}));
}

/// What to tell of the replay, behind the reason for it.
std::string Trainer::leaveReplay(const std::string &reason, const ReplayedRun &run) {
  if (!writer_)
    return "; without --out no replay is kept";
  std::string name = replayName(state_.step), folder = joinPath(options_.out, name);
  std::string command = absl::StrCat(
      "\nreplay: ", options_.replayCommand ? options_.replayCommand(folder, run.entry) : folder);
  Status written = writer_->writeBeside(
      name, state_.step, replayFiles(session_, tokenizer_, state_, run, reason + command + "\n"));
  // The reason for the replay matters more than that there is none.
  if (!written.ok())
    return absl::StrCat("; no replay is kept: ", std::string(written.message()));
  return command;
}

} // namespace heddle::runtime
