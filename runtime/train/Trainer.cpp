// SPDX-License-Identifier: Apache-2.0
#include "runtime/train/Trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "runtime/io/JsonLog.h"
#include "runtime/io/JsonWriter.h"
#include "runtime/plan/Session.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/train/Interrupt.h"
#include "runtime/train/Progress.h"
#include "runtime/train/RunError.h"

namespace heddle::runtime {

Trainer::Trainer(FileLayer &layer, Session &session, std::unique_ptr<TrainingData> data,
                 const Tokenizer *tokenizer, TrainerOptions options, TrainingState state)
    : layer_(layer), session_(session), data_(std::move(data)), tokenizer_(tokenizer),
      options_(std::move(options)), state_(std::move(state)),
      progress_(
          std::make_unique<ProgressLine>(options_.showProgress, state_.step, options_.steps)) {}

Trainer::~Trainer() = default;

std::string metricsText(const Metrics &metrics) {
  std::string text;
  for (const auto &[name, value] : metrics) {
    std::string words = name;
    std::replace(words.begin(), words.end(), '_', ' ');
    absl::StrAppend(&text, ", ", words, " ", value);
  }
  return text;
}

StatusOr<std::unique_ptr<Trainer>> Trainer::create(FileLayer &layer, Session &session,
                                                   std::unique_ptr<TrainingData> data,
                                                   const Tokenizer *tokenizer,
                                                   TrainerOptions options, TrainingState state) {
  std::unique_ptr<Trainer> trainer(new Trainer(layer, session, std::move(data), tokenizer,
                                               std::move(options), std::move(state)));
  HEDDLE_RETURN_IF_ERROR(trainer->prepare());
  return trainer;
}

Status Trainer::prepare() {
  HEDDLE_RETURN_IF_ERROR(checkHyperparameters(options_.rate, options_.adam));
  if (!(options_.gradClip >= 0))
    return invalidInput("--grad-clip ", options_.gradClip, ": expected a number >= 0");
  if (options_.gradAccum < 1)
    return invalidInput("--grad-accum ", options_.gradAccum, ": expected at least 1");
  if (options_.evalInterval > 0 && (!data_->hasValidation() || options_.evalIters == 0))
    return invalidInput(
        "--eval-interval ", options_.evalInterval, ": there is no validation data (",
        options_.evalIters == 0 ? "--eval-iters 0"
                                : "it needs --val-split, and other data than ready batches",
        ")");
  HEDDLE_ASSIGN_OR_RETURN(step_, TrainingStep::prepare(session_, options_.gradAccum));
  if (options_.evalInterval > 0) {
    HEDDLE_ASSIGN_OR_RETURN(eval_, session_.prepare("eval"));
    const bool reads = EvalMetrics(options_.objective, options_.labels).readsOutputs();
    if (reads && session_.executable().find("forward")) {
      HEDDLE_ASSIGN_OR_RETURN(forward_, session_.prepare("forward"));
    }
  }
  if (!options_.out.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(CheckpointWriter writer, CheckpointWriter::open(layer_, options_.out));
    // Under the lock, as another run may have begun and ended there since the flags were checked.
    if (!options_.resume)
      HEDDLE_RETURN_IF_ERROR(checkNewOrEmpty(layer_, options_.out));
    writer_ = std::make_unique<CheckpointWriter>(std::move(writer));
    if (state_.step > 0)
      saved_ = state_.step;
  }
  if (!options_.log.empty()) {
    // Steps after the checkpoint are about to be run again.
    if (state_.step > 0)
      HEDDLE_RETURN_IF_ERROR(cutLogAtStep(layer_, options_.log, state_.step));
    HEDDLE_ASSIGN_OR_RETURN(JsonLog log, state_.step > 0 ? JsonLog::append(layer_, options_.log)
                                                         : JsonLog::start(layer_, options_.log));
    log_ = std::make_unique<JsonLog>(std::move(log));
  }
  return absl::OkStatus();
}

StatusOr<TrainerResult> Trainer::run() {
  TrainerResult result;
  using Clock = std::chrono::steady_clock;
  first_ = state_.step;
  double seconds = 0;
  HEDDLE_RETURN_IF_ERROR(checkStart());
  while (state_.step < options_.steps) {
    result.interrupted = InterruptGuard::requested();
    if (eval_ && !result.interrupted && state_.step % options_.evalInterval == 0)
      HEDDLE_RETURN_IF_ERROR(evaluateAndLog(result));
    if (result.interrupted)
      break;
    auto start = Clock::now();
    double lr = options_.rate.at(state_.step);
    auto done = step(lr);
    if (!done.ok()) {
      progress_->finish();
      if (log_)
        log_->sync().IgnoreError(); // the error at hand matters more
      return done.status();
    }
    std::chrono::duration<double> elapsed = Clock::now() - start;
    seconds += elapsed.count();
    double tokens =
        static_cast<double>(state_.batch * state_.seq) * static_cast<double>(options_.gradAccum);
    HEDDLE_RETURN_IF_ERROR(logStep(*done, lr, tokens / elapsed.count()));
    ++state_.step;
    state_.updates += done->applied;
    state_.skipped += !done->applied;
    result.loss = done->loss;
    result.tokensPerSecond = tokens * static_cast<double>(state_.step - first_) / seconds;
    showStep(*done, lr, result.tokensPerSecond);
    if (options_.checkpointInterval > 0 && state_.step % options_.checkpointInterval == 0)
      HEDDLE_RETURN_IF_ERROR(checkpoint());
  }
  if (eval_ && !result.interrupted && state_.step == options_.steps)
    HEDDLE_RETURN_IF_ERROR(evaluateAndLog(result));
  progress_->finish();
  HEDDLE_RETURN_IF_ERROR(checkpoint());
  HEDDLE_RETURN_IF_ERROR(syncLog());
  result.step = state_.step;
  result.skipped = state_.skipped;
  return result;
}

StepInputs Trainer::stepInputs(double lr) const {
  StepInputs inputs;
  inputs.seed = state_.seed;
  inputs.step = state_.step;
  inputs.hyper = options_.adam.hyper(lr, state_.updates + 1);
  inputs.gradClip = options_.gradClip > 0 ? static_cast<float>(options_.gradClip)
                                          : std::numeric_limits<float>::infinity();
  inputs.batch = [this, step = state_.step](uint64_t microBatch, Batch &batch) {
    data_->trainingBatch(step * options_.gradAccum + microBatch, batch);
  };
  return inputs;
}

StatusOr<Trainer::StepResult> Trainer::step(double lr) {
  StepInputs inputs = stepInputs(lr);
  auto outcome = step_->run(inputs);
  if (!outcome.ok())
    return withContext(outcome.status(), absl::StrCat("step ", state_.step));
  if (!outcome->problem.empty())
    HEDDLE_RETURN_IF_ERROR(abandon(inputs, outcome->problem));
  return StepResult{outcome->loss, outcome->gradNorm, outcome->problem.empty()};
}

StatusOr<std::optional<Trainer::Evaluation>> Trainer::evaluate() {
  EvalMetrics metrics(options_.objective, options_.labels);
  for (uint64_t i = 0; i < options_.evalIters; ++i) {
    if (InterruptGuard::requested())
      return std::optional<Evaluation>();
    data_->validationBatch(i, batch_);
    HEDDLE_RETURN_IF_ERROR(setBatch(*eval_, batch_));
    HEDDLE_RETURN_IF_ERROR(eval_->run());
    HEDDLE_ASSIGN_OR_RETURN(float loss, eval_->scalar("loss"));
    if (!std::isfinite(loss)) {
      HEDDLE_RETURN_IF_ERROR(abandonEvaluation(loss, i));
      return std::optional<Evaluation>({loss, {}});
    }
    if (forward_) {
      HEDDLE_RETURN_IF_ERROR(setBatch(*forward_, batch_));
      HEDDLE_RETURN_IF_ERROR(forward_->run());
    }
    HEDDLE_RETURN_IF_ERROR(metrics.add(forward_, batch_, loss));
  }
  return std::optional<Evaluation>({metrics.loss(), metrics.values()});
}

Status Trainer::evaluateAndLog(TrainerResult &result) {
  HEDDLE_ASSIGN_OR_RETURN(std::optional<Evaluation> found, evaluate());
  if (!found) { // a resumed run evaluates here again, so no step may be taken before
    result.interrupted = true;
    return absl::OkStatus();
  }
  result.valLoss = found->loss;
  result.metrics = found->metrics;
  say(absl::StrCat("step ", state_.step, ": validation loss ", found->loss,
                   metricsText(found->metrics)));
  if (!log_)
    return absl::OkStatus();
  JsonWriter json;
  json.beginObject().member("step", state_.step).member("val_loss", found->loss);
  for (const auto &[name, value] : found->metrics)
    json.member(name, value);
  json.endObject();
  return writeLog(json.text());
}

Status Trainer::logStep(const StepResult &result, double lr, double tokensPerSecond) {
  if (!log_)
    return absl::OkStatus();
  JsonWriter json;
  json.beginObject()
      .member("step", state_.step)
      .member("loss", result.loss)
      .member("lr", lr)
      .member("grad_norm", result.gradNorm);
  if (!result.applied)
    json.member("skipped", state_.skipped + 1);
  json.member("tokens_per_s", std::round(tokensPerSecond * 10) / 10).endObject();
  return writeLog(json.text());
}

Status Trainer::writeLog(const std::string &json) {
  return withRunContext(log_->write(json), absl::StrCat("log of step ", state_.step));
}

Status Trainer::syncLog() {
  if (!log_)
    return absl::OkStatus();
  return withRunContext(log_->sync(), absl::StrCat("log up to step ", state_.step));
}

Status Trainer::checkpoint() {
  if (!writer_ || saved_ == state_.step)
    return absl::OkStatus();
  HEDDLE_RETURN_IF_ERROR(checkFinite());
  // Before the checkpoint: a log must not end before the step from which a resumed run goes on.
  HEDDLE_RETURN_IF_ERROR(syncLog());
  HEDDLE_RETURN_IF_ERROR(
      writer_->write(state_.step, checkpointFiles(session_, tokenizer_, state_)));
  saved_ = state_.step;
  return absl::OkStatus();
}

void Trainer::showStep(const StepResult &result, double lr, double tokensPerSecond) {
  double tokensLeft = static_cast<double>(options_.steps - state_.step) *
                      static_cast<double>(state_.batch * state_.seq) *
                      static_cast<double>(options_.gradAccum);
  progress_->show(state_.step, result.loss, lr, tokensPerSecond, tokensLeft / tokensPerSecond);
}

void Trainer::say(const std::string &line) { progress_->say(line); }

} // namespace heddle::runtime
