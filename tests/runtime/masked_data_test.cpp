// SPDX-License-Identifier: Apache-2.0
// What is masked, in which order rows come, which sentences meet.
#include <cmath>
#include <map>
#include <set>

#include "runtime/train/RowData.h"
#include "runtime/train/SentencePairs.h"
#include "tests/runtime/ObjectiveCase.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;
using testing::Each;
using testing::ElementsAre;

std::vector<bool> lettersAreOrdinary() {
  std::vector<bool> special(kWords);
  std::fill_n(special.begin(), 5, true);
  return special;
}

TEST(ShuffledIndex, IsAnOrderOfAllThatItsKeyGives) {
  std::set<std::vector<uint64_t>> orders;
  for (uint64_t count : {1, 2, 3, 7, 16, 17, 1000})
    for (uint32_t key : {0, 1, 2}) {
      std::set<uint64_t> seen;
      std::vector<uint64_t> order;
      for (uint64_t i = 0; i < count; ++i)
        order.push_back(shuffledIndex({key, 5}, i, count));
      seen.insert(order.begin(), order.end());
      EXPECT_EQ(seen.size(), count);
      EXPECT_LT(*seen.rbegin(), count);
      if (count == 1000)
        orders.insert(order);
    }
  EXPECT_EQ(orders.size(), 3u);
  // Each place is reached from each index about as often.
  std::map<uint64_t, int> first;
  for (uint32_t key = 0; key < 3000; ++key)
    ++first[shuffledIndex({key, 9}, 0, 3)];
  for (auto [place, times] : first)
    EXPECT_NEAR(times, 1000, 120) << place;
}

TEST(TokenMasker, MasksTheSharesThatThePaperSays) {
  TokenMasker masker(kMask, lettersAreOrdinary(), 7);
  int chosen = 0, masked = 0, same = 0, ordinary = 0;
  std::map<int32_t, int> random;
  for (uint64_t row = 0; row < 400; ++row) {
    Example example;
    for (int i = 0; i < 100; ++i)
      example.ids.push_back(i % 10 == 0 ? kSeparator : kA + i % 26);
    const std::vector<int32_t> before = example.ids;
    masker.apply(Part::Training, row, 100, example);
    for (int i = 0; i < 100; ++i) {
      ordinary += before[i] >= kA;
      if (example.targets[i] == -100) {
        EXPECT_EQ(example.ids[i], before[i]);
        continue;
      }
      EXPECT_EQ(example.targets[i], before[i]);
      EXPECT_GE(before[i], kA); // no special token
      ++chosen;
      masked += example.ids[i] == kMask;
      same += example.ids[i] == before[i];
      if (example.ids[i] != kMask && example.ids[i] != before[i])
        ++random[example.ids[i]];
    }
  }
  const double share = static_cast<double>(chosen) / ordinary;
  EXPECT_NEAR(share, 0.15, 0.006); // three deviations of 36,000 draws
  EXPECT_NEAR(static_cast<double>(masked) / chosen, 0.8 + 0.1 / 31, 0.018);
  EXPECT_NEAR(static_cast<double>(same) / chosen, 0.1 + 0.1 / 31, 0.014);
  EXPECT_GT(random.size(), 25u);
}

TEST(TokenMasker, DependsOnSeedPartAndRowOnly) {
  auto masked = [](uint64_t seed, Part part, uint64_t row) {
    Example example;
    example.ids.assign(200, kA);
    TokenMasker(kMask, lettersAreOrdinary(), seed).apply(part, row, 200, example);
    return example.ids;
  };
  EXPECT_EQ(masked(1, Part::Training, 3), masked(1, Part::Training, 3));
  EXPECT_NE(masked(1, Part::Training, 3), masked(2, Part::Training, 3));
  EXPECT_NE(masked(1, Part::Training, 3), masked(1, Part::Training, 4));
  EXPECT_NE(masked(1, Part::Training, 3), masked(1, Part::Validation, 3));
}

