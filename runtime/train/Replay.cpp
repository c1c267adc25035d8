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

/// The batches one after the other, of several with their number in front: [N, B, T]. `values`
/// gives the tensor's of a batch, and lives as long as the run.
template <typename Values>
TensorToWrite joined(const std::string &name, const proto::Plan &plan, const ReplayedRun &run,
                     Values values) {
  std::vector<int64_t> shape = shapeOf(name, plan);
  if (run.batches.size() > 1)
    shape.insert(shape.begin(), static_cast<int64_t>(run.batches.size()));
  return {name, DType::I32, shape, [&run, values](ByteSink &sink) -> Status {
            for (const Batch &batch : run.batches) {
              const std::vector<int32_t> &part = values(batch);
              HEDDLE_RETURN_IF_ERROR(sink.write(part.data(), sizeof(int32_t) * part.size()));
            }
            return absl::OkStatus();
          }};
}

Status writeInputs(ByteSink &sink, const proto::Plan &plan, const ReplayedRun &run) {
  std::vector<TensorToWrite> tensors;
  using Values = const std::vector<int32_t> &;
  tensors.push_back(
      joined("input_ids", plan, run, [](const Batch &batch) -> Values { return batch.inputIds; }));
  // Batches of one run hold the same tensors.
  if (!run.batches.front().targets.empty())
    tensors.push_back(
        joined("targets", plan, run, [](const Batch &batch) -> Values { return batch.targets; }));
  for (const auto &other : run.batches.front().others)
    tensors.push_back(
        joined(other.first, plan, run,
               [name = other.first](const Batch &b) -> Values { return b.others.at(name); }));
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
  std::vector<CheckpointFile> files = checkpointFiles(session, tokenizer, state, /*whole=*/true);
  const proto::Plan &plan = *session.executable().find(run.entry)->plan;
  files.push_back(
      {kReplayInputsFile, [&plan, &run](ByteSink &sink) { return writeInputs(sink, plan, run); }});
  files.push_back(CheckpointFile::fromText(kReplayTextFile, text));
  return files;
}

} // namespace heddle::runtime
