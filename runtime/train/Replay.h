// SPDX-License-Identifier: Apache-2.0
// What is kept of a step or an evaluation that was not finite, so that `heddle run` does it again
// bit for bit: a folder with the files of a checkpoint as of before the step, the batches in
// `inputs.safetensors`, and in `replay.txt` the reason and the command.

#ifndef HEDDLE_RUNTIME_TRAIN_REPLAY_H
#define HEDDLE_RUNTIME_TRAIN_REPLAY_H

#include <optional>
#include <string>
#include <vector>

#include "runtime/train/TrainingState.h"
#include "runtime/train/TrainingStep.h"

namespace heddle::runtime {

inline constexpr char kReplayInputsFile[] = "inputs.safetensors";
inline constexpr char kReplayTextFile[] = "replay.txt";
/// Beside the batches of a step, where there are several: by how much each weighs, [N] i32.
inline constexpr char kBatchWeightsInput[] = "batch_weights";

/// The run of an entry.
struct ReplayedRun {
  std::string entry; // step or eval
  std::vector<Batch> batches;
  /// Of a step: what else it takes.
  std::optional<StepInputs> step;
};

/// "nonfinite-step-00000012"
std::string replayName(uint64_t step);

/// The files of a replay's folder. They read session and run when they are written. `state`
/// is what the run began with; `text` goes into replay.txt.
std::vector<CheckpointFile> replayFiles(const Session &session, const Tokenizer *tokenizer,
                                        const TrainingState &state, const ReplayedRun &run,
                                        const std::string &text);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TRAIN_REPLAY_H
