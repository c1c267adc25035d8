// SPDX-License-Identifier: Apache-2.0
// What tests of training data share: a tokenizer of whole words, options of a model, records.

#ifndef HEDDLE_TESTS_RUNTIME_OBJECTIVECASE_H
#define HEDDLE_TESTS_RUNTIME_OBJECTIVECASE_H

#include "runtime/io/FileLayer.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/train/Data.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::test {

// Ids of the tokenizer below. Words follow: "a" is 5, "b" 6, ... "z" 30.
inline constexpr int32_t kPad = 0, kUnknown = 1, kFirst = 2, kSeparator = 3, kMask = 4, kA = 5;
inline constexpr int64_t kWords = 31;

/// [CLS] A [SEP], or [CLS] A [SEP] B [SEP] with type 1 from B on; words are letters.
inline std::unique_ptr<runtime::Tokenizer> letterTokenizer() {
  std::string vocabulary = R"("[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"[MASK]":4)", added;
  for (int i = 0; i < 26; ++i)
    vocabulary += std::string(",\"") + static_cast<char>('a' + i) + "\":" + std::to_string(5 + i);
  const char *names[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
  for (int i = 0; i < 5; ++i)
    added += std::string(i > 0 ? "," : "") + R"({"id":)" + std::to_string(i) + R"(,"content":")" +
             names[i] + R"(","single_word":false,"lstrip":false,"rstrip":false,)" +
             R"("normalized":false,"special":true})";
  auto tokenizer = runtime::parseTokenizer(
      R"({"version":"1.0","added_tokens":[)" + added +
          R"(],"pre_tokenizer":{"type":"Whitespace"},"post_processor":{"type":"TemplateProcessing",
          "single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
                    {"SpecialToken":{"id":"[SEP]","type_id":0}}],
          "pair":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
                  {"SpecialToken":{"id":"[SEP]","type_id":0}},{"Sequence":{"id":"B","type_id":1}},
                  {"SpecialToken":{"id":"[SEP]","type_id":1}}],
          "special_tokens":{"[CLS]":{"id":"[CLS]","ids":[2],"tokens":["[CLS]"]},
                            "[SEP]":{"id":"[SEP]","ids":[3],"tokens":["[SEP]"]}}},
          "model":{"type":"WordLevel","unk_token":"[UNK]","vocab":{)" +
          vocabulary + "}}}",
      "tokenizer.json");
  return tokenizer.ok() ? *std::move(tokenizer) : nullptr;
}

/// For a model that takes what encoders take.
inline runtime::DataOptions objectiveOptions(runtime::Objective objective, int64_t batch,
                                             int64_t seq) {
  runtime::DataOptions options{batch, seq, kWords, /*seed=*/1};
  options.task.objective = objective;
  options.task.tokens = {kMask, kPad, {}};
  options.task.inputs = {{"input_ids", {batch, seq}},
                         {"attention_mask", {batch, seq}},
                         {"token_type_ids", {batch, seq}}};
  return options;
}

/// The records' lines as a file, opened.
struct OpenedRecords {
  OpenedRecords(const std::string &lines, const runtime::DataOptions &options) {
    spill(folder / "x.jsonl", lines);
    data = runtime::openTrainingData(runtime::FileLayer::system(), folder / "x.jsonl",
                                     tokenizer.get(), options);
  }
  runtime::Batch batch(uint64_t index = 0) const {
    runtime::Batch batch;
    (*data)->trainingBatch(index, batch);
    return batch;
  }

  TempFolder folder;
  std::unique_ptr<runtime::Tokenizer> tokenizer = letterTokenizer();
  absl::StatusOr<std::unique_ptr<runtime::TrainingData>> data = absl::UnknownError("not opened");
};

} // namespace heddle::test

#endif // HEDDLE_TESTS_RUNTIME_OBJECTIVECASE_H
