// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <csignal>
#include <regex>

#include "runtime/io/FileLayer.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/train/Interrupt.h"
#include "runtime/train/Replay.h"
#include "runtime/train/Trainer.h"
#include "tests/runtime/FakeModel.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;

/// Repeats itself, so that a bigram model learns it.
std::vector<int32_t> lesson(int n = 600) {
  std::vector<int32_t> tokens(n);
  for (int i = 0; i < n; ++i)
    tokens[i] = "the cat sat on the mat. "[i % 24];
  return tokens;
}

std::unique_ptr<TrainingData> dataOf(std::vector<int32_t> tokens, double split = 0.2) {
  auto data =
      makeTokenWindows(std::move(tokens), "x", {kFakeBatch, kFakeSeq, kFakeVocab, 3, split});
  EXPECT_THAT(data, IsOk());
  return *std::move(data);
}

struct Scenario {
  TrainerOptions options;
  TrainingState state;
  std::vector<int32_t> tokens = lesson();
  int threads = 1;

  Scenario() {
    options.steps = 12;
    options.rate = {0.1, 0.01, 3, 12};
    options.gradClip = 0.5;
    options.showProgress = false;
    state.seed = 3;
    state.batch = kFakeBatch;
    state.seq = kFakeSeq;
  }
};

/// Runs in a session of its own, resumed from `from` (a checkpoint folder) if given.
struct Trained {
  std::unique_ptr<Session> session;
  StatusOr<TrainerResult> result = absl::UnknownError("not run");

  explicit Trained(Scenario setup, const std::string &from = "")
      : session(fakeSession(setup.threads)) {
    FileLayer &layer = FileLayer::system();
    if (!from.empty()) {
      EXPECT_THAT(session->prepare("step"), IsOk());
      EXPECT_THAT(restoreCheckpoint(layer, from, *session), IsOk());
      setup.state = *readTrainingState(layer, from + "/training_state.json");
    }
    auto trainer =
        Trainer::create(layer, *session, dataOf(setup.tokens), nullptr, setup.options, setup.state);
    EXPECT_THAT(trainer, IsOk());
    if (trainer.ok())
      result = (*trainer)->run();
  }
};

std::string withoutRates(const std::string &log) {
  return std::regex_replace(log, std::regex(",\"tokens_per_s\":[^}]*"), "");
}

TEST(Trainer, Learns) {
  Scenario setup;
  setup.options.steps = 200;
  setup.options.rate = {0.05};
  setup.options.evalInterval = 100;
  Trained run(setup);
  ASSERT_THAT(run.result, IsOk());
  EXPECT_EQ(run.result->step, 200u);
  EXPECT_LT(*run.result->loss, 1.0f); // from 5.6
  EXPECT_LT(*run.result->valLoss, 1.0f);
}

TEST(Trainer, ThreadsGiveTheSameBits) {
  for (int64_t accum : {1, 3}) {
    Scenario setup;
    setup.options.gradAccum = accum;
    Trained one(setup);
    setup.threads = 2;
    Trained two(setup);
    ASSERT_THAT(one.result, IsOk());
    EXPECT_EQ(*one.result->loss, *two.result->loss);
    EXPECT_EQ(storedBytes(*one.session, "table"), storedBytes(*two.session, "table"));
    EXPECT_EQ(storedBytes(*one.session, "adam.v.table"), storedBytes(*two.session, "adam.v.table"));
  }
}

TEST(Trainer, LogHasALinePerStepAndEvaluation) {
  TempFolder folder;
  Scenario setup;
  setup.options.steps = 2;
  setup.options.evalInterval = 2;
  setup.options.log = folder / "l.jsonl";
  Trained run(setup);
  ASSERT_THAT(run.result, IsOk());
  EXPECT_THAT(
      slurp(setup.options.log),
      testing::MatchesRegex("\\{\"step\":0,\"val_loss\":[0-9.]+,\"perplexity\":[0-9.]+\\}\n"
                            "\\{\"step\":0,\"loss\":[0-9.]+,\"lr\":0.025,\"grad_norm\":[0-9.]+"
                            ",\"tokens_per_s\":[0-9.]+\\}\n"
                            "\\{\"step\":1,.*\n"
                            "\\{\"step\":2,\"val_loss\":[0-9.]+,\"perplexity\":[0-9.]+\\}\n"));
}

