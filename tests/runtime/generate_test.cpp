// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <map>

#include "runtime/generate/Generator.h"
#include "runtime/text/Tokenizer.h"
#include "tests/runtime/FakeModel.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;
constexpr int64_t V = kFakeVocab;

const std::vector<float> kLogits = {std::log(0.1f), std::log(0.4f), std::log(0.2f), std::log(0.3f)};

/// How often each token comes in 4,000 draws.
std::map<int, double> shares(const SamplingOptions &options, std::vector<int32_t> history = {}) {
  std::map<int, double> counts;
  for (int i = 0; i < 4000; ++i) {
    auto picked = sample(options, kLogits.data(), 4, history, 0, i);
    EXPECT_THAT(picked, IsOk());
    counts[picked->id] += 1.0 / 4000;
  }
  return counts;
}

TEST(Sampler, GreedyTakesTheLikeliest) {
  SamplingOptions options;
  options.temperature = 0;
  auto picked = sample(options, kLogits.data(), 4, {}, 0, 0);
  ASSERT_THAT(picked, IsOk());
  EXPECT_EQ(picked->id, 1);
  EXPECT_NEAR(picked->logProbability, std::log(0.4), 1e-6);
  float equal[] = {1, 3, 3};
  EXPECT_EQ(sample(options, equal, 3, {}, 0, 0)->id, 1);
}

TEST(Sampler, DrawsFollowTheProbabilities) {
  auto got = shares({});
  EXPECT_NEAR(got[0], 0.1, 0.03);
  EXPECT_NEAR(got[1], 0.4, 0.03);
  EXPECT_NEAR(got[2], 0.2, 0.03);
  EXPECT_NEAR(got[3], 0.3, 0.03);
}

TEST(Sampler, TemperatureSharpens) {
  SamplingOptions options;
  options.temperature = 0.5; // squares the probabilities
  EXPECT_NEAR(shares(options)[1], 0.16 / 0.30, 0.03);
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

TEST(Sampler, RepetitionIsPenalized) {
  SamplingOptions options;
  options.temperature = 0;
  options.repetitionPenalty = 1.5;
  EXPECT_EQ(sample(options, kLogits.data(), 4, {1, 1}, 0, 0)->id, 3);
}

TEST(Sampler, SeedsRepeat) {
  SamplingOptions a, b;
  b.seed = 1;
  int same = 0;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(sample(a, kLogits.data(), 4, {}, 2, i)->id,
              sample(a, kLogits.data(), 4, {}, 2, i)->id);
    same +=
        sample(a, kLogits.data(), 4, {}, 2, i)->id == sample(b, kLogits.data(), 4, {}, 2, i)->id;
  }
  EXPECT_LT(same, 60);
}

TEST(Sampler, EveryPromptAndPositionDrawsAnew) {
  SamplingOptions options;
  options.seed = 3;
  std::vector<float> logits(50, 0.0f);
  auto pick = [&](uint64_t prompt, uint64_t position) {
    return sample(options, logits.data(), 50, {}, prompt, position)->id;
  };
  int acrossPrompts = 0, acrossPositions = 0;
  for (uint64_t i = 0; i < 200; ++i) {
    acrossPrompts += pick(0, i) == pick(1, i);
    acrossPositions += pick(0, i) == pick(0, i + 1);
  }
  EXPECT_LT(acrossPrompts, 20); // one in fifty by chance
  EXPECT_LT(acrossPositions, 20);
}

TEST(Sampler, NonsenseIsRefused) {
  float bad[] = {1, NAN};
  EXPECT_THAT(sample({}, bad, 2, {}, 0, 0), IsError("the logit of token 1 is nan"));
  EXPECT_THAT(checkSampling({-1}), IsBadInput("--temperature"));
  EXPECT_THAT(checkSampling({1, -1}), IsBadInput("--top-k"));
  EXPECT_THAT(checkSampling({1, 0, 0}), IsBadInput("--top-p"));
  EXPECT_THAT(checkSampling({1, 0, 1, 2}), IsBadInput("--min-p"));
  EXPECT_THAT(checkSampling({1, 0, 1, 0, 0}), IsBadInput("--repetition-penalty"));
}

GenerateOptions greedy(int64_t tokens) {
  GenerateOptions options;
  options.sampling.temperature = 0;
  options.maxNewTokens = tokens;
  return options;
}

