// SPDX-License-Identifier: Apache-2.0
// The flags of the verbs that run models, the same for heddle and heddle-run. Every flag
// `--some-flag` has an environment twin HEDDLE_SOME_FLAG.

#ifndef HEDDLE_RUNTIME_CLI_FLAGS_H
#define HEDDLE_RUNTIME_CLI_FLAGS_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace heddle::runtime {

/// Of every verb. What is not given is empty: the model's or the verb's default.
struct ModelFlags {
  std::string model;
  std::string weights;
  std::optional<int64_t> batch, seq, sourceSeq;
  std::string dtype, target, memoryBudget;
  int threads = 0; // 0: all CPUs allowed
  bool strict = false, noGraph = false, json = false;
};

struct RunFlags : ModelFlags {
  std::string inputs, outputs;
  std::string entry = "forward";
  std::string backend = "compiled";
  // Of --entry encode, in place of inputs.
  std::vector<std::string> texts;
  std::string textFile, tokenizer;
  bool similarity = false;
  std::optional<double> dropout, labelSmoothing; // of --entry step
  std::vector<std::string> freeze;               // the same
  std::string lora;                              // the same
  uint64_t seed = 0;
};

struct TrainFlags : ModelFlags {
  std::string data, out, log, tokenizer, objective, lora;
  std::vector<std::string> freeze;
  std::string noiseSchedule; // linear or cosine, of --objective denoising; empty: linear
  bool resume = false;
  uint64_t steps = 1000;
  std::optional<uint64_t> seed; // 0, or that of the run resumed
  double lr = 1e-3, minLr = 0;
  uint64_t warmupSteps = 0, lrDecaySteps = 0;
  double weightDecay = 1e-2, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, gradClip = 0;
  int64_t gradAccum = 1;
  std::optional<double> dropout, labelSmoothing;
  std::string onNonfinite = "stop";
  uint64_t evalInterval = 0, evalIters = 20;
  std::optional<double> valSplit; // 0.1 with --eval-interval on text or tokens, else 0
  uint64_t checkpointInterval = 0;
  std::vector<std::string> replayFlags; // no flag: what the command of a replay has to repeat
};

struct GenerateFlags : ModelFlags {
  std::vector<std::string> prompts, promptIds; // promptIds: "1,2,3" each
  std::string inputs;                          // in their place, where an encoder reads features
  std::string language, task;                  // of what it hears, and what to write of it
  std::string tokenizer;
  int64_t maxNewTokens = 100;
  // Those that are not given are the model's, or else change nothing.
  std::optional<double> temperature, topP, minP, repetitionPenalty;
  std::optional<int64_t> topK;
  std::vector<std::string> stop;
  int64_t beams = 1;
  std::optional<double> lengthPenalty;
  std::string earlyStopping; // "false", "true", "never"; "": not given
  bool stream = false;
  uint64_t seed = 0;
};

struct BenchFlags : ModelFlags {
  std::string entry = "forward";
  int64_t iters = 10;
  bool profile = false;
  std::string trace;
  uint64_t seed = 0;
};

/// MODEL and the flags of every verb.
void addModelFlags(CLI::App &verb, ModelFlags &flags);

/// Add a verb's flags, with MODEL as the positional argument, to its subcommand. The struct
/// outlives the parse.
void addFlags(CLI::App &verb, RunFlags &flags);
void addFlags(CLI::App &verb, TrainFlags &flags);
void addFlags(CLI::App &verb, GenerateFlags &flags);
void addFlags(CLI::App &verb, BenchFlags &flags);

/// --freeze, which may come several times.
void addFreeze(CLI::App &verb, std::vector<std::string> &patterns);

void addLora(CLI::App &verb, std::string &lora);

/// Gives every flag of the command and its subcommands its environment twin, and refuses empty
/// texts where none is meant. Call it once, last.
void addEnvironmentTwins(CLI::App &command);

/// Parses and returns -1, or prints help or version (standard output) or what is wrong (standard
/// error) and returns the exit code, 0 or 2.
int parseCommandLine(CLI::App &command, int argc, char **argv);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_CLI_FLAGS_H