TEST(MaskedLm, RecordsAreFramedPaddedAndMasked) {
  OpenedRecords records("{\"text\":\"a b c\"}\n", objectiveOptions(Objective::MaskedLm, 2, 7));
  ASSERT_THAT(records.data, IsOk());
  for (uint64_t index = 0; index < 50; ++index) {
    Batch batch = records.batch(index);
    ASSERT_EQ(batch.inputIds.size(), 14u);
    int targets = 0;
    for (int i = 0; i < 14; ++i) {
      const int place = i % 7;
      EXPECT_EQ(batch.others["attention_mask"][i], place < 5);
      EXPECT_EQ(batch.others["token_type_ids"][i], 0);
      if (place == 0 || place > 3) {
        EXPECT_EQ(batch.inputIds[i], place == 0 ? kFirst : place == 4 ? kSeparator : kPad);
        EXPECT_EQ(batch.targets[i], -100);
      } else if (batch.targets[i] != -100) {
        EXPECT_EQ(batch.targets[i], kA + place - 1);
        ++targets;
      }
    }
    EXPECT_GT(targets, 0); // where chance chose none, one is chosen
  }
}

TEST(MaskedLm, WindowsOfATextHaveTheirSpecialTokens) {
  TempFolder folder;
  spill(folder / "t.txt", "a b c d e f g h i j k l m n o p q r s t");
  auto tokenizer = letterTokenizer();
  DataOptions options = objectiveOptions(Objective::MaskedLm, 4, 8);
  options.valSplit = 0.4;
  FileLayer &layer = FileLayer::system();
  auto data = openTrainingData(layer, folder / "t.txt", tokenizer.get(), options);
  ASSERT_THAT(data, IsOk());
  std::set<int32_t> starts;
  for (uint64_t index = 0; index < 60; ++index)
    for (bool validation : {false, true}) {
      Batch batch, again;
      validation ? (*data)->validationBatch(index, batch) : (*data)->trainingBatch(index, batch);
      validation ? (*data)->validationBatch(index, again) : (*data)->trainingBatch(index, again);
      EXPECT_EQ(batch.inputIds, again.inputIds);
      EXPECT_THAT(batch.others["attention_mask"], Each(1));
      for (int row = 0; row < 4; ++row) {
        EXPECT_EQ(batch.inputIds[8 * row], kFirst);
        EXPECT_EQ(batch.inputIds[8 * row + 7], kSeparator);
        for (int i = 1; i < 7; ++i) // of the part that it is from
          if (int32_t id = batch.targets[8 * row + i]; id != -100) {
            EXPECT_EQ(id >= kA + 12, validation);
          } else if (!validation && i == 1) {
            starts.insert(batch.inputIds[8 * row + 1]);
          }
      }
    }
  EXPECT_EQ(starts.size(), 7u); // every window of 6 among 12 tokens
  options.task.tokens.mask = {};
  EXPECT_THAT(openTrainingData(layer, folder / "t.txt", tokenizer.get(), options),
              IsBadInput("--objective masked-lm: the wordlevel tokenizer has no mask token"));
  options = objectiveOptions(Objective::MaskedLm, 4, 40);
  EXPECT_THAT(openTrainingData(layer, folder / "t.txt", tokenizer.get(), options),
              IsBadInput("20 tokens for training and 0 for validation, a window takes 38"));
  options = objectiveOptions(Objective::MaskedLm, 4, 2);
  EXPECT_THAT(openTrainingData(layer, folder / "t.txt", tokenizer.get(), options),
              IsBadInput("--seq 2: the tokenizer's 2 special tokens leave no room"));
  spill(folder / "none.txt", "[PAD] [SEP] [PAD] [SEP] [PAD] [SEP] [PAD] [SEP]");
  options = objectiveOptions(Objective::MaskedLm, 4, 8);
  EXPECT_THAT(openTrainingData(layer, folder / "none.txt", tokenizer.get(), options),
              IsBadInput("none.txt: the text for training has nothing to learn"));
}

