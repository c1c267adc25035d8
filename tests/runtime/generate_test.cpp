// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <set>

#include "runtime/base/Utf8.h"
#include "runtime/generate/Generator.h"
#include "runtime/generate/Logits.h"
#include "runtime/text/Tokenizer.h"
#include "tests/runtime/FakeModel.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;
constexpr int64_t V = kFakeVocab;

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

TEST(Generate, AnswersDoNotDependOnOtherPrompts) {
  auto session = fakeSession();
  GenerateOptions options;
  options.maxNewTokens = 9; // the longer prompts outgrow the window on the way
  std::vector<std::vector<int32_t>> prompts = {{1, 2}, {3, 4, 5, 6, 7}, {8}, {1, 2}};
  auto together = generate(*session, nullptr, prompts, options);
  ASSERT_THAT(together, IsOk());
  for (size_t i = 0; i < 3; ++i) {
    auto alone = generate(*session, nullptr, {prompts[i]}, options);
    ASSERT_THAT(alone, IsOk());
    EXPECT_EQ((*together)[i].ids, (*alone)[0].ids) << i;
    EXPECT_EQ((*together)[i].score, (*alone)[0].score) << i;
  }
  EXPECT_NE((*together)[3].ids, (*together)[0].ids); // a second try
}

/// log softmax of what follows `tokens` in the fake model.
std::vector<double> following(Session &session, const std::vector<int32_t> &tokens) {
  const float *table = static_cast<const float *>(session.find("table")->data());
  int64_t sum = 0;
  for (size_t t = tokens.size() > kFakeSeq ? tokens.size() - kFakeSeq : 0; t < tokens.size(); ++t)
    sum += tokens[t];
  auto logs = logProbabilities(table + sum % V * V, V);
  EXPECT_THAT(logs, IsOk());
  return *logs;
}

double scoreOf(Session &session, std::vector<int32_t> tokens, const std::vector<int32_t> &answer) {
  double score = 0;
  for (int32_t id : answer) {
    score += following(session, tokens)[id];
    tokens.push_back(id);
  }
  return score;
}

TEST(Generate, BeamsAreTheSearchOverTheModel) {
  auto session = fakeSession();
  GenerateOptions options;
  options.beams.beams = 2;
  options.maxNewTokens = 7;
  for (std::vector<int32_t> prompt :
       {std::vector<int32_t>{7}, {200, 3, 99, 1}, {5, 6, 7, 8, 9, 1}}) {
    auto answers = generate(*session, nullptr, {prompt}, options);
    ASSERT_THAT(answers, IsOk());
    BeamOptions plain = options.beams;
    plain.maxNewTokens = options.maxNewTokens;
    BeamSearch search(plain, prompt);
    while (!search.done()) {
      std::vector<std::vector<float>> rows;
      std::vector<const float *> pointers;
      for (const BeamSearch::Beam &beam : search.running()) {
        std::vector<int32_t> tokens = prompt;
        tokens.insert(tokens.end(), beam.ids.begin(), beam.ids.end());
        auto logs = following(*session, tokens);
        rows.emplace_back(logs.begin(), logs.end());
      }
      for (const std::vector<float> &row : rows)
        pointers.push_back(row.data());
      ASSERT_THAT(search.advance(pointers, V), IsOk());
    }
    EXPECT_EQ((*answers)[0].ids, search.finished()[0].ids);
    EXPECT_NEAR((*answers)[0].score, scoreOf(*session, prompt, (*answers)[0].ids) / 7, 1e-5);
  }
}

TEST(Generate, BeamsNeedRows) {
  auto session = fakeSession();
  GenerateOptions options;
  options.beams.beams = 3;
  EXPECT_THAT(generate(*session, nullptr, {{1}}, options),
              IsBadInput("--beams 3: each beam is a sequence of the batch, and the executable is "
                         "compiled for batch 2; compile it with --batch 3"));
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

TEST(Generate, PiecesEndWhereCharactersEnd) {
  auto session = fakeSession();
  auto tokenizer = makeByteTokenizer();
  std::vector<std::string> pieces;
  GenerateOptions options;
  options.maxNewTokens = 300;
  auto answers = generate(*session, tokenizer.get(), {{65}}, options,
                          [&](size_t, const std::string &piece) { pieces.push_back(piece); });
  ASSERT_THAT(answers, IsOk());
  const std::string &text = (*answers)[0].text;
  std::set<size_t> borders = {0};
  for (size_t at = 0; at < text.size(); borders.insert(at))
    at += std::max<size_t>(1, utf8SequenceLength(text, at));
  size_t end = 0;
  for (const std::string &piece : pieces) {
    EXPECT_EQ(text.substr(end, piece.size()), piece);
    EXPECT_TRUE(borders.count(end += piece.size())) << end;
  }
  EXPECT_EQ(end, text.size());
  EXPECT_LT(pieces.size(), 290u); // random bytes begin many characters
}

TEST(Generate, StopTextsEndBeams) {
  auto session = fakeSession();
  auto tokenizer = makeByteTokenizer();
  GenerateOptions options;
  options.beams.beams = 2;
  options.maxNewTokens = 5;
  auto whole = generate(*session, tokenizer.get(), {{65}}, options);
  ASSERT_THAT(whole, IsOk());
  ASSERT_EQ((*whole)[0].ids.size(), 5u);
  options.stopTexts = {tokenizer->decode({(*whole)[0].ids[1], (*whole)[0].ids[2]})};
  auto cut = generate(*session, tokenizer.get(), {{65}}, options);
  ASSERT_THAT(cut, IsOk());
  EXPECT_EQ((*cut)[0].text.find(options.stopTexts[0]), std::string::npos);
  EXPECT_LE((*cut)[0].text.size(), 5u);
}

TEST(Generate, WithoutATokenizerIdsAreStreamed) {
  auto session = fakeSession();
  std::string streamed;
  auto answers = generate(*session, nullptr, {{65}}, greedy(3),
                          [&](size_t, const std::string &piece) { streamed += piece; });
  ASSERT_THAT(answers, IsOk());
  const std::vector<int32_t> &ids = (*answers)[0].ids;
  EXPECT_EQ(streamed, absl::StrCat(ids[0], ",", ids[1], ",", ids[2]));
  EXPECT_EQ((*answers)[0].continuation, streamed);
  EXPECT_EQ((*answers)[0].text, "");
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
