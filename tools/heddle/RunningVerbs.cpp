// SPDX-License-Identifier: Apache-2.0
// run, train, generate and bench: compile what the verb needs, then hand over to the runtime's
// verb.
#include "frontend/Dimensions.h"
#include "frontend/Stacks.h"
#include "runtime/cli/EncodeTexts.h"
#include "runtime/cli/GenerateOptions.h"
#include "runtime/cli/Outputs.h"
#include "runtime/cli/Prompts.h"
#include "runtime/cli/Verbs.h"
#include "runtime/io/FileLayer.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/train/Data.h"
#include "tools/driver/Manifest.h"
#include "tools/driver/Reference.h"
#include "tools/heddle/Requests.h"
#include "tools/heddle/Verbs.h"

namespace heddle::tools {
namespace {

runtime::FileLayer &files() { return runtime::FileLayer::system(); }

SourceOptions sourceOptions(const runtime::ModelFlags &flags, const CompilerFlags &compiler) {
  SourceOptions options;
  options.familyFile = compiler.family;
  options.weights = flags.weights;
  return options;
}

/// The runtime's verb looks for weights where the model has them.
void setWeights(const Source &source, runtime::ModelFlags &flags) {
  if (source.model)
    flags.weights = source.model->weightsPath;
}

/// Ready batches bring their own B and T; text and tokens take the flags', or a batch of 8.
Status setTrainingShape(const runtime::TrainFlags &flags, const Source &source,
                        runtime::ModelFlags &shape) {
  constexpr int64_t kDefaultBatch = 8;
  if (!flags.data.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(runtime::DataInfo info, runtime::inspectData(files(), flags.data));
    if (info.batch > 0) {
      if (flags.batch && *flags.batch != info.batch)
        return invalidInput("--batch ", *flags.batch, ": the batches in ", flags.data, " have ",
                            info.batch, " sequences");
      if (flags.seq && *flags.seq != info.seq)
        return invalidInput("--seq ", *flags.seq, ": the batches in ", flags.data, " have ",
                            info.seq, " tokens a sequence");
      shape.batch = info.batch;
      shape.seq = info.seq;
      if (!source.model || !frontend::decoderReadsTokens(source.model->definition))
        return absl::OkStatus();
      if (flags.sourceSeq && *flags.sourceSeq != info.sourceSeq)
        return invalidInput("--source-seq ", *flags.sourceSeq, ": the batches in ", flags.data,
                            " have ", info.sourceSeq, " tokens a source");
      shape.sourceSeq = info.sourceSeq;
      return absl::OkStatus();
    }
  }
  if (!shape.batch)
    shape.batch = kDefaultBatch;
  return absl::OkStatus();
}

runtime::FileLookup filesOf(const frontend::Model &model) {
  return [&model](const std::string &name) -> StatusOr<std::optional<std::string>> {
    const frontend::ModelFile *file = model.file(name);
    return file ? std::optional<std::string>(file->content) : std::nullopt;
  };
}

/// A forward pass, and the loss where labels may come with the inputs.
std::vector<std::string> forwardEntries(const frontend::Model *model) {
  if (model && frontend::learnsFromPairs(model->definition))
    return {"forward"};
  return {"forward", "loss"};
}

/// Before the model is compiled: the head is for the objective, and the data too.
Status checkObjective(const runtime::TrainFlags &flags, const frontend::Model &model) {
  runtime::proto::Manifest manifest;
  *manifest.mutable_task() = taskOf(model);
  if (manifest.task().objective().empty())
    return absl::OkStatus(); // the builder says what the model lacks
  HEDDLE_ASSIGN_OR_RETURN(runtime::Objective objective,
                          runtime::objectiveFor(manifest, flags.objective));
  if (flags.data.empty())
    return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(runtime::DataInfo info, runtime::inspectData(files(), flags.data));
  return runtime::checkDataKind(flags.data, info.kind, objective);
}

/// T is the definition's bound where it has one, S its encoder's.
runtime::PromptLimits promptLimits(const Source &source) {
  const frontend::proto::ModelDef &definition = source.model->definition;
  runtime::PromptLimits limits;
  limits.seq = source.longestSequence();
  limits.encoderDecoder = frontend::decoderReadsTokens(definition);
  limits.bins = definition.encoder().frames().bins();
  if (limits.encoderDecoder)
    limits.sourceSeq = frontend::longestSequence(frontend::encoderOf(definition));
  return limits;
}

} // namespace

StatusOr<int> runVerb(const runtime::RunFlags &flags, const CompilerFlags &compiler) {
  HEDDLE_ASSIGN_OR_RETURN(bool texts, runtime::givesTexts(flags));
  if (!texts)
    HEDDLE_RETURN_IF_ERROR(runtime::checkOutputs(files(), flags));
  SourceOptions options = sourceOptions(flags, compiler);
  options.dropout = flags.dropout;
  options.labelSmoothing = flags.labelSmoothing;
  options.tokenizer = flags.tokenizer;
  options.frozen = flags.freeze;
  options.lora = flags.lora;
  HEDDLE_ASSIGN_OR_RETURN(Source source, openSource(flags.model, options));
  if (source.executable)
    return runtime::runVerb(files(), source.executable, flags);
  runtime::BatchShape shape;
  // IR text has the shapes that it has, and need not have ids among its inputs.
  if (source.model && texts) {
    HEDDLE_ASSIGN_OR_RETURN(shape, runtime::textShape(files(), flags, filesOf(*source.model),
                                                      source.longestSequence()));
  } else if (source.model) {
    HEDDLE_ASSIGN_OR_RETURN(
        shape, runtime::inputShape(files(), flags.inputs, flags.entry,
                                   frontend::decoderReadsTokens(source.model->definition)));
    if (shape.seq == 0 && source.fixedSequence() == 0)
      return invalidInput(flags.inputs, ": holds no tensor input_ids [B, T]");
  }
  runtime::RunFlags bound = flags;
  setWeights(source, bound);
  if (!bound.batch && source.model)
    bound.batch = shape.batch;
  if (!bound.seq && source.model && source.fixedSequence() == 0)
    bound.seq = shape.seq;
  if (!bound.sourceSeq && shape.sourceSeq > 0)
    bound.sourceSeq = shape.sourceSeq;
  std::vector<std::string> entries = {flags.entry};
  if (flags.entry == "forward")
    entries = entriesPresent(forwardEntries(source.model.get()), source.model.get());
  else if (flags.entry == "step")
    entries = trainingEntries(shape.microBatches > 1);
  HEDDLE_ASSIGN_OR_RETURN(CompileRequest request, requestFor(source, bound, compiler, entries));
  if (flags.backend == "interpreter" && flags.entry == "step")
    return invalidInput("--entry step: --backend interpreter does not run it");
  if (flags.backend == "interpreter" && texts)
    return invalidInput("--text: --backend interpreter takes --inputs");
  if (flags.backend == "interpreter")
    return runReference(source, std::move(request), bound);
  HEDDLE_ASSIGN_OR_RETURN(ReadyExecutable ready, executableFor(source, std::move(request)));
  return runtime::runVerb(files(), ready.executable, bound);
}

StatusOr<int> trainVerb(const runtime::TrainFlags &flags, const CompilerFlags &compiler) {
  HEDDLE_RETURN_IF_ERROR(runtime::checkOutputs(files(), flags));
  SourceOptions options = sourceOptions(flags, compiler);
  options.dropout = flags.dropout;
  options.frozen = flags.freeze;
  options.lora = flags.lora;
  options.tokenizer = flags.tokenizer;
  options.labelSmoothing = flags.labelSmoothing;
  HEDDLE_ASSIGN_OR_RETURN(std::string objective, runtime::trainingObjective(files(), flags));
  options.embeds = objective == runtime::objectiveName(runtime::Objective::Contrastive);
  HEDDLE_ASSIGN_OR_RETURN(options.vocabulary,
                          runtime::trainingTokenizer(files(), flags, modelFolder(flags.model)));
  HEDDLE_ASSIGN_OR_RETURN(Source source, openSource(flags.model, options));
  if (source.executable)
    return runtime::trainVerb(files(), source.executable, flags);
  runtime::TrainFlags bound = flags;
  setWeights(source, bound);
  if (source.model)
    HEDDLE_RETURN_IF_ERROR(checkObjective(flags, *source.model));
  HEDDLE_RETURN_IF_ERROR(setTrainingShape(flags, source, bound));
  std::vector<std::string> entries = trainingEntries(flags.gradAccum > 1);
  // What a metric other than perplexity is read from.
  if (flags.evalInterval > 0 && source.model && !source.model->shiftLabels)
    entries.push_back("forward");
  HEDDLE_ASSIGN_OR_RETURN(CompileRequest request,
                          requestFor(source, bound, compiler, std::move(entries)));
  bound.seq = request.seq;
  if (!compiler.family.empty())
    bound.replayFlags = {"--family", compiler.family};
  HEDDLE_ASSIGN_OR_RETURN(ReadyExecutable ready, executableFor(source, std::move(request)));
  return runtime::trainVerb(files(), ready.executable, bound);
}

StatusOr<int> generateVerb(const runtime::GenerateFlags &flags, const CompilerFlags &compiler) {
  HEDDLE_RETURN_IF_ERROR(runtime::checkGenerateFlags(flags));
  SourceOptions options = sourceOptions(flags, compiler);
  options.tokenizer = flags.tokenizer;
  HEDDLE_ASSIGN_OR_RETURN(Source source, openSource(flags.model, options));
  if (source.executable)
    return runtime::generateVerb(files(), source.executable, flags);
  runtime::GenerateFlags bound = flags;
  setWeights(source, bound);
  if (source.model) {
    const runtime::PromptLimits limits = promptLimits(source);
    HEDDLE_RETURN_IF_ERROR(runtime::checkPromptKind(flags, limits.bins > 0));
    HEDDLE_ASSIGN_OR_RETURN(runtime::BatchShape shape,
                            runtime::promptShape(files(), flags, filesOf(*source.model), limits));
    if (!bound.batch)
      bound.batch = shape.batch;
    if (!bound.seq && source.fixedSequence() == 0)
      bound.seq = shape.seq;
    if (!bound.sourceSeq && shape.sourceSeq > 0)
      bound.sourceSeq = shape.sourceSeq;
  } else if (!bound.batch) {
    bound.batch = flags.beams;
  }
  if (*bound.batch < flags.beams)
    return invalidInput("--batch ", *bound.batch, ": each of the --beams ", flags.beams,
                        " is a sequence of the batch; expected at least ", flags.beams);
  HEDDLE_ASSIGN_OR_RETURN(CompileRequest request,
                          requestFor(source, bound, compiler, {"prefill", "decode"}));
  bound.seq = request.seq;
  HEDDLE_ASSIGN_OR_RETURN(ReadyExecutable ready, executableFor(source, std::move(request)));
  return runtime::generateVerb(files(), ready.executable, bound);
}

StatusOr<int> benchVerb(const runtime::BenchFlags &flags, const CompilerFlags &compiler) {
  HEDDLE_RETURN_IF_ERROR(runtime::checkOutputs(files(), flags));
  HEDDLE_ASSIGN_OR_RETURN(Source source, openSource(flags.model, sourceOptions(flags, compiler)));
  if (source.executable)
    return runtime::benchVerb(files(), source.executable, flags);
  std::vector<std::string> entries = {flags.entry};
  if (flags.entry == "decode")
    entries = {"prefill", "decode"};
  runtime::BenchFlags bound = flags;
  setWeights(source, bound);
  HEDDLE_ASSIGN_OR_RETURN(CompileRequest request, requestFor(source, bound, compiler, entries));
  HEDDLE_ASSIGN_OR_RETURN(ReadyExecutable ready, executableFor(source, std::move(request)));
  return runtime::benchVerb(files(), ready.executable, bound, ready.compileMs);
}

} // namespace heddle::tools
