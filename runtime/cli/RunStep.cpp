// SPDX-License-Identifier: Apache-2.0
#include "runtime/cli/RunStep.h"

#include <algorithm>
#include <limits>

#include "runtime/io/FileLayer.h"
#include "runtime/plan/EntryInputs.h"
#include "runtime/plan/FiniteScan.h"
#include "runtime/train/Replay.h"
#include "runtime/train/Schedule.h"
#include "runtime/train/TrainingState.h"
#include "runtime/train/TrainingStep.h"

namespace heddle::runtime {
namespace {

constexpr double kDefaultLearningRate = 1e-3; // as of heddle train

/// What a model reads, and how many axes that has in one batch.
constexpr std::pair<const char *, size_t> kRead[] = {
    {"input_ids", 2}, {kFeaturesInput, 3}, {"pixel_values", 4}};

uint64_t microBatchesOf(const TensorMap &inputs) {
  for (const auto &[name, axes] : kRead)
    if (auto found = inputs.find(name); found != inputs.end()) {
      const std::vector<int64_t> &shape = found->second.shape;
      return shape.size() == axes + 1 ? static_cast<uint64_t>(shape[0]) : 1;
    }
  return 1;
}

/// Micro-batch `index` of a tensor that holds `count` in its first axis.
TensorSpan microBatch(const Tensor &tensor, uint64_t index, uint64_t count) {
  uint64_t bytes = tensor.bytes.size() / count;
  return {tensor.dtype,
          {tensor.shape.begin() + 1, tensor.shape.end()},
          std::string_view(tensor.bytes).substr(index * bytes, bytes)};
}

/// Puts an input where a batch keeps those of its name and type.
Status putInto(Batch &batch, const std::string &name, const TensorSpan &span, bool isFloat) {
  HEDDLE_ASSIGN_OR_RETURN(Tensor tensor,
                          convertTensor(span, isFloat ? DType::F32 : DType::I32, name));
  if (isFloat) {
    batch.numbers[name].assign(tensor.as<float>(), tensor.as<float>() + tensor.elements());
    return absl::OkStatus();
  }
  std::vector<int32_t> &part = name == "input_ids" ? batch.inputIds
                               : name == "targets" ? batch.targets
                                                   : batch.others[name];
  part.assign(tensor.as<int32_t>(), tensor.as<int32_t>() + tensor.elements());
  return absl::OkStatus();
}

/// Those of a replay weigh as in its run, others alike.
Status setWeights(const TensorMap &inputs, std::vector<Batch> &batches) {
  for (Batch &batch : batches)
    batch.weight = 1;
  auto found = inputs.find(kBatchWeightsInput);
  if (found == inputs.end())
    return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(Tensor weights,
                          convertTensor(found->second, DType::I32, kBatchWeightsInput));
  const int32_t *begin = weights.as<int32_t>(), *end = begin + weights.elements();
  if (weights.elements() != static_cast<int64_t>(batches.size()))
    return invalidInput("input ", kBatchWeightsInput, ": has shape ", shapeText(weights.shape),
                        ", expected a weight for each of ", batches.size(), " micro-batches");
  if (std::any_of(begin, end, [](int32_t weight) { return weight < 0; }) ||
      std::all_of(begin, end, [](int32_t weight) { return weight == 0; }))
    return invalidInput("input ", kBatchWeightsInput,
                        ": expected numbers from 0 on, not all of them 0");
  for (size_t i = 0; i < batches.size(); ++i)
    batches[i].weight = static_cast<uint64_t>(begin[i]);
  return absl::OkStatus();
}

/// Through the entry, which checks shapes and values.
StatusOr<std::vector<Batch>> readBatches(PreparedEntry &entry, const TensorMap &inputs) {
  uint64_t count = microBatchesOf(inputs);
  std::vector<Batch> batches(count);
  if (entry.argument("input_ids") && !inputs.count("input_ids"))
    return invalidInput("--entry step needs a tensor input_ids");
  if (takesTargets(entry.plan()) && !hasTargets(inputs))
    return invalidInput("--entry step needs a tensor labels, what the model is to learn");
  for (const auto &[name, tensor] : inputs) {
    if (name == "hyper" || name == "grad_clip" || name == kBatchWeightsInput)
      continue;
    const proto::Value *argument = entry.argument(name);
    const bool several =
        count > 1 || (argument && static_cast<int>(tensor.shape.size()) > argument->shape_size());
    if (several &&
        (tensor.shape.empty() || tensor.shape[0] != static_cast<int64_t>(count) || count == 0))
      return invalidInput("input ", name, ": ", tensor.shape.empty() ? 0 : tensor.shape[0],
                          " micro-batches of ", count);
    for (uint64_t i = 0; i < count; ++i) {
      TensorSpan span = several ? microBatch(tensor, i, count) : TensorSpan(tensor);
      HEDDLE_RETURN_IF_ERROR(entry.setInput(name, span));
      HEDDLE_RETURN_IF_ERROR(putInto(batches[i], name, span, argument->dtype() == proto::F32));
    }
  }
  HEDDLE_RETURN_IF_ERROR(setWeights(inputs, batches));
  return batches;
}

/// Floats of an input that need not be there.
template <typename Range>
Status readFloats(const TensorMap &inputs, const char *name, Range &&values) {
  auto found = inputs.find(name);
  if (found == inputs.end())
    return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(Tensor floats, convertTensor(found->second, DType::F32, name));
  if (floats.elements() != static_cast<int64_t>(std::size(values)))
    return invalidInput("input ", name, ": has shape ", shapeText(floats.shape), ", expected ",
                        std::size(values), " numbers");
  std::copy_n(floats.as<float>(), std::size(values), std::begin(values));
  return absl::OkStatus();
}

/// The state of the checkpoint in `folder`, whose moments are taken over; else that of a new run.
StatusOr<TrainingState> takeState(FileLayer &layer, Session &session, const std::string &folder,
                                  uint64_t seed) {
  TrainingState state;
  state.seed = seed;
  std::string path = joinPath(folder, kStateFile);
  bool isCheckpoint = false;
  if (!folder.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(isCheckpoint, layer.exists(path));
  }
  if (!isCheckpoint)
    return state;
  HEDDLE_RETURN_IF_ERROR(restoreMoments(layer, folder, session));
  return readTrainingState(layer, path);
}

} // namespace

std::string stepEntry(const TensorMap &inputs) {
  return microBatchesOf(inputs) > 1 ? "step_accumulated" : "step";
}

StatusOr<EntryRun> runStep(FileLayer &layer, Session &session, const TensorMap &inputs,
                           const std::string &folder, uint64_t seed) {
  HEDDLE_ASSIGN_OR_RETURN(PreparedEntry * entry, session.prepare(stepEntry(inputs)));
  HEDDLE_ASSIGN_OR_RETURN(std::vector<Batch> batches, readBatches(*entry, inputs));
  HEDDLE_ASSIGN_OR_RETURN(TrainingStep step, TrainingStep::prepare(session, batches.size()));
  HEDDLE_ASSIGN_OR_RETURN(TrainingState state, takeState(layer, session, folder, seed));
  StepInputs made;
  made.seed = state.seed;
  made.step = state.step;
  made.hyper = AdamW().hyper(kDefaultLearningRate, state.updates + 1);
  HEDDLE_RETURN_IF_ERROR(readFloats(inputs, "hyper", made.hyper));
  float clip[] = {std::numeric_limits<float>::infinity()};
  HEDDLE_RETURN_IF_ERROR(readFloats(inputs, "grad_clip", clip));
  made.gradClip = clip[0];
  made.batch = [&](uint64_t index, Batch &batch) { batch = batches[index]; };

  EntryRun run;
  std::string place = absl::StrCat("step ", state.step, ": ");
  HEDDLE_ASSIGN_OR_RETURN(auto stored, findNonFiniteStored(session));
  if (stored) { // explained before an update spreads it
    HEDDLE_ASSIGN_OR_RETURN(std::string origin, step.explain(made));
    run.problem = absl::StrCat(place, "not all weights are finite; ", origin);
  }
  HEDDLE_ASSIGN_OR_RETURN(StepOutcome outcome, step.run(made));
  run.outputs["loss"] = Tensor::of<float>(DType::F32, {}, {outcome.loss});
  run.outputs["grad_norm"] = Tensor::of<float>(DType::F32, {}, {outcome.gradNorm});
  if (!run.problem.empty())
    return run;
  if (!outcome.problem.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(std::string origin, step.explain(made));
    run.problem = absl::StrCat(place, outcome.problem, "; ", origin);
    return run;
  }
  HEDDLE_ASSIGN_OR_RETURN(stored, findNonFiniteStored(session));
  if (stored)
    run.problem = absl::StrCat(place, "after the update ", stored->text, ", written by ",
                               step.describeWriter(stored->name));
  return run;
}

} // namespace heddle::runtime
