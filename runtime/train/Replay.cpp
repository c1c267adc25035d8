// SPDX-License-Identifier: Apache-2.0
#include "runtime/train/Replay.h"

#include "runtime/Executable.pb.h"
#include "runtime/io/SafetensorsWriter.h"
#include "runtime/plan/Session.h"

namespace heddle::runtime {
namespace {

/// As the entry takes it: [B, T], or [B] of what belongs to rows.
std::vector<int64_t> shapeOf(const std::string &name, const proto::Plan &plan) {
  for (const proto::Value &argument : plan.arguments())
    if (argument.name() == name)
      return {argument.shape().begin(), argument.shape().end()};
  return {};
}

/// The batches one after the other, of several with their number in front: [N, B, T]. Batches of
/// one run hold the same tensors; the run lives as long as what is returned.
TensorToWrite joined(size_t index, const proto::Plan &plan, const ReplayedRun &run) {
  const BatchPart first = partsOf(run.batches.front())[index];
  std::vector<int64_t> shape = shapeOf(first.name, plan);
  if (run.batches.size() > 1)
    shape.insert(shape.begin(), static_cast<int64_t>(run.batches.size()));
  return {first.name, first.dtype, shape, [&run, index](ByteSink &sink) -> Status {
            for (const Batch &batch : run.batches) {
              const BatchPart part = partsOf(batch)[index];
              HEDDLE_RETURN_IF_ERROR(sink.write(part.data, part.bytes()));
            }
            return absl::OkStatus();
          }};
}

/// By how much each batch weighs: [N].
TensorToWrite weightsOf(const ReplayedRun &run) {
  return {kBatchWeightsInput,
          DType::I32,
          {static_cast<int64_t>(run.batches.size())},
          [&run](ByteSink &sink) -> Status {
            for (const Batch &batch : run.batches) {
              const auto weight = static_cast<int32_t>(weightOf(batch));
              HEDDLE_RETURN_IF_ERROR(sink.write(&weight, sizeof weight));
            }
            return absl::OkStatus();
          }};
}

Status writeInputs(ByteSink &sink, const proto::Plan &plan, const ReplayedRun &run) {
  std::vector<TensorToWrite> tensors;
  for (size_t i = 0; i < partsOf(run.batches.front()).size(); ++i)
    tensors.push_back(joined(i, plan, run));
  if (run.step) {
    auto size = static_cast<int64_t>(run.step->hyper.size());
    tensors.push_back(tensorFromMemory("hyper", DType::F32, {size}, run.step->hyper.data()));
    tensors.push_back(tensorFromMemory("grad_clip", DType::F32, {}, &run.step->gradClip));
    if (run.batches.size() > 1)
      tensors.push_back(weightsOf(run));
  }
  return writeSafetensors(sink, std::move(tensors));
}

} // namespace

std::string replayName(uint64_t step) { return "nonfinite-" + checkpointName(step); }

std::vector<CheckpointFile> replayFiles(const Session &session, const Tokenizer *tokenizer,
                                        const TrainingState &state, const ReplayedRun &run,
                                        const std::string &text) {
  std::vector<CheckpointFile> files = checkpointFiles(session, tokenizer, state, /*whole=*/true);
  const proto::Plan &plan = *session.executable().find(run.entry)->plan;
  files.push_back(
      {kReplayInputsFile, [&plan, &run](ByteSink &sink) { return writeInputs(sink, plan, run); }});
  files.push_back(CheckpointFile::fromText(kReplayTextFile, text));
  return files;
}

} // namespace heddle::runtime