TEST(Trainer, ResumedEqualsUnbrokenByteForByte) {
  for (int64_t accum : {1, 2}) {
    TempFolder folder;
    Scenario setup;
    setup.options.gradAccum = accum;
    setup.options.evalInterval = 4;
    setup.options.log = folder / "whole.jsonl";
    setup.options.out = folder / "whole";
    Trained whole(setup);
    ASSERT_THAT(whole.result, IsOk());

    setup.options.log = folder / "halves.jsonl";
    setup.options.out = folder / "halves";
    setup.options.steps = 7;
    Trained first(setup);
    ASSERT_THAT(first.result, IsOk());
    setup.options.steps = 12;
    Trained second(setup, folder / "halves/step-00000007");
    ASSERT_THAT(second.result, IsOk());

    for (const char *name : {"model.safetensors", "training_state.safetensors",
                             "training_state.json", "manifest.json", "model.textproto"})
      EXPECT_EQ(slurp(folder / "whole/step-00000012/" + name),
                slurp(folder / "halves/step-00000012/" + name))
          << name;
    EXPECT_EQ(withoutRates(slurp(folder / "whole.jsonl")),
              withoutRates(slurp(folder / "halves.jsonl")));
  }
}

TEST(Trainer, AccumulationIsTheMeanOfItsBatches) {
  Scenario setup;
  setup.options.steps = 1;
  setup.options.gradAccum = 4;
  setup.options.gradClip = 0;
  Trained run(setup);
  ASSERT_THAT(run.result, IsOk());
  // The accumulators are zero again, and the norm is that of an average, not of a sum.
  EXPECT_EQ(storedBytes(*run.session, "grad.table"),
            std::string(4 * kFakeVocab * kFakeVocab, '\0'));
  setup.options.gradAccum = 1;
  Trained single(setup);
  EXPECT_NEAR(*run.result->loss, *single.result->loss, 0.7);
}

TEST(Trainer, NonFiniteLossStopsAndNamesTheOp) {
  TempFolder folder;
  for (int64_t accum : {1, 2}) {
    Scenario setup;
    setup.options.gradAccum = accum;
    setup.options.checkpointInterval = 1;
    setup.options.out = folder / ("out" + std::to_string(accum));
    setup.tokens = lesson(400);
    setup.tokens[150] = 255; // gives NaN
    setup.options.steps = 1000;
    Trained run(setup);
    EXPECT_EQ(exitCode(run.result.status()), 1);
    std::string batch = accum > 1 ? "micro-batch 1: " : "";
    EXPECT_THAT(run.result, IsError("loss is nan; " + batch +
                                    "first in fake_token_loss at bigram (launch 0): NaN"));
    EXPECT_THAT(run.result, IsError("step "));
    EXPECT_THAT(run.result, IsError("is kept\nreplay: " + setup.options.out + "/nonfinite-step-"));
    // What is in memory is what the last good checkpoint holds.
    auto newest = findNewestCheckpoint(FileLayer::system(), setup.options.out);
    ASSERT_THAT(newest, IsOk());
    ASSERT_TRUE(newest->newest);
    std::string table = storedBytes(*run.session, "table");
    EXPECT_NE(slurp(newest->newest->path + "/model.safetensors").find(table), std::string::npos);
  }
}

TEST(Trainer, NonFiniteStepsCanBeSkipped) {
  for (int64_t accum : {1, 3}) {
    Scenario setup;
    setup.options.gradAccum = accum;
    setup.options.skipNonFinite = true;
    setup.options.steps = 150;
    setup.options.rate = {0.05};
    setup.tokens = lesson(400);
    setup.tokens[150] = 255;
    Trained run(setup);
    ASSERT_THAT(run.result, IsOk());
    EXPECT_GT(run.result->skipped, 0u);
    EXPECT_LT(run.result->skipped, 100u);
    const float *table = static_cast<const float *>(run.session->find("table")->data());
    for (int64_t i = 0; i < kFakeVocab * kFakeVocab; ++i)
      ASSERT_TRUE(std::isfinite(table[i]));
  }
}

