// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <map>

#include "runtime/generate/Sampler.h"
#include "tests/runtime/GenerationGolden.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;

const std::vector<float> kLogits = {std::log(0.1f), std::log(0.4f), std::log(0.2f), std::log(0.3f)};
const RandomStream kStream = promptStream(0, {1, 2}, 0);

/// How often each token comes in 4,000 draws.
std::map<int, double> shares(const SamplingOptions &options, std::vector<int32_t> history = {}) {
  std::map<int, double> counts;
  for (int i = 0; i < 4000; ++i) {
    auto picked = sample(options, kLogits.data(), 4, history, kStream, i);
    EXPECT_THAT(picked, IsOk());
    counts[picked->id] += 1.0 / 4000;
  }
  return counts;
}

TEST(Sampler, GreedyTakesTheLikeliest) {
  SamplingOptions options;
  options.temperature = 0;
  auto picked = sample(options, kLogits.data(), 4, {}, kStream, 0);
  ASSERT_THAT(picked, IsOk());
  EXPECT_EQ(picked->id, 1);
  EXPECT_NEAR(picked->logProbability, std::log(0.4), 1e-6);
  float equal[] = {1, 3, 3};
  EXPECT_EQ(sample(options, equal, 3, {}, kStream, 0)->id, 1);
}

TEST(Sampler, DrawsFollowTheProbabilities) {
  auto got = shares({});
  EXPECT_NEAR(got[0], 0.1, 0.03);
  EXPECT_NEAR(got[1], 0.4, 0.03);
  EXPECT_NEAR(got[2], 0.2, 0.03);
  EXPECT_NEAR(got[3], 0.3, 0.03);
}

TEST(Sampler, TakesNothingForbidden) {
  for (double temperature : {0.0, 1.0}) {
    SamplingOptions options;
    options.temperature = temperature;
    auto picked =
        sample(options, kLogits.data(), 4, {}, kStream, 0, {.forbidden = {0, 1, 2, 70, -1}});
    ASSERT_THAT(picked, IsOk());
    EXPECT_EQ(picked->id, 3);
    EXPECT_NEAR(picked->logProbability, std::log(0.3), 1e-6); // the model's own
    EXPECT_EQ(sample(options, kLogits.data(), 4, {}, kStream, 0, {2, {2}})->id, 2);
    EXPECT_EQ(sample(options, kLogits.data(), 4, {}, kStream, 0, {.forbidden = {0, 1, 2, 3}})
                  .status()
                  .code(),
              absl::StatusCode::kFailedPrecondition);
  }
}

TEST(Sampler, TemperatureSharpens) {
  SamplingOptions options;
  options.temperature = 0.5; // squares the probabilities
  EXPECT_NEAR(shares(options)[1], 0.16 / 0.30, 0.03);
  options.temperature = 1e-320; // all logits but the highest become -infinity
  EXPECT_NEAR(shares(options)[1], 1, 1e-9);
}

TEST(Sampler, TopKAndTopPAndMinPCutTheTail) {
  SamplingOptions options;
  options.topK = 2;
  auto got = shares(options);
  EXPECT_EQ(got.size(), 2u);
  EXPECT_NEAR(got[1], 4.0 / 7, 0.03);
  options = {};
  options.topP = 0.69; // 0.4 is not enough, 0.4 + 0.3 is
  EXPECT_EQ(shares(options).size(), 2u);
  options.topP = 0.3;
  EXPECT_EQ(shares(options).size(), 1u);
  options = {};
  options.minP = 0.6; // of 0.4: 0.24
  EXPECT_EQ(shares(options).size(), 2u);
  options.topK = 1;
  EXPECT_EQ(shares(options).size(), 1u);
}

