// SPDX-License-Identifier: Apache-2.0
#include "runtime/train/Replay.h"

#include "runtime/io/SafetensorsWriter.h"

namespace heddle::runtime {
namespace {

/// The batches one after the other: [B, T] of one, [N, B, T] of several.
TensorToWrite joined(const std::string &name, const TrainingState &state, const ReplayedRun &run,
                     std::vector<int32_t> Batch::*values) {
  std::vector<int64_t> shape = {state.batch, state.seq};
  if (run.batches.size() > 1)
    shape.insert(shape.begin(), static_cast<int64_t>(run.batches.size()));
  return {name, DType::I32, shape, [&run, values](ByteSink &sink) -> Status {
            for (const Batch &batch : run.batches)
              HEDDLE_RETURN_IF_ERROR(
                  sink.write((batch.*values).data(), sizeof(int32_t) * (batch.*values).size()));
            return absl::OkStatus();
          }};
}

Status writeInputs(ByteSink &sink, const TrainingState &state, const ReplayedRun &run) {
  std::vector<TensorToWrite> tensors;
  tensors.push_back(joined("input_ids", state, run, &Batch::inputIds));
  tensors.push_back(joined("targets", state, run, &Batch::targets));
  if (run.step) {
    auto size = static_cast<int64_t>(run.step->hyper.size());
    tensors.push_back(tensorFromMemory("hyper", DType::F32, {size}, run.step->hyper.data()));
    tensors.push_back(tensorFromMemory("grad_clip", DType::F32, {}, &run.step->gradClip));
  }
  return writeSafetensors(sink, std::move(tensors));
}

} // namespace

std::string replayName(uint64_t step) { return "nonfinite-" + checkpointName(step); }

std::vector<CheckpointFile> replayFiles(const Session &session, const Tokenizer *tokenizer,
                                        const TrainingState &state, const ReplayedRun &run,
                                        const std::string &text) {
  std::vector<CheckpointFile> files = checkpointFiles(session, tokenizer, state);
  files.push_back({kReplayInputsFile,
                   [&state, &run](ByteSink &sink) { return writeInputs(sink, state, run); }});
  files.push_back(CheckpointFile::fromText(kReplayTextFile, text));
  return files;
}

} // namespace heddle::runtime
