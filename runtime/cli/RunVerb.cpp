// SPDX-License-Identifier: Apache-2.0
// heddle run: one pass over inputs from a file.
#include <chrono>
#include <cstdio>

#include "runtime/cli/OpenModel.h"
#include "runtime/cli/Outputs.h"
#include "runtime/cli/Verbs.h"
#include "runtime/io/JsonWriter.h"
#include "runtime/io/Safetensors.h"
#include "runtime/io/SafetensorsWriter.h"

namespace heddle::runtime {
namespace {

constexpr int32_t kIgnored = -100;

StatusOr<TensorMap> readInputs(const SafetensorsFile &file) {
  TensorMap inputs;
  for (size_t i = 0; i < file.size(); ++i) {
    TensorView tensor = file.at(i);
    inputs[tensor.name()] = {tensor.dtype(), tensor.shape(), std::string(tensor.content())};
  }
  return inputs;
}

/// Hugging Face's labels as the aligned targets of our loss.
StatusOr<Tensor> targetsFrom(const Tensor &labels, bool shift) {
  HEDDLE_ASSIGN_OR_RETURN(Tensor targets, convertTensor(labels, DType::I32, "labels"));
  if (!shift || targets.shape.size() != 2)
    return targets;
  int64_t T = targets.shape[1];
  int32_t *values = targets.as<int32_t>();
  for (int64_t i = 0; i < targets.elements(); ++i)
    values[i] = i % T + 1 < T ? values[i + 1] : kIgnored;
  return targets;
}

Status checkRunFlags(const RunFlags &flags) {
  if (flags.backend == "interpreter")
    return invalidInput("--backend interpreter: an executable holds no IR; run the model's "
                        "definition with heddle run");
  if (flags.backend != "compiled")
    return invalidInput("--backend ", flags.backend, ": expected compiled or interpreter");
  if (flags.entry == "encode")
    return invalidInput("--entry encode: not supported yet");
  if (flags.entry != "forward" && flags.entry != "loss" && flags.entry != "grad")
    return invalidInput("--entry ", flags.entry, ": expected forward, loss, grad or encode");
  return absl::OkStatus();
}

/// Runs the entry asked for and, where labels came with a forward pass, the loss too.
StatusOr<TensorMap> runEntries(Session &session, const std::string &entry, TensorMap inputs,
                               const std::string &path) {
  bool hasTargets = inputs.count("targets") > 0;
  if (entry != "forward") {
    if (!hasTargets)
      return invalidInput(path, ": --entry ", entry, " needs a tensor labels");
    return session.run(entry, inputs);
  }
  TensorMap withoutTargets = inputs;
  withoutTargets.erase("targets");
  HEDDLE_ASSIGN_OR_RETURN(TensorMap outputs, session.run("forward", withoutTargets));
  if (hasTargets && session.executable().find("loss")) {
    HEDDLE_ASSIGN_OR_RETURN(TensorMap loss, session.run("loss", inputs));
    outputs.merge(loss);
  }
  return outputs;
}

void report(const TensorMap &outputs, const RunFlags &flags, double milliseconds) {
  JsonWriter json;
  json.beginObject().member("entry", flags.entry).member("ms", milliseconds).key("outputs");
  json.beginArray();
  for (const auto &[name, tensor] : outputs)
    json.beginObject()
        .member("name", name)
        .member("dtype", dtypeName(tensor.dtype))
        .member("shape", tensor.shape)
        .endObject();
  json.endArray().member("file", flags.outputs).endObject();
  if (flags.json) {
    printf("%s\n", json.text().c_str());
    return;
  }
  for (const auto &[name, tensor] : outputs)
    printf("%s %s %s\n", name.c_str(), dtypeName(tensor.dtype), shapeText(tensor.shape).c_str());
}

} // namespace

StatusOr<BatchShape> inputShape(FileLayer &layer, const std::string &inputs) {
  HEDDLE_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(layer, inputs));
  auto ids = file.find("input_ids");
  if (!ids)
    return invalidInput(inputs, ": holds no tensor input_ids");
  if (ids->shape().size() != 2 || ids->elements() == 0)
    return ids->error(absl::StrCat("has shape ", shapeText(ids->shape()), ", expected [B, T]"));
  return BatchShape{ids->shape()[0], ids->shape()[1]};
}

StatusOr<TensorMap> readRunInputs(FileLayer &layer, const std::string &path, bool shiftLabels) {
  HEDDLE_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(layer, path));
  HEDDLE_ASSIGN_OR_RETURN(TensorMap inputs, readInputs(file));
  if (auto labels = inputs.find("labels"); labels != inputs.end()) {
    HEDDLE_ASSIGN_OR_RETURN(Tensor targets, targetsFrom(labels->second, shiftLabels));
    inputs.erase(labels);
    inputs["targets"] = std::move(targets);
  }
  return inputs;
}

StatusOr<int> runVerb(FileLayer &layer, SharedExecutable executable, const RunFlags &flags) {
  HEDDLE_RETURN_IF_ERROR(checkRunFlags(flags));
  HEDDLE_RETURN_IF_ERROR(checkOutputs(layer, flags));
  HEDDLE_ASSIGN_OR_RETURN(
      TensorMap inputs, readRunInputs(layer, flags.inputs, executable->manifest().shift_labels()));
  HEDDLE_ASSIGN_OR_RETURN(auto session, openSession(std::move(executable), flags, flags.entry));
  HEDDLE_RETURN_IF_ERROR(loadWeights(layer, *session, flags, flags.seed).status());
  auto start = std::chrono::steady_clock::now();
  auto outputs = runEntries(*session, flags.entry, std::move(inputs), flags.inputs);
  if (!outputs.ok())
    return withContext(outputs.status(), flags.inputs);
  std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
  std::vector<TensorToWrite> tensors;
  for (const auto &[name, tensor] : *outputs)
    tensors.push_back(tensorFromMemory(name, tensor.dtype, tensor.shape, tensor.bytes.data()));
  HEDDLE_RETURN_IF_ERROR(writeSafetensorsFile(layer, flags.outputs, std::move(tensors)));
  report(*outputs, flags, elapsed.count());
  return 0;
}

} // namespace heddle::runtime