TEST(Sampler, LeavesWhatTheProcessorsOfTransformersLeave) {
  GenerationGolden golden("sampling.json");
  int cut = 0;
  for (const JsonRef &one : golden.cases()) {
    SamplingOptions options;
    options.repetitionPenalty = *one.getNumber("repetition_penalty");
    options.temperature = *one.getNumber("temperature");
    options.topK = *one.getInteger("top_k");
    options.topP = *one.getNumber("top_p");
    options.minP = *one.getNumber("min_p");
    auto logits = numbersOf<float>(*one.at("logits"));
    auto expected = numbersOf<double>(*one.at("probabilities"));
    std::vector<double> got(logits.size());
    double sum = 0;
    auto candidates =
        candidatesOf(options, logits.data(), logits.size(), numbersOf<int32_t>(*one.at("history")));
    ASSERT_THAT(candidates, IsOk());
    for (const Candidate &left : *candidates)
      sum += got[left.id] = std::exp(left.logit);
    for (size_t i = 0; i < got.size(); ++i) {
      EXPECT_NEAR(got[i] / sum, expected[i], 1e-6) << one.path() << " token " << i;
      cut += expected[i] == 0;
    }
  }
  EXPECT_GT(cut, 100);
}

TEST(Sampler, RepetitionIsPenalized) {
  SamplingOptions options;
  options.temperature = 0;
  options.repetitionPenalty = 1.5;
  EXPECT_EQ(sample(options, kLogits.data(), 4, {1, 1}, kStream, 0)->id, 3);
  options.temperature = 1;
  options.repetitionPenalty = 1e-320; // what has come must come again
  float logits[] = {1, 2, 3};
  EXPECT_EQ(sample(options, logits, 3, {0}, kStream, 0)->id, 0);
}

TEST(Sampler, SeedsRepeat) {
  int same = 0;
  for (int i = 0; i < 100; ++i) {
    auto pick = [&](uint64_t seed) {
      return sample({}, kLogits.data(), 4, {}, promptStream(seed, {5}, 0), i)->id;
    };
    EXPECT_EQ(pick(0), pick(0));
    same += pick(0) == pick(1);
  }
  EXPECT_LT(same, 60);
}

TEST(Sampler, EveryPromptAndCopyAndPositionDrawsAnew) {
  std::vector<float> logits(50, 0.0f);
  auto pick = [&](std::vector<int32_t> prompt, uint64_t copy, uint64_t position) {
    return sample({}, logits.data(), 50, {}, promptStream(3, prompt, copy), position)->id;
  };
  int acrossPrompts = 0, acrossCopies = 0, acrossPositions = 0;
  for (uint64_t i = 0; i < 200; ++i) {
    acrossPrompts += pick({1, 23}, 0, i) == pick({12, 3}, 0, i);
    acrossCopies += pick({1}, 0, i) == pick({1}, 1, i);
    acrossPositions += pick({1}, 0, i) == pick({1}, 0, i + 1);
  }
  EXPECT_LT(acrossPrompts, 20); // one in fifty by chance
  EXPECT_LT(acrossCopies, 20);
  EXPECT_LT(acrossPositions, 20);
}

TEST(Sampler, NonsenseIsRefused) {
  float bad[] = {1, NAN}, none[] = {-INFINITY, -INFINITY};
  EXPECT_THAT(sample({}, bad, 2, {}, kStream, 0), IsError("the logit of token 1 is nan"));
  EXPECT_THAT(sample({}, none, 2, {}, kStream, 0), IsError("every logit is -infinity"));
  EXPECT_THAT(checkSampling({-1}), IsBadInput("--temperature"));
  EXPECT_THAT(checkSampling({1, -1}), IsBadInput("--top-k"));
  EXPECT_THAT(checkSampling({1, 0, 0}), IsBadInput("--top-p"));
  EXPECT_THAT(checkSampling({1, 0, 1, 2}), IsBadInput("--min-p"));
  EXPECT_THAT(checkSampling({1, 0, 1, 0, 0}), IsBadInput("--repetition-penalty"));
}

} // namespace
} // namespace heddle::runtime
