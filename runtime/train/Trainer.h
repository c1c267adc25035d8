// SPDX-License-Identifier: Apache-2.0
// The training loop.

#ifndef HEDDLE_RUNTIME_TRAIN_TRAINER_H
#define HEDDLE_RUNTIME_TRAIN_TRAINER_H

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "runtime/train/Data.h"
#include "runtime/train/EvalMetrics.h"
#include "runtime/train/Schedule.h"
#include "runtime/train/TrainingState.h"
#include "runtime/train/TrainingStep.h"

namespace heddle::runtime {

class JsonLog;
class PreparedEntry;
class ProgressLine;
class Session;
class Tokenizer;
struct NonFiniteStored;
struct ReplayedRun;

struct TrainerOptions {
  uint64_t steps = 100; // in all, with those of the run that is resumed
  LearningRate rate;
  AdamW adam;
  double gradClip = 0; // 0: none
  int64_t gradAccum = 1;
  bool skipNonFinite = false;
  /// The command that runs `entry` on a replay's folder (see Replay.h); null where there is none.
  std::function<std::string(const std::string &folder, const std::string &entry)> replayCommand;
  uint64_t evalInterval = 0;
  uint64_t evalIters = 20;
  uint64_t checkpointInterval = 0; // 0: at the end and on interruption only
  std::string out;                 // empty: nothing is saved
  bool resume = true;              // `out` may hold checkpoints
  std::string log;                 // empty: none
  /// What an evaluation measures beside the loss.
  Objective objective = Objective::CausalLm;
  proto::Task::Labels labels = proto::Task::NO_LABELS;
  bool showProgress = true; // on stderr
};

/// Name and value.
using Metrics = std::vector<std::pair<std::string, double>>;
/// ", masked accuracy 0.5, perplexity 3"
std::string metricsText(const Metrics &metrics);

struct TrainerResult {
  uint64_t step = 0; // how far the run is
  uint64_t skipped = 0;
  std::optional<float> loss;
  std::optional<float> valLoss;
  Metrics metrics; // of the last evaluation
  double tokensPerSecond = 0;
  bool interrupted = false;
};

/// Runs the entries `step`, `accumulate`, `step_accumulated` and `eval` of a session. The session
/// holds the weights (and, resumed, the moments) and outlives it. One thread.
class Trainer {
public:
  /// `tokenizer` goes into checkpoints; null is fine. `state` says where to start; its settings are
  /// those of this run.
  static StatusOr<std::unique_ptr<Trainer>> create(FileLayer &layer, Session &session,
                                                   std::unique_ptr<TrainingData> data,
                                                   const Tokenizer *tokenizer,
                                                   TrainerOptions options, TrainingState state);
  ~Trainer();

  /// Trains up to options.steps, or to a request of InterruptGuard, and writes log and checkpoints.
  /// FailedPrecondition where a loss or a gradient is not finite (without skipNonFinite), or a
  /// parameter or moment (with it too: no later step would be better): names the step, the first op
  /// whose result is not finite, its layer and tensor, and leaves a replay in options.out.
  /// Parameters and moments are then as before the step. A checkpoint never holds such values.
  StatusOr<TrainerResult> run();

private:
  struct StepResult {
    float loss = 0, gradNorm = 0;
    bool applied = true;
  };

  Trainer(FileLayer &layer, Session &session, std::unique_ptr<TrainingData> data,
          const Tokenizer *tokenizer, TrainerOptions options, TrainingState state);
  Status prepare();
  StatusOr<StepResult> step(double lr);
  StepInputs stepInputs(double lr) const;
  Status checkStart();
  Status checkFinite();
  Status abandon(const StepInputs &inputs, const std::string &problem);
  Status abandonEvaluation(float loss, uint64_t batch);
  std::string leaveReplay(const std::string &reason, const ReplayedRun &run);
  std::string keptCheckpoint() const;
  ReplayedRun replayOf(const StepInputs &inputs) const;
  StatusOr<std::string> blameUpdate(const std::string &reason, const NonFiniteStored &stored);
  StatusOr<std::optional<NonFiniteStored>> repeatFromCheckpoint(uint64_t end);
  struct Evaluation {
    float loss = 0;
    Metrics metrics;
  };
  StatusOr<std::optional<Evaluation>> evaluate();
  Status evaluateAndLog(TrainerResult &result);
  Status writeLog(const std::string &json);
  Status syncLog();
  Status logStep(const StepResult &result, double lr, double tokensPerSecond);
  Status checkpoint();
  void showStep(const StepResult &result, double lr, double tokensPerSecond);
  void say(const std::string &line);

  FileLayer &layer_;
  Session &session_;
  std::unique_ptr<TrainingData> data_;
  const Tokenizer *tokenizer_;
  TrainerOptions options_;
  TrainingState state_;
  std::optional<TrainingStep> step_;
  PreparedEntry *eval_ = nullptr;
  PreparedEntry *forward_ = nullptr; // where evaluations measure what it gives
  std::unique_ptr<JsonLog> log_;
  std::unique_ptr<CheckpointWriter> writer_;
  std::optional<uint64_t> saved_; // the step of the newest checkpoint
  uint64_t first_ = 0;            // step of this process
  bool hasReplay_ = false;        // of a step that was skipped
  Batch batch_;
  std::unique_ptr<ProgressLine> progress_;
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TRAIN_TRAINER_H
