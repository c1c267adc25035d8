// SPDX-License-Identifier: Apache-2.0
// The training loop against the same training written out in double precision: which batch a step
// takes, with which random state, what is accumulated, skipped and counted.
#include <cmath>
#include <set>

#include "runtime/io/FileLayer.h"
#include "runtime/train/Interrupt.h"
#include "runtime/train/Trainer.h"
#include "tests/runtime/FakeModel.h"
#include "tests/runtime/FaultyFileCalls.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;

constexpr int64_t V = kFakeVocab, kTokens = kFakeBatch * kFakeSeq;
constexpr uint64_t kSeed = 5;

/// No two batches are alike. The fake model's loss is NaN for those of `poisoned`.
class NumberedBatches : public TrainingData {
public:
  explicit NumberedBatches(std::set<uint64_t> poisoned) : poisoned_(std::move(poisoned)) {}

  void trainingBatch(uint64_t index, Batch &batch) const override {
    fill(index, batch);
    if (poisoned_.contains(index))
      batch.inputIds[3] = 255;
  }
  bool hasValidation() const override { return true; }
  void validationBatch(uint64_t index, Batch &batch) const override { fill(1000 + index, batch); }
  std::string describe() const override { return "numbered batches"; }
  std::string fingerprint() const override { return "numbered"; }

private:
  static void fill(uint64_t index, Batch &batch) {
    batch.inputIds.resize(kTokens);
    batch.targets.resize(kTokens);
    for (int64_t i = 0; i < kTokens; ++i) {
      batch.inputIds[i] = static_cast<int32_t>((index * 31 + i * 7) % 250);
      batch.targets[i] = static_cast<int32_t>((index * 17 + i * 5 + 1) % 250);
    }
  }

  std::set<uint64_t> poisoned_;
};

/// The bigram model of fake_kernels.c and the loop around it.
class Reference {
public:
  Reference(const TrainerOptions &options, const TrainingData &data, const float *table)
      : options_(options), data_(data), table_(table, table + V * V), m_(V * V), v_(V * V) {}

  void step() {
    std::vector<double> gradient(V * V);
    double loss = 0;
    for (int64_t micro = 0; micro < options_.gradAccum; ++micro) {
      data_.trainingBatch(steps * options_.gradAccum + micro, batch_);
      double disturbance = 1 + 0.001 * static_cast<double>((kSeed + 7 * steps + micro) % 13);
      loss += addGradient(disturbance / static_cast<double>(options_.gradAccum), gradient);
    }
    loss /= static_cast<double>(options_.gradAccum);
    ++steps;
    if (std::isnan(loss))
      return;
    lastLoss = loss;
    update(gradient);
  }

  double validationLoss() {
    double sum = 0;
    for (uint64_t i = 0; i < options_.evalIters; ++i) {
      data_.validationBatch(i, batch_);
      std::vector<double> ignored(V * V);
      sum += addGradient(0, ignored);
    }
    return sum / static_cast<double>(options_.evalIters);
  }

  const std::vector<double> &table() const { return table_; }
  const std::vector<double> &m() const { return m_; }
  const std::vector<double> &v() const { return v_; }

  uint64_t steps = 0, updates = 0;
  double lastLoss = 0;

private:
  /// The mean loss of batch_; adds `weight` times its gradient.
  double addGradient(double weight, std::vector<double> &gradient) {
    double loss = 0;
    for (int64_t i = 0; i < kTokens; ++i) {
      if (batch_.inputIds[i] == 255)
        return NAN;
      const double *row = &table_[batch_.inputIds[i] * V];
      double sum = 0;
      for (int64_t c = 0; c < V; ++c)
        sum += std::exp(row[c]);
      double *to = &gradient[batch_.inputIds[i] * V];
      for (int64_t c = 0; c < V; ++c)
        to[c] += weight / kTokens * (std::exp(row[c]) / sum - (c == batch_.targets[i]));
      loss += std::log(sum) - row[batch_.targets[i]];
    }
    return loss / kTokens;
  }

  void update(const std::vector<double> &gradient) {
    ++updates;
    double squares = 0;
    for (double g : gradient)
      squares += g * g;
    double scale = options_.gradClip > 0
                       ? std::min(1.0, options_.gradClip / (std::sqrt(squares) + 1e-6))
                       : 1.0;
    const AdamW &adam = options_.adam;
    double t = static_cast<double>(updates), lr = options_.rate.lr;
    for (int64_t i = 0; i < V * V; ++i) {
      double g = gradient[i] * scale;
      m_[i] = adam.beta1 * m_[i] + (1 - adam.beta1) * g;
      v_[i] = adam.beta2 * v_[i] + (1 - adam.beta2) * g * g;
      double mean = m_[i] / (1 - std::pow(adam.beta1, t));
      double spread = std::sqrt(v_[i] / (1 - std::pow(adam.beta2, t)));
      table_[i] += -lr * adam.weightDecay * table_[i] - lr * mean / (spread + adam.eps);
    }
  }

