// SPDX-License-Identifier: Apache-2.0
#include "runtime/cli/Flags.h"

#include <CLI/CLI.hpp>

namespace heddle::runtime {
namespace {

std::string twinOf(const std::string &flag) {
  std::string name = "HEDDLE_";
  for (char c : flag)
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

} // namespace

void addModelFlags(CLI::App &verb, ModelFlags &flags) {
  verb.add_option("MODEL", flags.model, "what to run")->required()->type_name("MODEL");
  verb.add_option("--weights", flags.weights, "folder or safetensors file with the weights");
  verb.add_option("--batch", flags.batch, "sequences at a time");
  verb.add_option("--seq", flags.seq, "tokens of a sequence");
  verb.add_option("--dtype", flags.dtype, "f32 or bf16");
  verb.add_option("--target", flags.target, "cpu, cpu:avx512, cpu:avx2, cpu:scalar");
  verb.add_option("--threads", flags.threads, "0: all CPUs allowed")->check(CLI::Range(0, 4096));
  verb.add_option("--memory-budget", flags.memoryBudget, "at most that much memory, such as 8GiB");
  verb.add_flag("--strict", flags.strict, "a fallback is an error");
  verb.add_flag("--no-graph", flags.noGraph, "launch kernels one by one (CUDA)");
  verb.add_flag("--json", flags.json, "one JSON object on standard output");
}

void addFlags(CLI::App &verb, RunFlags &flags) {
  addModelFlags(verb, flags);
  verb.add_option("--inputs", flags.inputs, "safetensors file with the inputs")->required();
  verb.add_option("--outputs", flags.outputs, "safetensors file to write")->required();
  verb.add_option("--entry", flags.entry, "forward, loss, grad, eval, step or encode")
      ->check(CLI::IsMember({"forward", "loss", "grad", "eval", "step", "encode"}));
  verb.add_option("--dropout", flags.dropout, "of a step, in place of the model's");
  verb.add_option("--backend", flags.backend, "compiled or interpreter");
  verb.add_option("--seed", flags.seed, "for random weights");
}

void addFlags(CLI::App &verb, TrainFlags &flags) {
  addModelFlags(verb, flags);
  verb.add_option("--data", flags.data,
                  "text file or folder, or safetensors with tokens or batches");
  verb.add_option("--out", flags.out, "folder for checkpoints");
  verb.add_flag("--resume", flags.resume, "go on from the newest checkpoint in --out");
  verb.add_option("--steps", flags.steps, "in all, with those of the run resumed");
  verb.add_option("--tokenizer", flags.tokenizer, "bytes, char, or a folder or file");
  verb.add_option("--objective", flags.objective, "what is learned: causal");
  verb.add_option("--seed", flags.seed, "for weights, data order and dropout");
  verb.add_option("--log", flags.log, "JSON lines, one a step");
  verb.add_option("--lr", flags.lr, "learning rate");
  verb.add_option("--min-lr", flags.minLr, "where the cosine ends");
  verb.add_option("--warmup-steps", flags.warmupSteps, "of linear warm-up");
  verb.add_option("--lr-decay-steps", flags.lrDecaySteps, "cosine decay ends here; 0: constant");
  verb.add_option("--weight-decay", flags.weightDecay, "of AdamW, on tensors of two and more axes");
  verb.add_option("--beta1", flags.beta1, "of AdamW");
  verb.add_option("--beta2", flags.beta2, "of AdamW");
  verb.add_option("--eps", flags.eps, "of AdamW");
  verb.add_option("--grad-clip", flags.gradClip, "largest norm of all gradients; 0: no clipping");
  verb.add_option("--grad-accum", flags.gradAccum, "batches of a step");
  verb.add_option("--dropout", flags.dropout, "in place of the model's");
  verb.add_option("--freeze", flags.freeze, "parameters that stay as they are");
  verb.add_option("--lora", flags.lora, "low-rank adapters");
  verb.add_option("--on-nonfinite", flags.onNonfinite, "stop, or skip the update")
      ->check(CLI::IsMember({"stop", "skip"}));
  verb.add_option("--eval-interval", flags.evalInterval, "steps between validations; 0: none");
  verb.add_option("--eval-iters", flags.evalIters, "batches of a validation");
  verb.add_option("--val-split", flags.valSplit, "share of the tokens, at the end, for validation");
  verb.add_option("--checkpoint-interval", flags.checkpointInterval, "0: at the end only");
}

void addFlags(CLI::App &verb, GenerateFlags &flags) {
  addModelFlags(verb, flags);
  verb.add_option("--prompt", flags.prompts, "texts to go on from");
  verb.add_option("--prompt-ids", flags.promptIds, "token ids to go on from, as 1,2,3");
  verb.add_option("--tokenizer", flags.tokenizer, "bytes, or a folder or file");
  verb.add_option("--max-new-tokens", flags.maxNewTokens, "at most");
  verb.add_option("--temperature", flags.temperature, "0: always the likeliest token");
  verb.add_option("--top-k", flags.topK, "only the K likeliest; 0: all");
  verb.add_option("--top-p", flags.topP, "only the likeliest with this much probability");
  verb.add_option("--min-p", flags.minP,
                  "only those at least this share as likely as the likeliest");
  verb.add_option("--repetition-penalty", flags.repetitionPenalty, "1: none");
  verb.add_option("--stop", flags.stop, "texts that end an answer");
  verb.add_option("--beams", flags.beams, "beam search")->check(CLI::PositiveNumber);
  verb.add_option("--length-penalty", flags.lengthPenalty, "of beam search");
  verb.add_flag("--early-stopping", flags.earlyStopping, "of beam search");
  verb.add_option("--seed", flags.seed, "for sampling and for random weights");
  verb.add_flag("--stream", flags.stream, "print as it comes");
}

void addFlags(CLI::App &verb, BenchFlags &flags) {
  addModelFlags(verb, flags);
  verb.add_option("--entry", flags.entry, "forward, step or decode");
  verb.add_option("--iters", flags.iters, "runs measured")->check(CLI::PositiveNumber);
  verb.add_flag("--profile", flags.profile, "time of each kernel");
  verb.add_option("--trace", flags.trace, "timeline to write, for chrome://tracing");
  verb.add_option("--seed", flags.seed, "for random weights and inputs");
}

void addEnvironmentTwins(CLI::App &command) {
  for (CLI::Option *option : command.get_options())
    if (!option->get_lnames().empty() && option->get_lnames()[0] != "help")
      option->envname(twinOf(option->get_lnames()[0]));
  for (CLI::App *verb : command.get_subcommands({}))
    addEnvironmentTwins(*verb);
}

int parseCommandLine(CLI::App &command, int argc, char **argv) {
  try { // CLI11 reports by exception, help too
    command.parse(argc, argv);
    return -1;
  } catch (const CLI::ParseError &error) {
    return command.exit(error) == 0 ? 0 : 2;
  }
}

} // namespace heddle::runtime