TEST(Trainer, BadWeightsAreNamed) {
  auto session = fakeSession();
  static_cast<float *>(session->find("table")->data())[5] = INFINITY;
  Scenario setup;
  auto trainer = Trainer::create(FileLayer::system(), *session, dataOf(setup.tokens), nullptr,
                                 setup.options, setup.state);
  ASSERT_THAT(trainer, IsOk());
  static_cast<float *>(session->find("table")->data())['t' * kFakeVocab] = NAN;
  EXPECT_THAT((*trainer)->run(), IsError("step 0: not all weights are finite; parameter "
                                         "table holds infinity at [0, 5]"));
}

TEST(Trainer, ReplayHoldsTheStepBefore) {
  TempFolder folder;
  Scenario setup;
  setup.options.gradAccum = 2;
  setup.options.checkpointInterval = 1;
  setup.options.out = folder / "out";
  setup.tokens = lesson(400);
  setup.tokens[150] = 255;
  setup.options.steps = 1000;
  setup.options.replayCommand = [](const std::string &replay, const std::string &entry) {
    return "run " + replay + " " + entry;
  };
  Trained run(setup);
  ASSERT_EQ(exitCode(run.result.status()), 1);
  auto newest = findNewestCheckpoint(FileLayer::system(), setup.options.out);
  ASSERT_THAT(newest, IsOk());
  std::string name = replayName(newest->newest->step), replay = setup.options.out + "/" + name;
  EXPECT_THAT(run.result, IsError("replay: run " + replay + " step"));
  for (const char *file : {"model.safetensors", "training_state.safetensors", "training_state.json",
                           "model.textproto"})
    EXPECT_EQ(slurp(replay + "/" + file), slurp(newest->newest->path + "/" + file)) << file;
  EXPECT_THAT(slurp(replay + "/inputs.safetensors"),
              testing::HasSubstr("\"shape\":[2,2,8]")); // both micro-batches
  EXPECT_THAT(slurp(replay + "/replay.txt"), testing::HasSubstr("loss is nan"));
}

TEST(Trainer, WhatIsNotFiniteIsNotSaved) {
  TempFolder folder;
  Scenario setup;
  setup.options.out = folder / "out";
  setup.options.rate = {3e38};
  setup.options.adam.weightDecay = 100; // of which the product is not finite
  setup.options.steps = 1;
  Trained run(setup);
  EXPECT_EQ(exitCode(run.result.status()), 1);
  EXPECT_THAT(run.result, IsError("it is not saved; table is written by fake_adamw at bigram "
                                  "(launch 4)\nreplay: "));
  auto newest = findNewestCheckpoint(FileLayer::system(), setup.options.out);
  ASSERT_THAT(newest, IsOk());
  EXPECT_FALSE(newest->newest);
}

TEST(Trainer, SignalMeansCheckpointAndStop) {
  TempFolder folder;
  Scenario setup;
  setup.options.out = folder / "out";
  setup.options.steps = 1000000;
  InterruptGuard guard;
  raise(SIGTERM);
  raise(SIGINT);
  Trained run(setup);
  ASSERT_THAT(run.result, IsOk());
  EXPECT_TRUE(run.result->interrupted);
  EXPECT_EQ(run.result->step, 0u);
  EXPECT_TRUE(std::filesystem::exists(folder / "out/step-00000000/model.safetensors"));
}

/// Asks the process to stop in the middle of a validation.
class StoppingData : public TrainingData {
public:
  StoppingData(std::unique_ptr<TrainingData> data, int at) : data_(std::move(data)), left_(at) {}
  void trainingBatch(uint64_t index, Batch &batch) const override {
    data_->trainingBatch(index, batch);
  }
  bool hasValidation() const override { return true; }
  void validationBatch(uint64_t index, Batch &batch) const override {
    if (left_-- == 0)
      raise(SIGTERM);
    data_->validationBatch(index, batch);
  }
  std::string describe() const override { return data_->describe(); }
  std::string fingerprint() const override { return data_->fingerprint(); }

private:
  std::unique_ptr<TrainingData> data_;
  mutable int left_;
};