  const TrainerOptions &options_;
  const TrainingData &data_;
  std::vector<double> table_, m_, v_;
  Batch batch_;
};

struct Case {
  const char *name;
  int64_t gradAccum;
  double gradClip;
  std::set<uint64_t> poisoned; // batches
};

/// The largest difference, relative to the largest value.
double distance(Session &session, const std::string &name, const std::vector<double> &expected) {
  const float *found = static_cast<const float *>(session.find(name)->data());
  double largest = 0, difference = 0;
  for (int64_t i = 0; i < V * V; ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    difference = std::max(difference, std::abs(found[i] - expected[i]));
  }
  return difference / largest;
}

class TrainerReference : public testing::TestWithParam<Case> {};

TEST_P(TrainerReference, SameTraining) {
  TempFolder folder;
  TrainerOptions options;
  options.steps = 6;
  options.rate = {0.01};
  // Small betas, so that a step more or less in their corrections shows.
  options.adam = {0.05, 0.5, 0.6, 1e-4};
  options.gradAccum = GetParam().gradAccum;
  options.gradClip = GetParam().gradClip;
  options.skipNonFinite = true;
  options.evalInterval = 6;
  options.evalIters = 3;
  options.showProgress = false;
  options.out = folder / "out";
  TrainingState state;
  state.seed = kSeed;
  state.batch = kFakeBatch;
  state.seq = kFakeSeq;
  state.gradAccum = options.gradAccum;

  auto session = fakeSession();
  InterruptGuard guard; // forgets a signal that an earlier test of this process has sent
  NumberedBatches data(GetParam().poisoned);
  Reference reference(options, data, static_cast<const float *>(session->find("table")->data()));
  for (uint64_t i = 0; i < options.steps; ++i)
    reference.step();
  auto trainer = Trainer::create(FileLayer::system(), *session,
                                 std::make_unique<NumberedBatches>(GetParam().poisoned), nullptr,
                                 options, state);
  ASSERT_THAT(trainer, IsOk());
  auto result = (*trainer)->run();
  ASSERT_THAT(result, IsOk());

  // f32 against double over six steps.
  EXPECT_LT(distance(*session, "table", reference.table()), 1e-5);
  EXPECT_LT(distance(*session, "adam.m.table", reference.m()), 1e-5);
  EXPECT_LT(distance(*session, "adam.v.table", reference.v()), 1e-5);
  EXPECT_NEAR(*result->loss, reference.lastLoss, 1e-4);
  EXPECT_NEAR(*result->valLoss, reference.validationLoss(), 1e-4);
  EXPECT_EQ(result->skipped, reference.steps - reference.updates);
  auto saved = readTrainingState(FileLayer::system(), options.out + "/step-00000006/" + kStateFile);
  ASSERT_THAT(saved, IsOk());
  EXPECT_EQ(saved->updates, reference.updates);
  EXPECT_EQ(saved->skipped, reference.steps - reference.updates);
}

INSTANTIATE_TEST_SUITE_P(Loops, TrainerReference,
                         testing::Values(Case{"Plain", 1, 0, {}}, Case{"Clipped", 1, 0.05, {}},
                                         Case{"Skipping", 1, 0, {2, 3}},
                                         Case{"Accumulating", 3, 0, {}},
                                         // The second and the last micro-batch of two steps.
                                         Case{"SkippingMicroBatches", 3, 0, {4, 11}}),
                         [](const testing::TestParamInfo<Case> &info) {
                           return std::string(info.param.name);
                         });

TEST(TrainerProtocol, TheLogIsOnDiskBeforeTheCheckpointThatGoesOnFromIt) {
  TempFolder folder;
  InterruptGuard guard;
  auto session = fakeSession();
  FaultyFileCalls calls;
  FileLayer layer(calls);
  TrainerOptions options;
  options.steps = 4;
  options.checkpointInterval = 2;
  options.out = folder / "out";
  options.log = folder / "log.jsonl";
  options.showProgress = false;
  TrainingState state;
  state.batch = kFakeBatch;
  state.seq = kFakeSeq;
  auto trainer =
      Trainer::create(layer, *session, std::make_unique<NumberedBatches>(std::set<uint64_t>()),
                      nullptr, options, state);
  ASSERT_THAT(trainer, IsOk());
  calls.plan({});
  ASSERT_THAT((*trainer)->run(), IsOk());
  int written = 0, flushed = 0, checkpoints = 0;
  for (const std::string &call : calls.trace()) {
    written += call == "write " + options.log;
    if (call == "fsync " + options.log)
      flushed = written;
    if (call.starts_with("rename " + options.out + "/.tmp-step-")) {
      ++checkpoints;
      EXPECT_EQ(written, 2 * checkpoints) << "a line a step";
      EXPECT_EQ(flushed, written) << "lines of the log that a crash would lose";
    }
  }
  EXPECT_EQ(checkpoints, 2);
}

} // namespace
} // namespace heddle::runtime
