// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "runtime/generate/BeamSearch.h"
#include "tests/runtime/GenerationGolden.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;
using Ids = std::vector<int32_t>;

/// Logits by the position of the last token and that token: [positions][V][V].
struct Table {
  std::vector<std::vector<std::vector<float>>> logits;

  explicit Table(const JsonRef &json) {
    for (const JsonRef &position : elementsOf(json)) {
      logits.emplace_back();
      for (const JsonRef &row : elementsOf(position))
        logits.back().push_back(numbersOf<float>(row));
    }
  }

  std::vector<const float *> after(const Ids &prompt, const BeamSearch &search) const {
    std::vector<const float *> rows;
    for (const BeamSearch::Beam &beam : search.running()) {
      int32_t last = beam.ids.empty() ? prompt.back() : beam.ids.back();
      rows.push_back(logits[prompt.size() + beam.ids.size() - 1][last].data());
    }
    return rows;
  }
  int64_t vocabSize() const { return static_cast<int64_t>(logits[0].size()); }
};

EarlyStopping earlyStoppingOf(const JsonValue &value) {
  if (!value.boolean())
    return EarlyStopping::Never;
  return *value.boolean() ? EarlyStopping::WhenFull : EarlyStopping::WhenUnlikely;
}

TokenRules rulesOf(const JsonRef &json) {
  TokenRules rules;
  rules.minLength = json.getInteger("min_length", 0).value();
  rules.minNewTokens = json.getInteger("min_new_tokens", 0).value();
  rules.noRepeatNgram = *json.getInteger("no_repeat_ngram_size");
  if (auto words = json.find("bad_words_ids"))
    for (const JsonRef &word : elementsOf(*words))
      rules.badWords.push_back(numbersOf<int32_t>(word));
  if (auto tokens = json.find("suppress_tokens"))
    rules.suppressed = numbersOf<int32_t>(*tokens);
  if (auto tokens = json.find("begin_suppress_tokens"))
    rules.suppressedFirst = numbersOf<int32_t>(*tokens);
  return rules;
}

BeamOptions optionsOf(const JsonRef &one) {
  BeamOptions options;
  options.beams = *one.getInteger("num_beams");
  options.lengthPenalty = *one.getNumber("length_penalty");
  options.earlyStopping = earlyStoppingOf(one.at("early_stopping")->value());
  options.repetitionPenalty = *one.getNumber("repetition_penalty");
  options.maxNewTokens = *one.getInteger("max_new_tokens");
  options.endIds = numbersOf<int32_t>(*one.at("eos"));
  if (auto rules = one.find("rules"))
    options.rules = rulesOf(*rules);
  return options;
}

/// Counts the answers that end before they must.
void compare(const GenerationGolden &golden, int &endedEarly) {
  std::vector<Table> tables;
  for (const JsonRef &table : elementsOf(*golden.root().at("tables")))
    tables.emplace_back(table);
  for (const JsonRef &one : golden.cases()) {
    const Table &table = tables[*one.getInteger("table")];
    Ids prompt = numbersOf<int32_t>(*one.at("prompt"));
    BeamOptions options = optionsOf(one);
    BeamSearch search(options, prompt);
    while (!search.done())
      ASSERT_THAT(search.advance(table.after(prompt, search), table.vocabSize()), IsOk());
    const BeamSearch::Beam &best = search.finished().front();
    EXPECT_EQ(best.ids, numbersOf<int32_t>(*one.at("ids"))) << one.path();
    double score = *one.getNumber("score");
    EXPECT_NEAR(best.score, score, 1e-5 * std::max(1.0, std::abs(score))) << one.path();
    endedEarly += static_cast<int64_t>(best.ids.size()) < options.maxNewTokens;
  }
}

TEST(BeamSearch, AnswersAndScoresAreThoseOfTransformers) {
  int endedEarly = 0;
  compare(GenerationGolden("beams.json"), endedEarly);
  EXPECT_GT(endedEarly, 20);
}

