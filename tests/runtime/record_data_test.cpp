// SPDX-License-Identifier: Apache-2.0
// Records of .jsonl files as batches, by objective, and what is said of wrong ones.
#include "runtime/train/Records.h"
#include "runtime/train/RowData.h"
#include "tests/runtime/ObjectiveCase.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;
using testing::ElementsAre;

DataOptions classification(proto::Task::Labels labels, int64_t classes, int64_t batch,
                           int64_t seq) {
  DataOptions options = objectiveOptions(Objective::Classification, batch, seq);
  options.task.labels = labels;
  options.task.classes = classes;
  return options;
}

TEST(Records, PadsTextsOnTheRightAndCutsTheLongerOne) {
  DataOptions options = classification(proto::Task::CLASS, 2, 1, 8);
  OpenedRecords one("{\"text\":\"a b\",\"label\":1}", options);
  ASSERT_THAT(one.data, IsOk());
  Batch batch = one.batch();
  EXPECT_THAT(batch.inputIds, ElementsAre(kFirst, kA, kA + 1, kSeparator, 0, 0, 0, 0));
  EXPECT_THAT(batch.others["attention_mask"], ElementsAre(1, 1, 1, 1, 0, 0, 0, 0));
  EXPECT_THAT(batch.targets, ElementsAre(1));
  EXPECT_EQ((*one.data)->describe(), "1 examples");

  OpenedRecords two("{\"text\":\"a b c d\",\"text_pair\":\"e f\",\"label\":0}", options);
  ASSERT_THAT(two.data, IsOk());
  batch = two.batch();
  EXPECT_THAT(batch.inputIds,
              ElementsAre(kFirst, kA, kA + 1, kA + 2, kSeparator, kA + 4, kA + 5, kSeparator));
  EXPECT_THAT(batch.others["token_type_ids"], ElementsAre(0, 0, 0, 0, 0, 1, 1, 1));
  EXPECT_EQ((*two.data)->describe(), "1 examples, 1 texts cut to the sequence of 8");
  // Both give way where both are longer than half: the second keeps the odd token.
  OpenedRecords both("{\"text\":\"a b c d\",\"text_pair\":\"e f g h\",\"label\":0}", options);
  EXPECT_THAT(both.batch().inputIds,
              ElementsAre(kFirst, kA, kA + 1, kSeparator, kA + 4, kA + 5, kA + 6, kSeparator));
  options.task.strict = true;
  OpenedRecords strict("{\"text\":\"a\",\"label\":0}\n{\"text\":\"a b c d e f g\",\"label\":0}",
                       options);
  EXPECT_THAT(strict.data, IsBadInput("x.jsonl: line 2: key \"text\": 9 tokens, the sequence "
                                      "takes 8; without --strict it is cut"));
}

TEST(Records, ClassesByNumberAndName) {
  DataOptions options = classification(proto::Task::CLASS, 2, 2, 4);
  options.task.labelNames = {"bad", "good"};
  OpenedRecords records("{\"text\":\"a\",\"label\":\"good\"}\n\n{\"text\":\"b\",\"label\":0}\n",
                        options);
  ASSERT_THAT(records.data, IsOk());
  Batch batch = records.batch();
  for (int row : {0, 1}) // in an order that was drawn
    EXPECT_EQ(batch.targets[row], batch.inputIds[4 * row + 1] == kA ? 1 : 0);
}

TEST(Records, EveryExampleOnceATimeAroundAndTheLastForValidation) {
  std::string lines;
  for (char c = 'a'; c <= 't'; ++c)
    lines += std::string("{\"text\":\"") + c + "\",\"label\":0}\n";
  DataOptions options = classification(proto::Task::CLASS, 1, 4, 3);
  options.valSplit = 0.2;
  OpenedRecords records(lines, options), again(lines, options);
  ASSERT_THAT(records.data, IsOk());
  EXPECT_EQ((*records.data)->describe(), "20 examples, the last 4 for validation");
  EXPECT_EQ((*records.data)->fingerprint(), (*again.data)->fingerprint());
  std::vector<int32_t> orders[2];
  for (uint64_t round : {0, 1}) {
    std::set<int32_t> seen;
    for (uint64_t index = 4 * round; index < 4 * round + 4; ++index) {
      Batch batch = records.batch(index);
      EXPECT_EQ(batch.inputIds, again.batch(index).inputIds);
      for (int row = 0; row < 4; ++row) {
        seen.insert(batch.inputIds[3 * row + 1]);
        orders[round].push_back(batch.inputIds[3 * row + 1]);
      }
    }
    EXPECT_EQ(seen.size(), 16u);
    EXPECT_EQ(*seen.rbegin(), kA + 15);
  }
  EXPECT_NE(orders[0], orders[1]);
  Batch batch;
  (*records.data)->validationBatch(0, batch);
  for (int row = 0; row < 4; ++row)
    EXPECT_EQ(batch.inputIds[3 * row + 1], kA + 16 + row);
}

