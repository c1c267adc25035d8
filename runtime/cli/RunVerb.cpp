// SPDX-License-Identifier: Apache-2.0
// heddle run: one pass over inputs from a file.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "runtime/cli/EncodeTexts.h"
#include "runtime/cli/OpenModel.h"
#include "runtime/cli/Outputs.h"
#include "runtime/cli/RunStep.h"
#include "runtime/cli/Verbs.h"
#include "runtime/io/JsonWriter.h"
#include "runtime/io/Safetensors.h"
#include "runtime/io/SafetensorsWriter.h"
#include "runtime/plan/EntryInputs.h"

namespace heddle::runtime {
namespace {

StatusOr<TensorMap> readInputs(const SafetensorsFile &file) {
  TensorMap inputs;
  for (size_t i = 0; i < file.size(); ++i) {
    TensorView tensor = file.at(i);
    inputs[tensor.name()] = {tensor.dtype(), tensor.shape(), std::string(tensor.content())};
  }
  return inputs;
}

Status checkRunFlags(const Executable &executable, const RunFlags &flags) {
  if (flags.backend == "interpreter")
    return invalidInput("--backend interpreter: an executable holds no IR; run the model's "
                        "definition with heddle run");
  if (flags.backend != "compiled")
    return invalidInput("--backend ", flags.backend, ": expected compiled or interpreter");
  if (flags.labelSmoothing && flags.entry != "step")
    return invalidInput("--label-smoothing: goes with --entry step only");
  HEDDLE_RETURN_IF_ERROR(checkLabelSmoothing(executable, flags.labelSmoothing));
  if (flags.dropout && flags.entry != "step")
    return invalidInput("--dropout: goes with --entry step only");
  if ((!flags.freeze.empty() || !flags.lora.empty()) && flags.entry != "step" &&
      flags.entry != "grad")
    return invalidInput(flags.lora.empty() ? "--freeze" : "--lora",
                        ": goes with --entry step and --entry grad only");
  HEDDLE_RETURN_IF_ERROR(checkLora(executable, flags.lora));
  HEDDLE_RETURN_IF_ERROR(checkFreeze(executable, flags.freeze));
  return flags.dropout ? checkDropout(executable, *flags.dropout) : absl::OkStatus();
}

/// Runs the entry asked for and, where labels came with a forward pass or the loss needs none, the
/// loss too.
StatusOr<EntryRun> runEntries(Session &session, const std::string &entry, TensorMap inputs) {
  const Entry *compiled = session.executable().find(entry);
  const bool compares = compiled && takesTargets(*compiled->plan);
  if (compares && !hasTargets(inputs))
    return invalidInput("--entry ", entry,
                        " needs a tensor labels, or start_positions and end_positions");
  TensorMap withoutTargets = inputs;
  std::erase_if(withoutTargets, [](const auto &input) { return isTarget(input.first); });
  EntryRun run;
  HEDDLE_ASSIGN_OR_RETURN(run.outputs, session.run(entry, compares ? inputs : withoutTargets));
  HEDDLE_ASSIGN_OR_RETURN(run.problem, problemAfter(session, entry));
  const Entry *scored = entry == "forward" ? session.executable().find("loss") : nullptr;
  if (scored && (hasTargets(inputs) || !takesTargets(*scored->plan))) {
    HEDDLE_ASSIGN_OR_RETURN(TensorMap loss, session.run("loss", inputs));
    if (run.problem.empty()) {
      HEDDLE_ASSIGN_OR_RETURN(run.problem, problemAfter(session, "loss"));
    }
    run.outputs.merge(loss);
  }
  return run;
}

void report(const EntryRun &run, const RunFlags &flags, double milliseconds) {
  const TensorMap &outputs = run.outputs;
  JsonWriter json;
  json.beginObject().member("entry", flags.entry).member("ms", milliseconds).key("outputs");
  json.beginArray();
  for (const auto &[name, tensor] : outputs)
    json.beginObject()
        .member("name", name)
        .member("dtype", dtypeName(tensor.dtype))
        .member("shape", tensor.shape)
        .endObject();
  json.endArray().member("file", flags.outputs);
  if (!run.problem.empty())
    json.member("problem", run.problem);
  json.endObject();
  if (flags.json) {
    printf("%s\n", json.text().c_str());
    return;
  }
  for (const auto &[name, tensor] : outputs)
    printf("%s %s %s\n", name.c_str(), dtypeName(tensor.dtype), shapeText(tensor.shape).c_str());
}

} // namespace

namespace {

/// Of a batch, and how many of them a step has in the axis before.
struct StackedShape {
  std::vector<int64_t> sizes;
  int64_t microBatches = 1;
};

/// `axes` are those of one batch: "B, T".
StatusOr<StackedShape> stackedShape(const TensorView &tensor, const std::string &axes,
                                    const std::string &entry) {
  StackedShape shape{tensor.shape()};
  const auto rank = static_cast<size_t>(std::count(axes.begin(), axes.end(), ',')) + 1;
  if (entry == "step" && shape.sizes.size() == rank + 1) {
    shape.microBatches = shape.sizes[0];
    shape.sizes.erase(shape.sizes.begin());
  }
  if (shape.sizes.size() == rank && tensor.elements() > 0)
    return shape;
  return tensor.error(absl::StrCat("has shape ", shapeText(tensor.shape()), ", expected [", axes,
                                   "]", entry == "step" ? " or [N, " + axes + "]" : ""));
}

StatusOr<BatchShape> shapeOfIds(const SafetensorsFile &file, const char *name,
                                const std::string &entry) {
  auto ids = file.find(name);
  if (!ids)
    return invalidInput(file.path(), ": holds no tensor ", name);
  HEDDLE_ASSIGN_OR_RETURN(StackedShape found, stackedShape(*ids, "B, T", entry));
  return BatchShape{found.sizes[0], found.sizes[1], found.microBatches};
}

/// T is the number of vectors that an encoder makes of them.
StatusOr<BatchShape> shapeOfFrames(const TensorView &frames, const std::string &entry) {
  HEDDLE_ASSIGN_OR_RETURN(StackedShape found, stackedShape(frames, "B, bins, frames", entry));
  if (found.sizes[2] % 2 != 0)
    return frames.error(absl::StrCat("has shape ", shapeText(frames.shape()),
                                     ", expected an even number of frames"));
  return BatchShape{found.sizes[0], found.sizes[2] / 2, found.microBatches};
}

} // namespace

StatusOr<BatchShape> inputShape(FileLayer &layer, const std::string &inputs,
                                const std::string &entry, bool encoderDecoder) {
  HEDDLE_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(layer, inputs));
  StackedShape images;
  auto pixels = file.find("pixel_values");
  if (pixels) {
    HEDDLE_ASSIGN_OR_RETURN(images, stackedShape(*pixels, "B, channels, height, width", entry));
  }
  if (pixels && !encoderDecoder && !file.find("input_ids"))
    return BatchShape{images.sizes[0], 0, images.microBatches};
  if (!encoderDecoder && !file.find("input_ids"))
    return invalidInput(inputs, ": holds no tensor input_ids [B, T], nor pixel_values ",
                        "[B, channels, height, width]");
  BatchShape shape;
  if (auto frames = file.find(kFeaturesInput); frames && encoderDecoder) {
    HEDDLE_ASSIGN_OR_RETURN(shape, shapeOfFrames(*frames, entry));
  } else {
    HEDDLE_ASSIGN_OR_RETURN(shape, shapeOfIds(file, "input_ids", entry));
  }
  if (!encoderDecoder)
    return shape;
  const char *ids = "decoder_input_ids";
  if (!file.find(ids) && !file.find("labels"))
    return invalidInput(inputs, ": holds neither decoder_input_ids nor labels, and the decoder ",
                        "must read something");
  HEDDLE_ASSIGN_OR_RETURN(BatchShape target,
                          shapeOfIds(file, file.find(ids) ? ids : "labels", entry));
  shape.sourceSeq = shape.seq;
  shape.seq = target.seq;
  return shape;
}