/// The two texts of a row, by the separators; masked tokens as they were.
std::pair<std::string, std::string> textsOf(const Batch &batch, int64_t row, int64_t seq) {
  std::string texts[2];
  for (int64_t i = row * seq; i < (row + 1) * seq; ++i) {
    const int32_t id = batch.targets[i] != -100 ? batch.targets[i] : batch.inputIds[i];
    if (id >= kA)
      texts[batch.others.at("token_type_ids")[i]] += static_cast<char>('a' + id - kA);
  }
  return {texts[0], texts[1]};
}

TEST(NextSentence, HalfOfTheSecondTextsFollow) {
  // Sentences of a document are letters that follow each other.
  TempFolder folder;
  spill(folder / "d.txt", "a b\nc\nd\n\ne\nf g\n  \nh\ni\n\nk l m\n");
  auto tokenizer = letterTokenizer();
  DataOptions options = objectiveOptions(Objective::NextSentence, 8, 12);
  auto data = openTrainingData(FileLayer::system(), folder / "d.txt", tokenizer.get(), options);
  ASSERT_THAT(data, IsOk());
  EXPECT_EQ((*data)->describe(), "4 documents, 4 pairs of sentences");
  const std::string documents[] = {"abcd", "efg", "hi", "klm"};
  auto documentOf = [&](char letter) {
    int d = 0;
    while (documents[d].find(letter) == std::string::npos)
      ++d;
    return d;
  };
  int follow = 0, rows = 0;
  std::map<std::string, int> firsts, others;
  for (uint64_t index = 0; index < 100; ++index) {
    Batch batch;
    (*data)->trainingBatch(index, batch);
    for (int row = 0; row < 8; ++row, ++rows) {
      auto [first, second] = textsOf(batch, row, 12);
      ASSERT_FALSE(first.empty());
      ASSERT_FALSE(second.empty());
      const bool follows = batch.others["next_sentence_label"][row] == 0;
      EXPECT_EQ(second.front() == first.back() + 1 &&
                    documentOf(second.front()) == documentOf(first.back()),
                follows)
          << first << " " << second;
      EXPECT_EQ(documentOf(second.front()) == documentOf(first.back()), follows);
      follow += follows;
      ++firsts[first];
      if (!follows)
        ++others[second];
    }
  }
  EXPECT_NEAR(follow, rows / 2, 45); // three deviations
  // Whole sentences, as many as there is room for: up to "ab", "abc", "e" and "h".
  EXPECT_EQ(firsts.size(), 4u);
  for (auto [first, count] : firsts)
    EXPECT_EQ(count, rows / 4) << first; // each in turn
  EXPECT_TRUE(others.count("klm"));
}

TEST(NextSentence, NeedsDocumentsOfSentences) {
  TempFolder folder;
  auto tokenizer = letterTokenizer();
  DataOptions options = objectiveOptions(Objective::NextSentence, 2, 12);
  auto open = [&](const std::string &text) {
    spill(folder / "d.txt", text);
    return openTrainingData(FileLayer::system(), folder / "d.txt", tokenizer.get(), options);
  };
  EXPECT_THAT(open("a\nb\n"), IsBadInput("1 documents for training"));
  EXPECT_THAT(open("a\n\nb\n"), IsBadInput("no document for training has two sentences"));
  options.valSplit = 0.25;
  EXPECT_THAT(open("a\nb\n\nc\n\nd\n\ne\n"), IsBadInput("1 documents for validation"));
  options.valSplit = 0;
  options.seq = 4;
  EXPECT_THAT(open("a\nb\n\nc\n"), IsBadInput("leave no room for two texts"));
  options.seq = 5;
  EXPECT_THAT(open("a\nb\n\nc\n"), IsOk());
}

} // namespace
} // namespace heddle::runtime