TEST(Records, NumbersAndSeveralClasses) {
  OpenedRecords one("{\"text\":\"a\",\"label\":-0.5}",
                    classification(proto::Task::NUMBERS, 1, 1, 4));
  EXPECT_THAT(one.batch().numbers["targets"], ElementsAre(-0.5f));
  EXPECT_TRUE(one.batch().targets.empty());
  OpenedRecords two("{\"text\":\"a\",\"label\":[1,2.5]}",
                    classification(proto::Task::NUMBERS, 2, 1, 4));
  EXPECT_THAT(two.batch().numbers["targets"], ElementsAre(1, 2.5f));
  DataOptions options = classification(proto::Task::SEVERAL_CLASSES, 3, 1, 4);
  options.task.labelNames = {"x", "y", "z"};
  OpenedRecords several("{\"text\":\"a\",\"label\":[\"z\",0]}", options);
  EXPECT_THAT(several.batch().numbers["targets"], ElementsAre(1, 0, 1));
  OpenedRecords none("{\"text\":\"a\",\"label\":[]}", options);
  EXPECT_THAT(none.batch().numbers["targets"], ElementsAre(0, 0, 0));
}

TEST(Records, ClassesOfTokensBelongToAWordsFirstToken) {
  DataOptions options = classification(proto::Task::TOKEN_CLASSES, 3, 1, 6);
  OpenedRecords records("{\"tokens\":[\"a\",\"b.c\",\"d\"],\"labels\":[1,2,0]}", options);
  ASSERT_THAT(records.data, IsOk());
  Batch batch = records.batch(); // b . c are three tokens, of which the sequence keeps what fits
  EXPECT_THAT(batch.inputIds, ElementsAre(kFirst, kA, kA + 1, kUnknown, kA + 2, kSeparator));
  EXPECT_THAT(batch.targets, ElementsAre(-100, 1, 2, -100, -100, -100));
}

TEST(Records, SpansAreTheTokensOfTheAnswer) {
  DataOptions options = classification(proto::Task::SPAN, 0, 1, 10);
  auto spanOf = [&](const std::string &context, const std::string &answer, int start) {
    OpenedRecords records("{\"question\":\"z y\",\"context\":\"" + context +
                              "\",\"answer\":{\"text\":\"" + answer +
                              "\",\"start\":" + std::to_string(start) + "}}",
                          options);
    EXPECT_THAT(records.data, IsOk());
    Batch batch = records.batch();
    return std::pair(batch.others["start_positions"][0], batch.others["end_positions"][0]);
  };
  // [CLS] z y [SEP] takes four places.
  EXPECT_EQ(spanOf("a b c d", "b c", 2), std::pair(5, 6));
  EXPECT_EQ(spanOf("a b c d", "a", 0), std::pair(4, 4));
  EXPECT_EQ(spanOf("\xC3\xA9 b c", "c", 4), std::pair(6, 6)); // characters, not bytes
  options = classification(proto::Task::SPAN, 0, 2, 10);
  OpenedRecords records(
      R"({"question":"z y","context":"a b c d e f g","answer":{"text":"g","start":12}})"
      "\n"
      R"({"question":"z y","context":"a b c d e f g","answer":{"text":"a","start":0}})",
      options);
  Batch batch = records.batch();
  EXPECT_THAT(batch.others["start_positions"], testing::UnorderedElementsAre(-100, 4)); // cut off
  EXPECT_THAT(batch.others["end_positions"], testing::UnorderedElementsAre(-100, 4));
}