StatusOr<TensorMap> readRunInputs(FileLayer &layer, const std::string &path,
                                  const InputRules &rules) {
  HEDDLE_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(layer, path));
  HEDDLE_ASSIGN_OR_RETURN(TensorMap inputs, readInputs(file));
  HEDDLE_RETURN_IF_ERROR(makeEntryInputs(inputs, rules));
  return inputs;
}

StatusOr<int> runVerb(FileLayer &layer, SharedExecutable executable, const RunFlags &flags) {
  HEDDLE_RETURN_IF_ERROR(checkRunFlags(*executable, flags));
  HEDDLE_ASSIGN_OR_RETURN(bool texts, givesTexts(flags));
  if (texts)
    return encodeTexts(layer, std::move(executable), flags);
  HEDDLE_RETURN_IF_ERROR(checkOutputs(layer, flags));
  HEDDLE_ASSIGN_OR_RETURN(TensorMap inputs,
                          readRunInputs(layer, flags.inputs, inputRules(executable->manifest())));
  bool isStep = flags.entry == "step";
  std::string entry = isStep ? stepEntry(inputs) : flags.entry;
  HEDDLE_ASSIGN_OR_RETURN(auto session, openSession(std::move(executable), flags, entry));
  HEDDLE_ASSIGN_OR_RETURN(std::string folder, loadWeights(layer, *session, flags, flags.seed));
  auto start = std::chrono::steady_clock::now();
  auto run = isStep ? runStep(layer, *session, inputs, folder, flags.seed)
                    : runEntries(*session, entry, std::move(inputs));
  if (!run.ok())
    return withContext(run.status(), flags.inputs);
  std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
  std::vector<TensorToWrite> tensors;
  for (const auto &[name, tensor] : run->outputs)
    tensors.push_back(tensorFromMemory(name, tensor.dtype, tensor.shape, tensor.bytes.data()));
  HEDDLE_RETURN_IF_ERROR(writeSafetensorsFile(layer, flags.outputs, std::move(tensors)));
  report(*run, flags, elapsed.count());
  // The outputs are what was computed; the exit code says that they are not to be relied on.
  return run->problem.empty() ? StatusOr<int>(0) : absl::FailedPreconditionError(run->problem);
}

} // namespace heddle::runtime