TEST(BeamSearch, FollowsRulesAsTransformersDo) {
  int endedEarly = 0;
  compare(GenerationGolden("rules.json"), endedEarly);
  EXPECT_GT(endedEarly, 5);
}

BeamOptions twoBeams(int64_t tokens) {
  BeamOptions options;
  options.beams = 2;
  options.maxNewTokens = tokens;
  return options;
}

const std::vector<float> kStepLogits = {std::log(0.1f), std::log(0.4f), std::log(0.2f),
                                        std::log(0.3f)};

TEST(BeamSearch, BeginsWithOneBeamAndNamesParents) {
  BeamSearch search(twoBeams(3), {9});
  ASSERT_EQ(search.running().size(), 1u);
  ASSERT_THAT(search.advance({kStepLogits.data()}, 4), IsOk());
  ASSERT_EQ(search.running().size(), 2u);
  EXPECT_EQ(search.running()[0].ids, Ids({1}));
  EXPECT_EQ(search.running()[1].ids, Ids({3}));
  // The second beam, sure of itself, takes both places.
  std::vector<float> flat(4, 0.0f), sure = {0, 9, 9, 0};
  ASSERT_THAT(search.advance({flat.data(), sure.data()}, 4), IsOk());
  for (const BeamSearch::Beam &beam : search.running())
    EXPECT_EQ(beam.parent, 1);
  EXPECT_EQ(search.running()[0].ids, Ids({3, 1}));
  EXPECT_EQ(search.running()[1].ids, Ids({3, 2}));
}

TEST(BeamSearch, OtherEndsEndAnswersToo) {
  auto endsWithOne = [](const Ids &ids) { return ids.back() == 1; };
  BeamSearch search(twoBeams(9), {9}, endsWithOne);
  ASSERT_THAT(search.advance({kStepLogits.data()}, 4), IsOk());
  ASSERT_EQ(search.finished().size(), 1u);
  EXPECT_EQ(search.finished()[0].ids, Ids({1}));
  EXPECT_NEAR(search.finished()[0].score, std::log(0.4), 1e-6);
  EXPECT_FALSE(search.done());
  auto always = [](const Ids &) { return true; };
  BeamSearch over(twoBeams(9), {9}, always);
  ASSERT_THAT(over.advance({kStepLogits.data()}, 4), IsOk());
  EXPECT_TRUE(over.done()); // nothing runs on
  EXPECT_EQ(over.finished().size(), 2u);
}

TEST(BeamSearch, SmallVocabulariesAndNoTokens) {
  BeamOptions many = twoBeams(2);
  many.beams = 10; // of 4 answers of one token
  BeamSearch search(many, {9});
  ASSERT_THAT(search.advance({kStepLogits.data()}, 4), IsOk());
  EXPECT_EQ(search.running().size(), 4u);
  std::vector<const float *> rows(4, kStepLogits.data());
  ASSERT_THAT(search.advance(rows, 4), IsOk());
  EXPECT_TRUE(search.done());
  EXPECT_EQ(search.finished().front().ids, Ids({1, 1}));

  BeamSearch none(twoBeams(0), {9});
  EXPECT_TRUE(none.done());
  EXPECT_TRUE(none.finished().front().ids.empty());
}

TEST(BeamSearch, NonsenseIsRefused) {
  BeamSearch search(twoBeams(2), {9});
  float bad[] = {1, NAN};
  EXPECT_THAT(search.advance({bad}, 2), IsError("the logit of token 1 is nan"));
  BeamOptions options;
  options.beams = 0;
  EXPECT_THAT(checkBeams(options), IsBadInput("--beams"));
  options.beams = 2;
  options.lengthPenalty = INFINITY;
  EXPECT_THAT(checkBeams(options), IsBadInput("--length-penalty"));
}

} // namespace
} // namespace heddle::runtime