TEST(Records, LossIsOnTheCompletionOnly) {
  DataOptions options = objectiveOptions(Objective::CausalLm, 1, 7);
  options.task.inputs = {{"input_ids", {1, 7}}}; // as a causal model's step has it
  OpenedRecords records("{\"prompt\":\"a b\",\"completion\":\"c d\"}", options);
  ASSERT_THAT(records.data, IsOk());
  Batch batch = records.batch();
  EXPECT_THAT(batch.inputIds, ElementsAre(kFirst, kA, kA + 1, kA + 2, kA + 3, 0, 0));
  EXPECT_THAT(batch.targets, ElementsAre(-100, -100, kA + 2, kA + 3, kSeparator, -100, -100));
  EXPECT_TRUE(batch.others.empty());
  OpenedRecords full("{\"prompt\":\"a b c d e f g\",\"completion\":\"h\"}", options);
  EXPECT_THAT(full.data, IsBadInput("line 1: key \"prompt\": 8 tokens leave no room for the "
                                    "completion in a sequence of 7"));
  OpenedRecords longer("{\"prompt\":\"a b c d e f\",\"completion\":\"h i\"}", options);
  EXPECT_THAT(longer.batch().targets, ElementsAre(-100, -100, -100, -100, -100, -100, kA + 7));
  EXPECT_EQ((*longer.data)->describe(), "1 examples, 1 texts cut to the sequence of 7");
}

TEST(Records, TextsOfACausalModelFollowEachOther) {
  DataOptions options = objectiveOptions(Objective::CausalLm, 1, 4);
  options.task.tokens.end = kSeparator;
  OpenedRecords records("{\"text\":\"a b\"}\n{\"text\":\"c\"}\n", options);
  ASSERT_THAT(records.data, IsOk());
  Batch batch = records.batch();
  EXPECT_THAT(batch.inputIds, ElementsAre(kA, kA + 1, kSeparator, kA + 2));
  EXPECT_THAT(batch.targets, ElementsAre(kA + 1, kSeparator, kA + 2, kSeparator));
}

TEST(Records, ADecoderReadsWhatItWritesOnePlaceLater) {
  DataOptions options = objectiveOptions(Objective::SequenceToSequence, 1, 6);
  options.task.decoderStart = 9;
  options.task.inputs["decoder_input_ids"] = {1, 5};
  options.task.inputs["decoder_attention_mask"] = {1, 5};
  OpenedRecords records("{\"source\":\"a b\",\"target\":\"c\"}", options);
  ASSERT_THAT(records.data, IsOk());
  Batch batch = records.batch();
  EXPECT_THAT(batch.inputIds, ElementsAre(kFirst, kA, kA + 1, kSeparator, 0, 0));
  EXPECT_THAT(batch.others["attention_mask"], ElementsAre(1, 1, 1, 1, 0, 0));
  EXPECT_THAT(batch.targets, ElementsAre(kFirst, kA + 2, kSeparator, -100, -100));
  EXPECT_THAT(batch.others["decoder_input_ids"], ElementsAre(9, kFirst, kA + 2, 0, 0));
  EXPECT_THAT(batch.others["decoder_attention_mask"], ElementsAre(1, 1, 1, 0, 0));
  // A decoder that hears and reads no text.
  options.task.inputs.erase("input_ids");
  OpenedRecords speech("{\"source\":\"a\",\"target\":\"c\"}", options);
  EXPECT_THAT(speech.data, IsBadInput("x.jsonl: holds records of text, and the model reads none"));
  options.task.inputs["input_ids"] = {1, 6};
  options.task.decoderStart = {};
  OpenedRecords unknown("{\"source\":\"a\",\"target\":\"c\"}", options);
  EXPECT_THAT(unknown.data, IsBadInput("does not say what its decoder begins with"));
}

TEST(Records, PartnersAreTheBatchsSecondHalf) {
  std::string lines;
  for (char c = 'a'; c <= 'l'; ++c)
    lines += std::string("{\"text\":\"") + c + "\",\"positive\":\"" + static_cast<char>(c + 12) +
             " z\"}\n";
  OpenedRecords records(lines, objectiveOptions(Objective::Contrastive, 6, 4));
  ASSERT_THAT(records.data, IsOk());
  std::set<int32_t> seen;
  for (uint64_t index = 0; index < 4; ++index) {
    Batch batch = records.batch(index);
    EXPECT_TRUE(batch.targets.empty());
    for (int row = 0; row < 3; ++row) {
      seen.insert(batch.inputIds[4 * row + 1]);
      EXPECT_EQ(batch.inputIds[4 * (row + 3) + 1], batch.inputIds[4 * row + 1] + 12);
      EXPECT_EQ(batch.inputIds[4 * (row + 3) + 2], kA + 25);
    }
  }
  EXPECT_EQ(seen.size(), 12u);
}