/// What the fake model's greedy answer is: the row of the table is the sum of the last T tokens.
std::vector<int32_t> expected(Session &session, std::vector<int32_t> tokens, int64_t count) {
  const float *table = static_cast<const float *>(session.find("table")->data());
  std::vector<int32_t> answer;
  for (int64_t i = 0; i < count; ++i) {
    int64_t sum = 0;
    for (size_t t = tokens.size() > kFakeSeq ? tokens.size() - kFakeSeq : 0; t < tokens.size(); ++t)
      sum += tokens[t];
    const float *row = table + sum % V * V;
    auto next = static_cast<int32_t>(std::max_element(row, row + V) - row);
    tokens.push_back(next);
    answer.push_back(next);
  }
  return answer;
}

TEST(Generate, DecodesWithTheCacheAndBeyondTheWindow) {
  auto session = fakeSession();
  // Three prompts of different lengths in a batch of two; 12 tokens outgrow the 8 compiled.
  std::vector<std::vector<int32_t>> prompts = {{1, 2, 3}, {77}, {5, 6, 7, 8, 9, 10, 11, 12}};
  auto answers = generate(*session, nullptr, prompts, greedy(12));
  ASSERT_THAT(answers, IsOk());
  ASSERT_EQ(answers->size(), 3u);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ((*answers)[i].ids, expected(*session, prompts[i], 12)) << i;
  EXPECT_LT((*answers)[0].score, 0);
}

TEST(Generate, AnswersDoNotDependOnTheirGroup) {
  auto session = fakeSession();
  GenerateOptions options;
  options.maxNewTokens = 5;
  auto together = generate(*session, nullptr, {{1, 2}, {3, 4}, {5, 6}}, options);
  auto again = generate(*session, nullptr, {{1, 2}, {9}, {5, 6}}, options);
  ASSERT_THAT(together, IsOk());
  EXPECT_EQ((*together)[0].ids, (*again)[0].ids);
  EXPECT_EQ((*together)[2].ids, (*again)[2].ids);
}

TEST(Generate, StopsAtEndTokensAndStopTexts) {
  auto session = fakeSession();
  auto tokenizer = makeByteTokenizer();
  std::vector<int32_t> all = expected(*session, {65}, 6);
  GenerateOptions options = greedy(6);
  options.endIds = {all[3]};
  auto answers = generate(*session, tokenizer.get(), {{65}}, options);
  ASSERT_THAT(answers, IsOk());
  EXPECT_EQ((*answers)[0].ids, std::vector<int32_t>(all.begin(), all.begin() + 4));

  options = greedy(6);
  options.stopTexts = {tokenizer->decode({all[2], all[3]})};
  std::string streamed;
  answers = generate(*session, tokenizer.get(), {{65}}, options,
                     [&](size_t, const std::string &piece) { streamed += piece; });
  ASSERT_THAT(answers, IsOk());
  EXPECT_EQ((*answers)[0].text, tokenizer->decode({all[0], all[1]}));
  EXPECT_EQ(streamed, (*answers)[0].text);
  EXPECT_EQ((*answers)[0].ids.size(), 4u);
}

TEST(Generate, StreamedPiecesMakeUpTheText) {
  auto session = fakeSession();
  auto tokenizer = makeByteTokenizer();
  GenerateOptions options = greedy(7);
  options.stopTexts = {"never in there"};
  std::string streamed;
  auto answers = generate(*session, tokenizer.get(), {{65}}, options,
                          [&](size_t, const std::string &piece) { streamed += piece; });
  ASSERT_THAT(answers, IsOk());
  EXPECT_EQ(streamed.size(), 7u);
  EXPECT_EQ(streamed, (*answers)[0].text);
}

TEST(Generate, WrongPromptsAreNamed) {
  auto session = fakeSession();
  EXPECT_THAT(generate(*session, nullptr, {{1}, {}}, greedy(1)), IsBadInput("prompt 2 is empty"));
  EXPECT_THAT(generate(*session, nullptr, {std::vector<int32_t>(9, 1)}, greedy(1)),
              IsBadInput("prompt 1 has 9 tokens, the executable is compiled for sequences of 8"));
  EXPECT_THAT(generate(*session, nullptr, {{1}}, greedy(-1)), IsBadInput("--max-new-tokens"));
  auto none = generate(*session, nullptr, {{1}}, greedy(0));
  ASSERT_THAT(none, IsOk());
  EXPECT_TRUE((*none)[0].ids.empty());
}

} // namespace
} // namespace heddle::runtime