TEST(Trainer, StoppedInAValidationItIsLoggedOnceByTheResumedRun) {
  TempFolder folder;
  Scenario setup;
  setup.options.steps = 4;
  setup.options.evalInterval = 2;
  setup.options.evalIters = 3;
  setup.options.log = folder / "whole.jsonl";
  ASSERT_THAT(Trained(setup).result, IsOk());
  for (int at = 0; at < 8; ++at) { // the last batch of all is too late to stop for
    std::string out = folder / std::to_string(at);
    setup.options.out = out;
    setup.options.log = out + ".jsonl";
    {
      InterruptGuard guard;
      std::unique_ptr<Session> session = fakeSession();
      auto trainer = Trainer::create(FileLayer::system(), *session,
                                     std::make_unique<StoppingData>(dataOf(setup.tokens), at),
                                     nullptr, setup.options, setup.state);
      ASSERT_THAT(trainer, IsOk());
      StatusOr<TrainerResult> result = (*trainer)->run();
      ASSERT_THAT(result, IsOk());
      EXPECT_TRUE(result->interrupted) << at;
    }
    auto found = findNewestCheckpoint(FileLayer::system(), out);
    ASSERT_TRUE(found.ok() && found->newest) << at;
    ASSERT_THAT(Trained(setup, found->newest->path).result, IsOk());
    EXPECT_EQ(withoutRates(slurp(out + ".jsonl")), withoutRates(slurp(folder / "whole.jsonl")))
        << at;
  }
}

TEST(Trainer, StepsZeroWritesTheBeginning) {
  TempFolder folder;
  Scenario setup;
  setup.options.steps = 0;
  setup.options.out = folder / "out";
  Trained run(setup);
  ASSERT_THAT(run.result, IsOk());
  EXPECT_TRUE(std::filesystem::exists(folder / "out/step-00000000/model.textproto"));
}

TEST(Trainer, NonsenseIsRefused) {
  auto session = fakeSession();
  auto create = [&](auto change) {
    Scenario setup;
    change(setup.options);
    return Trainer::create(FileLayer::system(), *session, dataOf(setup.tokens, 0), nullptr,
                           setup.options, setup.state)
        .status();
  };
  EXPECT_THAT(create([](auto &o) { o.gradClip = -1; }), IsBadInput("--grad-clip"));
  EXPECT_THAT(create([](auto &o) { o.gradAccum = 0; }), IsBadInput("--grad-accum"));
  EXPECT_THAT(create([](auto &o) { o.rate.lr = -1; }), IsBadInput("--lr"));
  EXPECT_THAT(create([](auto &o) { o.evalInterval = 5; }), IsBadInput("no validation data"));
}

TEST(TrainingState, DamagedFilesAreNamed) {
  TempFolder folder;
  TrainingState state;
  state.seed = ~uint64_t{0};
  state.step = 5;
  std::string good = printTrainingState(state), path = folder / "training_state.json";
  spill(path, good);
  auto read = readTrainingState(FileLayer::system(), path);
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->seed, state.seed);
  EXPECT_EQ(read->step, 5u);
  auto damaged = [&](const char *from, const char *to) {
    std::string text = good;
    text.replace(text.find(from), std::string(from).size(), to);
    spill(path, text);
    return readTrainingState(FileLayer::system(), path).status();
  };
  EXPECT_THAT(damaged("\"step\": 5", "\"step\": -5"), IsBadInput("step"));
  EXPECT_THAT(damaged("\"format\": 1", "\"format\": 2"), IsBadInput("format"));
  EXPECT_THAT(damaged("18446744073709551615", "18446744073709551616"), IsBadInput("seed"));
  EXPECT_THAT(damaged("\"updates\"", "\"updated\""), IsBadInput("updates"));
}

} // namespace
} // namespace heddle::runtime