TEST(Records, WrongOnesAreNamedByFileLineAndKey) {
  DataOptions options = classification(proto::Task::CLASS, 2, 1, 8);
  options.task.labelNames = {"bad", "good"};
  const std::string good = "{\"text\":\"a\",\"label\":0}\n";
  const std::pair<std::string, std::string> wrong[] = {
      {"{\"label\":0}", "x.jsonl: line 2: key \"text\" is missing"},
      {"{\"text\":\"a\"}", "x.jsonl: line 2: key \"label\" is missing"},
      {"{\"text\":3,\"label\":0}", "line 2: key \"text\": expected a string, found 3"},
      {"{\"text\":\"a\",\"label\":2}",
       "line 2: key \"label\": 2 is none of the 2 classes (bad, good)"},
      {"{\"text\":\"a\",\"label\":-1}", "line 2: key \"label\": -1 is none"},
      {"{\"text\":\"a\",\"label\":\"ok\"}", "line 2: key \"label\": \"ok\" is none"},
      {"{\"text\":\"a\",\"label\":[0]}", "line 2: key \"label\": expected an integer"},
      {"{\"text\":\"a\",\"text_pair\":1,\"label\":0}", "line 2: key \"text_pair\""},
      {"text", "x.jsonl: line 2: byte 2: syntax error"},
      {"[1]", "x.jsonl: line 2"},
      {"{\"text\":\"a\",\"text\":\"b\",\"label\":0}", "x.jsonl: line 2"},
  };
  for (const auto &[line, message] : wrong) {
    OpenedRecords records(good + line + "\n" + good, options);
    EXPECT_THAT(records.data, IsBadInput(message)) << line;
  }
  EXPECT_THAT(OpenedRecords("\n", options).data, IsBadInput("x.jsonl: holds no records"));
  DataOptions tokens = classification(proto::Task::TOKEN_CLASSES, 2, 1, 8);
  EXPECT_THAT(OpenedRecords("{\"tokens\":[\"a\",\"b\"],\"labels\":[1]}", tokens).data,
              IsBadInput("line 1: key \"labels\": 1 labels for 2 tokens"));
  EXPECT_THAT(OpenedRecords("{\"tokens\":[\"a\",\"b\"],\"labels\":[1,2]}", tokens).data,
              IsBadInput("line 1: key \"labels[1]\": 2 is none of the 2 classes"));
  DataOptions spans = classification(proto::Task::SPAN, 0, 1, 8);
  for (auto [answer, message] :
       {std::pair("{\"text\":\"b\",\"start\":0}", "key \"answer\": the context has another text"),
        std::pair("{\"text\":\"b\",\"start\":9}", "key \"answer.start\": 9 is no character"),
        std::pair("{\"text\":\"b\"}", "key \"answer\": key \"start\" is missing")})
    EXPECT_THAT(OpenedRecords(std::string("{\"question\":\"q\",\"context\":\"a b\",\"answer\":") +
                                  answer + "}",
                              spans)
                    .data,
                IsBadInput(message));
  DataOptions numbers = classification(proto::Task::NUMBERS, 2, 1, 8);
  EXPECT_THAT(OpenedRecords("{\"text\":\"a\",\"label\":1}", numbers).data,
              IsBadInput("key \"label\": expected 2 numbers, found 1"));
  EXPECT_THAT(OpenedRecords("{\"text\":\"a\",\"label\":[1,1e300]}", numbers).data,
              IsBadInput("key \"label[1]\": 1e+300 is beyond the range of f32"));
}

TEST(Records, ANameOrAClassThatIsThereTwice) {
  DataOptions options = classification(proto::Task::CLASS, 3, 1, 8);
  options.task.labelNames = {"bad", "bad", ""};
  EXPECT_THAT(OpenedRecords("{\"text\":\"a\",\"label\":\"bad\"}", options).data,
              IsBadInput("key \"label\": \"bad\" is the name of several classes"));
  EXPECT_THAT(OpenedRecords("{\"text\":\"a\",\"label\":\"\"}", options).data,
              IsBadInput("key \"label\": \"\" is none of the 3 classes"));
  EXPECT_THAT(OpenedRecords("{\"text\":\"a\",\"label\":1}", options).data, IsOk());
  options = classification(proto::Task::SEVERAL_CLASSES, 3, 1, 8);
  EXPECT_THAT(OpenedRecords("{\"text\":\"a\",\"label\":[2,0,2]}", options).data,
              IsBadInput("key \"label[2]\": class 2 is there twice"));
}

