// SPDX-License-Identifier: Apache-2.0
#include "runtime/cli/Flags.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "absl/strings/str_cat.h"
#include "runtime/base/Limits.h"
#include "runtime/base/Version.h"
#include "runtime/cli/NumberFlag.h"

namespace heddle::runtime {
namespace {

std::string twinOf(const std::string &flag) {
  std::string name = "HEDDLE_";
  for (char c : flag)
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

/// Texts that may be empty, or of which the verb says what is wrong.
constexpr std::string_view kMayBeEmpty[] = {"prompt", "prompt-ids", "text", "stop", "freeze"};

/// An empty text would pass for a flag that is left out: `--out "$DIRECTORY"` without the variable
/// would save nothing.
void refuseEmpty(CLI::Option &option) {
  const std::string &name = option.get_lnames()[0];
  if (option.get_items_expected_max() == 0 ||
      std::find(std::begin(kMayBeEmpty), std::end(kMayBeEmpty), name) != std::end(kMayBeEmpty))
    return;
  option.check(CLI::Validator(
      [](std::string &text) { return text.empty() ? std::string("is empty") : std::string(); },
      ""));
}

/// Who did not type the flag that a problem names may not know that the environment holds it.
std::string twinInvolved(const CLI::App &command, const std::string &problem) {
  for (const CLI::App *verb : command.get_subcommands())
    for (const CLI::Option *option : verb->get_options()) {
      std::string twin = option->get_envname();
      const char *value = twin.empty() ? nullptr : getenv(twin.c_str());
      if (value && problem.find(option->get_name()) != std::string::npos)
        return absl::StrCat(" (the environment has ", twin, "=", value, ")");
    }
  return "";
}

} // namespace

void addModelFlags(CLI::App &verb, ModelFlags &flags) {
  verb.add_option("MODEL", flags.model, "what to run")
      ->required()
      ->type_name("MODEL")
      ->check(CLI::Validator(
          [](std::string &text) { return text.empty() ? std::string("is empty") : std::string(); },
          ""));
  verb.add_option("--weights", flags.weights, "folder or safetensors file with the weights");
  addNumber(verb, "--batch", flags.batch, "sequences at a time", {.least = 1});
  addNumber(verb, "--seq", flags.seq, "tokens of a sequence", {.least = 1});
  addNumber(verb, "--source-seq", flags.sourceSeq,
            "tokens of a source, which an encoder reads; left out: as --seq", {.least = 1});
  verb.add_option("--dtype", flags.dtype, "f32 or bf16");
  verb.add_option("--target", flags.target, "cpu, cpu:avx512, cpu:avx2, cpu:scalar, cuda:emulated");
  addNumber(verb, "--threads", flags.threads, "0: all CPUs allowed", {0, limits::kThreads});
  verb.add_option("--memory-budget", flags.memoryBudget, "at most that much memory, such as 8GiB");
  verb.add_flag("--strict", flags.strict, "a fallback is an error");
  verb.add_flag("--no-graph", flags.noGraph, "launch kernels one by one (CUDA)");
  verb.add_flag("--json", flags.json, "one JSON object on standard output");
}

void addFreeze(CLI::App &verb, std::vector<std::string> &patterns) {
  verb.add_option("--freeze", patterns,
                  "parameters that training leaves as they are, such as 'transformer.h.0.*'; may "
                  "come several times")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
}

void addLora(CLI::App &verb, std::string &lora) {
  verb.add_option("--lora", lora,
                  "train low-rank adapters in place of the model, such as "
                  "r=8,alpha=16,targets=q_proj,v_proj,dropout=0.1; with save=merged checkpoints "
                  "hold the sum, else the adapters as PEFT has them")
      ->type_name("SPEC");
}

void addFlags(CLI::App &verb, RunFlags &flags) {
  addModelFlags(verb, flags);
  verb.add_option("--inputs", flags.inputs, "safetensors file with the inputs");
  verb.add_option("--outputs", flags.outputs,
                  "safetensors file to write; of texts a .npy file too");
  verb.add_option("--text", flags.texts, "of --entry encode: texts, in place of --inputs");
  verb.add_option("--file", flags.textFile, "of --entry encode: a text a line");
  verb.add_flag("--similarity", flags.similarity, "print the cosine of each text and each other");
  verb.add_option("--tokenizer", flags.tokenizer, "bytes, or a folder or file");
  verb.add_option("--entry", flags.entry, "forward, loss, grad, eval, step or encode")
      ->check(CLI::IsMember({"forward", "loss", "grad", "eval", "step", "encode"}));
  verb.add_option("--dropout", flags.dropout, "of a step, in place of the model's");
  addNumber(verb, "--label-smoothing", flags.labelSmoothing, "of a step, in place of the model's");
  addFreeze(verb, flags.freeze);
  addLora(verb, flags.lora);
  verb.add_option("--backend", flags.backend, "compiled or interpreter");
  addNumber(verb, "--seed", flags.seed, "for random weights");
}

void addFlags(CLI::App &verb, TrainFlags &flags) {
  addModelFlags(verb, flags);
  verb.add_option("--data", flags.data,
                  "text file or folder, .jsonl records, or safetensors with tokens, batches or "
                  "images");
  verb.add_option("--out", flags.out, "folder for checkpoints");
  verb.add_flag("--resume", flags.resume, "go on from the newest checkpoint in --out");
  addNumber(verb, "--steps", flags.steps, "in all, with those of the run resumed");
  verb.add_option("--tokenizer", flags.tokenizer, "bytes, char, bpe:N, or a folder or file");
  verb.add_option("--objective", flags.objective,
                  "what is learned, where the model's head does not make it plain: causal-lm, "
                  "masked-lm, next-sentence, classification, sequence-to-sequence, contrastive, "
                  "images, denoising");
  verb.add_option("--noise-schedule", flags.noiseSchedule, "of denoising: linear or cosine")
      ->check(CLI::IsMember({"linear", "cosine"}));
  addNumber(verb, "--seed", flags.seed, "for weights, data order and dropout");
  verb.add_option("--log", flags.log, "JSON lines, one a step");
  addNumber(verb, "--lr", flags.lr, "learning rate");
  addNumber(verb, "--min-lr", flags.minLr, "where the cosine ends");
  addNumber(verb, "--warmup-steps", flags.warmupSteps, "of linear warm-up");
  addNumber(verb, "--lr-decay-steps", flags.lrDecaySteps, "cosine decay ends here; 0: constant");
  addNumber(verb, "--weight-decay", flags.weightDecay, "of AdamW, on tensors of two and more axes");
  addNumber(verb, "--beta1", flags.beta1, "of AdamW");
  addNumber(verb, "--beta2", flags.beta2, "of AdamW");
  addNumber(verb, "--eps", flags.eps, "of AdamW");
  addNumber(verb, "--grad-clip", flags.gradClip, "largest norm of all gradients; 0: no clipping");
  addNumber(verb, "--grad-accum", flags.gradAccum, "batches of a step");
  addNumber(verb, "--dropout", flags.dropout, "in place of the model's");
  addNumber(verb, "--label-smoothing", flags.labelSmoothing,
            "share of a target that all classes share, in place of the model's");
  addFreeze(verb, flags.freeze);
  addLora(verb, flags.lora);
  verb.add_option("--on-nonfinite", flags.onNonfinite, "stop, or skip the update")
      ->check(CLI::IsMember({"stop", "skip"}));
  addNumber(verb, "--eval-interval", flags.evalInterval, "steps between validations; 0: none");
  addNumber(verb, "--eval-iters", flags.evalIters, "batches of a validation");
  addNumber(verb, "--val-split", flags.valSplit,
            "share of the tokens or examples, at the end, for validation");
  addNumber(verb, "--checkpoint-interval", flags.checkpointInterval, "0: at the end only");
}

void addFlags(CLI::App &verb, GenerateFlags &flags) {
  addModelFlags(verb, flags);
  verb.add_option("--prompt", flags.prompts, "texts to go on from");
  verb.add_option("--prompt-ids", flags.promptIds, "token ids to go on from, as 1,2,3");
  verb.add_option("--inputs", flags.inputs,
                  "safetensors file with input_features [N, bins, frames], in place of prompts "
                  "where the encoder reads sound");
  verb.add_option("--language", flags.language,
                  "of the sound, such as en; left out: the folder's, or what it sounds like");
  verb.add_option("--task", flags.task, "what to write of the sound, such as translate");
  verb.add_option("--tokenizer", flags.tokenizer, "bytes, or a folder or file");
  addNumber(verb, "--max-new-tokens", flags.maxNewTokens, "at most");
  addNumber(verb, "--temperature", flags.temperature, "0: always the likeliest token");
  addNumber(verb, "--top-k", flags.topK, "only the K likeliest; 0: all");
  addNumber(verb, "--top-p", flags.topP, "only the likeliest with this much probability");
  addNumber(verb, "--min-p", flags.minP,
            "only those at least this share as likely as the likeliest");
  addNumber(verb, "--repetition-penalty", flags.repetitionPenalty, "1: none");
  verb.add_option("--stop", flags.stop, "texts that end an answer");
  addNumber(verb, "--beams", flags.beams, "search with this many in place of sampling",
            {.least = 1});
  addNumber(verb, "--length-penalty", flags.lengthPenalty,
            "of beam search: the score is divided by length ^ this");
  verb.add_flag("--early-stopping{true}", flags.earlyStopping,
                "of beam search: end with as many answers as beams; =never: end when no better "
                "answer can come; =false: when none is likely (the default)")
      ->check(CLI::IsMember({"true", "false", "never"}))
      ->transform(CLI::Transformer(std::map<std::string, std::string>{
          {"1", "true"}, {"0", "false"}})); // as other twins have it
  addNumber(verb, "--seed", flags.seed, "for sampling and for random weights");
  verb.add_flag("--stream", flags.stream, "print as it comes");
}

void addFlags(CLI::App &verb, BenchFlags &flags) {
  addModelFlags(verb, flags);
  verb.add_option("--entry", flags.entry, "forward, step or decode");
  addNumber(verb, "--iters", flags.iters, "runs measured", {.least = 1});
  verb.add_flag("--profile", flags.profile, "time of each kernel");
  verb.add_option("--trace", flags.trace, "timeline to write, for chrome://tracing");
  addNumber(verb, "--seed", flags.seed, "for random weights and inputs");
}

void addEnvironmentTwins(CLI::App &command) {
  for (CLI::Option *option : command.get_options())
    if (!option->get_lnames().empty() && option->get_lnames()[0] != "help") {
      option->envname(twinOf(option->get_lnames()[0]));
      refuseEmpty(*option);
    }
  for (CLI::App *verb : command.get_subcommands({}))
    addEnvironmentTwins(*verb);
}

int parseCommandLine(CLI::App &command, int argc, char **argv) {
  command.set_version_flag("--version", kVersion);
  try { // CLI11 reports by exception, help and version too
    command.parse(argc, argv);
    return -1;
  } catch (const CLI::ParseError &error) {
    if (error.get_exit_code() == 0)
      return command.exit(error);
    std::string problem = error.what();
    if (command.get_subcommands().empty() && argc > 1 && argv[1][0] != '-')
      problem = std::string(argv[1]) + ": no such verb";
    fprintf(stderr, "error: %s%s\nRun with --help for more information.\n", problem.c_str(),
            twinInvolved(command, problem).c_str());
    return 2;
  }
}

} // namespace heddle::runtime
