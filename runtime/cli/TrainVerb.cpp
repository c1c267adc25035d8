// SPDX-License-Identifier: Apache-2.0
// heddle train: sets up a training run, new or resumed, and reports how it ended.
#include <cmath>
#include <cstdio>

#include "runtime/cli/OpenModel.h"
#include "runtime/cli/Outputs.h"
#include "runtime/cli/ReplayCommand.h"
#include "runtime/cli/TaskOfModel.h"
#include "runtime/cli/Verbs.h"
#include "runtime/io/FileLayer.h"
#include "runtime/io/JsonWriter.h"
#include "runtime/plan/Session.h"
#include "runtime/train/Interrupt.h"
#include "runtime/train/Trainer.h"

namespace heddle::runtime {
namespace {

/// The checkpoint to go on from, if the flags ask for one and there is one.
StatusOr<std::optional<FoundCheckpoint>> findResume(FileLayer &layer, const TrainFlags &flags) {
  if (!flags.resume)
    return std::optional<FoundCheckpoint>();
  if (flags.out.empty())
    return invalidInput("--resume: needs --out, the folder with the checkpoints");
  HEDDLE_RETURN_IF_ERROR(checkNotInUse(layer, flags.out));
  HEDDLE_ASSIGN_OR_RETURN(CheckpointSearch search, findNewestCheckpoint(layer, flags.out));
  for (const SkippedCheckpoint &skipped : search.skipped)
    remark(absl::StrCat("skipped ", skipped.path, ": ", skipped.reason));
  // Starting afresh would write over what may still be saved.
  if (!search.newest && !search.skipped.empty())
    return invalidInput("--resume: none of the ", search.skipped.size(), " checkpoints in ",
                        flags.out, " is whole; the newest: ", search.skipped.front().reason,
                        "; mend it, or start afresh in another folder");
  return search.newest;
}

Status checkTrainFlags(const Executable &executable, const TrainFlags &flags) {
  HEDDLE_RETURN_IF_ERROR(checkCompiled(executable, flags));
  HEDDLE_RETURN_IF_ERROR(checkFreeze(executable, flags.freeze));
  HEDDLE_RETURN_IF_ERROR(checkLora(executable, flags.lora));
  if (flags.data.empty() && flags.steps > 0)
    return invalidInput("--data: missing; only --steps 0 goes without");
  HEDDLE_RETURN_IF_ERROR(checkLabelSmoothing(executable, flags.labelSmoothing));
  return flags.dropout ? checkDropout(executable, *flags.dropout) : absl::OkStatus();
}

/// Is the tokenizer of the kind that --tokenizer names: bytes, char, bpe:N?
bool hasKind(const Tokenizer &tokenizer, const std::string &name) {
  return tokenizer.kind() == name.substr(0, name.find(':'));
}

/// The tokenizer of the checkpoint to go on from, which must be the one asked for; null if it has
/// none.
StatusOr<std::unique_ptr<Tokenizer>> resumedTokenizer(FileLayer &layer, const TrainFlags &flags,
                                                      const std::string &folder) {
  HEDDLE_ASSIGN_OR_RETURN(auto tokenizer, folderTokenizer(layer, folder));
  bool named = flags.tokenizer == "bytes" || isMadeFromText(flags.tokenizer);
  if (tokenizer && named && !hasKind(*tokenizer, flags.tokenizer))
    return invalidInput("--tokenizer ", flags.tokenizer, ": the run to be resumed has ",
                        tokenizer->kind());
  return tokenizer;
}

/// The tokenizer of the text, or null where the data is tokens already.
StatusOr<std::unique_ptr<Tokenizer>> tokenizerFor(FileLayer &layer, const TrainFlags &flags,
                                                  const Executable &executable, DataKind kind,
                                                  const std::string &resumed,
                                                  const std::string &weightsFolder) {
  if (!resumed.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(auto tokenizer, resumedTokenizer(layer, flags, resumed));
    if (tokenizer)
      return tokenizer;
  }
  if (kind != DataKind::Text && kind != DataKind::Records) {
    // A model that guesses masked tokens must know the mask.
    if (kind == DataKind::Tokens && flags.tokenizer.empty() &&
        executable.manifest().task().objective() == objectiveName(Objective::MaskedLm))
      return chooseTokenizer(layer, "", weightsFolder, executable);
    // Kept with the checkpoint where it is known; not needed otherwise.
    if (!flags.tokenizer.empty() && !isMadeFromText(flags.tokenizer))
      return chooseTokenizer(layer, flags.tokenizer, "", executable);
    return std::unique_ptr<Tokenizer>();
  }
  if (!isMadeFromText(flags.tokenizer))
    return chooseTokenizer(layer, flags.tokenizer, weightsFolder, executable);
  // heddle made it from this text before it compiled; heddle-run makes it now.
  HEDDLE_ASSIGN_OR_RETURN(auto tokenizer, embeddedTokenizer(executable));
  if (!tokenizer || !hasKind(*tokenizer, flags.tokenizer)) {
    HEDDLE_ASSIGN_OR_RETURN(std::string text, readTrainingText(layer, flags.data));
    HEDDLE_ASSIGN_OR_RETURN(tokenizer, makeTextTokenizer(flags.tokenizer, text, flags.data));
  }
  int64_t vocabulary = executable.manifest().vocab_size();
  if (vocabulary > 0 && tokenizer->vocabSize() > vocabulary)
    return invalidInput("the text has ", tokenizer->vocabSize(),
                        tokenizer->kind() == "char" ? " characters" : " tokens",
                        ", the model's vocabulary only ", vocabulary);
  return tokenizer;
}

TrainerOptions trainerOptions(const Executable &executable, const TrainFlags &flags,
                              Objective objective) {
  TrainerOptions options;
  options.objective = objective;
  options.steps = flags.steps;
  options.rate = {flags.lr, flags.minLr, flags.warmupSteps, flags.lrDecaySteps};
  options.adam = {flags.weightDecay, flags.beta1, flags.beta2, flags.eps};
  options.gradClip = flags.gradClip;
  options.gradAccum = flags.gradAccum;
  options.skipNonFinite = flags.onNonfinite == "skip";
  options.replayCommand = [&executable, flags](const std::string &folder,
                                               const std::string &entry) {
    return replayCommand(executable, flags, folder, entry);
  };
  options.evalInterval = flags.evalInterval;
  options.evalIters = flags.evalIters;
  options.checkpointInterval = flags.checkpointInterval;
  options.out = flags.out;
  options.resume = flags.resume;
  options.log = flags.log;
  options.labels = executable.manifest().task().labels();
  return options;
}

/// Takes over what a resumed run must share with the one before; says what differs.
Status mergeState(const TrainFlags &flags, const TrainingState &saved, TrainingState &state) {
  if (flags.seed && *flags.seed != saved.seed)
    return invalidInput("--seed ", *flags.seed, ": the run to be resumed has seed ", saved.seed);
  state.step = saved.step;
  state.updates = saved.updates;
  state.skipped = saved.skipped;
  if (!saved.objective.empty() && saved.objective != state.objective)
    return invalidInput("the run to be resumed learns ", saved.objective,
                        ", the model's head is "
                        "for ",
                        state.objective);
  if (state.batch != saved.batch || state.seq != saved.seq || state.gradAccum != saved.gradAccum)
    remark(absl::StrCat("the run goes on with batch ", state.batch, ", sequence ", state.seq,
                        ", accumulation ", state.gradAccum, "; it was ", saved.batch, ", ",
                        saved.seq, ", ", saved.gradAccum));
  if (!saved.data.empty() && !state.data.empty() && state.data != saved.data)
    remark("the run goes on with other data than it began with");
  return absl::OkStatus();
}

Status checkSameAdapters(const proto::Manifest &manifest, const TrainingState &saved) {
  if (saved.lora == manifest.lora())
    return absl::OkStatus();
  auto said = [](const std::string &lora) { return lora.empty() ? "no adapters" : lora; };
  return invalidInput("--lora: the run to be resumed has ", said(saved.lora), ", this one ",
                      said(manifest.lora()));
}

/// How much of the model trains, where that is not all.
void sayWhatTrains(const proto::Manifest &manifest) {
  int64_t tensors = 0, trained = 0, all = 0;
  for (const proto::Parameter &parameter : manifest.parameters()) {
    int64_t elements = 1;
    for (int64_t size : parameter.shape())
      elements *= size;
    all += elements;
    tensors += !parameter.frozen();
    trained += parameter.frozen() ? 0 : elements;
  }
  if (trained == all)
    return;
  const double percent = 100 * static_cast<double>(trained) / static_cast<double>(all);
  remark(absl::StrCat(trained, " of ", all, " parameters train (", std::round(percent * 100) / 100,
                      " %, ", tensors, " of ", manifest.parameters_size(), " tensors)"));
}

void report(const TrainerResult &result, const TrainFlags &flags) {
  if (!flags.json) {
    std::string text =
        absl::StrCat(result.interrupted ? "interrupted after step " : "step ", result.step);
    if (result.loss)
      absl::StrAppend(&text, ", loss ", *result.loss);
    if (result.valLoss)
      absl::StrAppend(&text, ", validation loss ", *result.valLoss, metricsText(result.metrics));
    if (result.skipped > 0)
      absl::StrAppend(&text, ", ", result.skipped, " updates skipped");
    if (!flags.out.empty())
      absl::StrAppend(&text, ", saved in ", flags.out);
    printf("%s\n", text.c_str());
    return;
  }
  JsonWriter json;
  json.beginObject().member("step", result.step);
  if (result.loss)
    json.member("loss", *result.loss);
  if (result.valLoss)
    json.member("val_loss", *result.valLoss);
  for (const auto &[name, value] : result.metrics)
    json.member(name, value);
  json.member("skipped", result.skipped)
      .member("tokens_per_s", result.tokensPerSecond)
      .member("interrupted", result.interrupted);
  if (!flags.out.empty())
    json.member("out", flags.out);
  json.endObject();
  printf("%s\n", json.text().c_str());
}

/// Every batch that comes ready, in the words of the entry that takes it: a tensor that it does not
/// know, another shape, a value that it cannot look up.
Status checkBatches(const TrainingData &data, PreparedEntry &entry) {
  Batch batch;
  auto check = [&](const BatchPart &part) -> Status {
    const proto::Value *argument = entry.argument(part.name);
    std::vector<int64_t> shape = {static_cast<int64_t>(part.elements)};
    int64_t expected = 1;
    for (int64_t size : argument ? shapeOf(*argument) : shape)
      expected *= size;
    if (argument && expected == shape[0])
      shape = shapeOf(*argument);
    return entry.setInput(
        part.name,
        TensorSpan(part.dtype, shape, {static_cast<const char *>(part.data), part.bytes()}));
  };
  for (uint64_t i = 0; i < data.readyBatches(); ++i) {
    data.trainingBatch(i, batch);
    for (const BatchPart &part : partsOf(batch))
      if (Status good = check(part); !good.ok())
        return withContext(good, absl::StrCat("batch ", i));
  }
  return absl::OkStatus();
}

/// Stands in where no step is run.
class NoData : public TrainingData {
public:
  void trainingBatch(uint64_t, Batch &) const override {}
  bool hasValidation() const override { return false; }
  void validationBatch(uint64_t, Batch &) const override {}
  std::string describe() const override { return "no data"; }
  std::string fingerprint() const override { return ""; }
};

} // namespace

StatusOr<std::string> trainingObjective(FileLayer &layer, const TrainFlags &flags) {
  if (!flags.objective.empty())
    return flags.objective;
  HEDDLE_ASSIGN_OR_RETURN(std::optional<FoundCheckpoint> resumed, findResume(layer, flags));
  if (!resumed)
    return std::string();
  HEDDLE_ASSIGN_OR_RETURN(TrainingState state,
                          readTrainingState(layer, joinPath(resumed->path, kStateFile)));
  return state.objective;
}

StatusOr<std::unique_ptr<Tokenizer>> trainingTokenizer(FileLayer &layer, const TrainFlags &flags,
                                                       const std::string &modelFolder) {
  HEDDLE_ASSIGN_OR_RETURN(std::optional<FoundCheckpoint> resumed, findResume(layer, flags));
  if (resumed) {
    HEDDLE_ASSIGN_OR_RETURN(auto tokenizer, resumedTokenizer(layer, flags, resumed->path));
    if (tokenizer)
      return tokenizer;
  }
  DataInfo info;
  if (!flags.data.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(info, inspectData(layer, flags.data));
  }
  if (isMadeFromText(flags.tokenizer)) {
    if (flags.data.empty() || (info.kind != DataKind::Text && info.kind != DataKind::Records))
      return invalidInput("--tokenizer ", flags.tokenizer, ": --data ", flags.data,
                          " holds tokens, not text");
    HEDDLE_ASSIGN_OR_RETURN(std::string text, readTrainingText(layer, flags.data));
    return makeTextTokenizer(flags.tokenizer, text, flags.data);
  }
  if (!flags.tokenizer.empty())
    return openTokenizer(layer, flags.tokenizer);
  // Tokens need no tokenizer, so one that we cannot read is in nobody's way.
  if (!modelFolder.empty() && (info.kind == DataKind::Text || info.kind == DataKind::Records))
    return folderTokenizer(layer, modelFolder);
  return std::unique_ptr<Tokenizer>();
}

StatusOr<int> trainVerb(FileLayer &layer, SharedExecutable executable, const TrainFlags &flags) {
  HEDDLE_RETURN_IF_ERROR(checkTrainFlags(*executable, flags));
  HEDDLE_RETURN_IF_ERROR(checkOutputs(layer, flags));
  DataInfo info;
  if (!flags.data.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(info, inspectData(layer, flags.data));
  }
  HEDDLE_ASSIGN_OR_RETURN(Objective objective,
                          objectiveFor(executable->manifest(), flags.objective));
  if (!flags.noiseSchedule.empty() && objective != Objective::Denoising)
    return invalidInput("--noise-schedule ", flags.noiseSchedule, ": is for denoising, the model (",
                        "--objective ", objectiveName(objective), ") learns no noise");
  if (!flags.data.empty())
    HEDDLE_RETURN_IF_ERROR(checkDataKind(flags.data, info.kind, objective));
  HEDDLE_ASSIGN_OR_RETURN(std::optional<FoundCheckpoint> resumed, findResume(layer, flags));
  std::string step = flags.gradAccum > 1 ? "step_accumulated" : "step";
  sayWhatTrains(executable->manifest());
  HEDDLE_ASSIGN_OR_RETURN(auto session, openSession(executable, flags, step));
  HEDDLE_ASSIGN_OR_RETURN(PreparedEntry * first, // its memory, before anything is read
                          session->prepare(step));
  const proto::Value *targets = first->argument("targets");

  TrainingState saved;
  std::string weightsFolder;
  if (resumed) {
    HEDDLE_ASSIGN_OR_RETURN(saved, readTrainingState(layer, joinPath(resumed->path, kStateFile)));
    HEDDLE_RETURN_IF_ERROR(checkSameAdapters(executable->manifest(), saved));
    // A checkpoint of adapters leaves the model where it came from.
    if (executable->manifest().adapters_size() > 0) {
      HEDDLE_ASSIGN_OR_RETURN(weightsFolder, loadWeights(layer, *session, flags, saved.seed));
    }
    HEDDLE_RETURN_IF_ERROR(restoreCheckpoint(layer, resumed->path, *session));
    remark(absl::StrCat("resumed from ", resumed->path));
  } else {
    if (flags.resume)
      remark(absl::StrCat("nothing to resume in ", flags.out, ": starting afresh"));
    HEDDLE_ASSIGN_OR_RETURN(weightsFolder,
                            loadWeights(layer, *session, flags, flags.seed.value_or(0)));
  }

  std::unique_ptr<Tokenizer> tokenizer;
  if (!flags.data.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(tokenizer, tokenizerFor(layer, flags, *executable, info.kind,
                                                    resumed ? resumed->path : "", weightsFolder));
  }
  TrainingState state;
  state.seed = resumed ? saved.seed : flags.seed.value_or(0);
  state.batch = executable->manifest().batch();
  state.seq = executable->manifest().seq();
  state.gradAccum = flags.gradAccum;
  state.lora = executable->manifest().lora();
  bool splits = flags.evalInterval > 0 && info.kind != DataKind::Batches;
  state.valSplit = flags.valSplit.value_or(saved.step > 0 ? saved.valSplit : splits ? 0.1 : 0);
  std::unique_ptr<TrainingData> data = std::make_unique<NoData>();
  if (!flags.data.empty()) {

    HEDDLE_ASSIGN_OR_RETURN(TrainingTask task,
                            taskOfModel(layer, *executable, *first, tokenizer.get(), flags,
                                        {tokenizerFolder(layer, flags.tokenizer),
                                         resumed ? resumed->path : "", weightsFolder}));
    const proto::Manifest &manifest = executable->manifest();
    HEDDLE_ASSIGN_OR_RETURN(
        data,
        openTrainingData(layer, flags.data, tokenizer.get(),
                         {state.batch, state.seq, manifest.vocab_size(), state.seed, state.valSplit,
                          targets ? targets->end() : 0, std::move(task), manifest.source_seq(),
                          manifest.source_vocab_size(), inputRules(manifest)}));
    HEDDLE_RETURN_IF_ERROR(withContext(checkBatches(*data, *first), flags.data));
    remark(absl::StrCat(flags.data, ": ", data->describe()));
  }
  state.data = data->fingerprint();
  state.objective = objectiveName(objective);
  if (resumed)
    HEDDLE_RETURN_IF_ERROR(mergeState(flags, saved, state));

  HEDDLE_ASSIGN_OR_RETURN(auto trainer,
                          Trainer::create(layer, *session, std::move(data), tokenizer.get(),
                                          trainerOptions(*executable, flags, objective), state));
  if (state.step >= flags.steps && flags.steps > 0)
    remark(absl::StrCat("the run is at step ", state.step, " of ", flags.steps,
                        " already: nothing to do"));
  InterruptGuard interrupt; // from here on a signal means: stop at the next good moment
  HEDDLE_ASSIGN_OR_RETURN(TrainerResult result, trainer->run());
  report(result, flags);
  fflush(stdout); // the next signal ends the process at once; finish() finds a failure
  return result.interrupted ? kInterrupted : 0;
}

} // namespace heddle::runtime