/// They would train to a loss of 0.
TEST(Records, NothingToLearn) {
  const std::string cut = R"({"question":"q","context":"a b c d e f g h i j",)"
                          R"("answer":{"text":"j","start":18}})"
                          "\n";
  const std::string whole = R"({"question":"q","context":"a b","answer":{"text":"a","start":0}})";
  DataOptions spans = classification(proto::Task::SPAN, 0, 1, 8);
  EXPECT_THAT(OpenedRecords(cut + cut, spans).data,
              IsBadInput("x.jsonl: no record for training has anything to learn (every answer is "
                         "cut off)"));
  EXPECT_THAT(OpenedRecords(cut + whole, spans).data, IsOk());
  spans.valSplit = 0.5; // the last one is for validation
  EXPECT_THAT(OpenedRecords(cut + whole, spans).data, IsBadInput("no record for training"));
  DataOptions tokens = classification(proto::Task::TOKEN_CLASSES, 2, 1, 8);
  EXPECT_THAT(OpenedRecords("{\"tokens\":[],\"labels\":[]}", tokens).data,
              IsBadInput("(they hold no labels)"));
  const DataOptions masked = objectiveOptions(Objective::MaskedLm, 1, 8);
  EXPECT_THAT(OpenedRecords("{\"text\":\"\"}\n{\"text\":\"[PAD]\"}", masked).data,
              IsBadInput("(they hold no tokens but special ones)"));
  EXPECT_THAT(OpenedRecords("{\"text\":\"\"}\n{\"text\":\"a\"}", masked).data, IsOk());
}

TEST(Records, LineAtItsLimit) {
  TempFolder folder;
  FileLayer &layer = FileLayer::system();
  const std::string frame = "{\"text\":\"\"}";
  for (uint64_t over : {0, 1}) {
    spill(folder / "x.jsonl",
          "{\"text\":\"" + std::string(limits::kRecordBytes + over - frame.size(), 'x') + "\"}\n");
    uint64_t bytes = 0;
    Status status = forEachRecord(layer, folder / "x.jsonl", [&](const JsonRef &record) -> Status {
      HEDDLE_ASSIGN_OR_RETURN(std::string text, record.getString("text"));
      bytes = text.size() + frame.size();
      return absl::OkStatus();
    });
    if (over == 0)
      EXPECT_THAT(status, IsOk());
    else
      EXPECT_THAT(status, IsBadInput("x.jsonl: line 1: more than the limit of 16777216 bytes"));
    EXPECT_EQ(bytes, over == 0 ? limits::kRecordBytes : 0);
  }
  auto none = [](const JsonRef &) { return absl::OkStatus(); };
  spill(folder / "y.jsonl", "{}\n{}\n");
  EXPECT_THAT(forEachRecord(layer, folder / "y.jsonl", none, 6), IsOk());
  EXPECT_THAT(forEachRecord(layer, folder / "y.jsonl", none, 5),
              IsBadInput("y.jsonl: more than the limit of 5 bytes of text in all"));
}

TEST(Records, ObjectivesThatLearnFromOtherData) {
  TempFolder folder;
  spill(folder / "t.txt", "a b c");
  auto tokenizer = letterTokenizer();
  DataOptions options = classification(proto::Task::CLASS, 2, 1, 8);
  auto open = [&] {
    return openTrainingData(FileLayer::system(), folder / "t.txt", tokenizer.get(), options);
  };
  EXPECT_THAT(open(), IsBadInput("holds text; the model (--objective classification) needs records "
                                 "(a .jsonl file)"));
  options.task.objective = Objective::Images;
  EXPECT_THAT(open(), IsBadInput("needs a safetensors file with images"));
  options.task.objective = Objective::None;
  EXPECT_THAT(open(), IsBadInput("the model needs ready batches"));
}

} // namespace
} // namespace heddle::runtime
