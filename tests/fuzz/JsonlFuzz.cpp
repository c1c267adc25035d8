// SPDX-License-Identifier: Apache-2.0
// A training log that a resumed run cuts back; each of its lines through the JSON reader; the same
// bytes as the records that each objective learns from.
#include <algorithm>

#include "runtime/io/Json.h"
#include "runtime/io/JsonLog.h"
#include "runtime/io/JsonWriter.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/train/Data.h"
#include "tests/fuzz/Harness.h"
#include "tests/fuzz/MemoryFiles.h"

namespace heddle::fuzz {
namespace {

using namespace runtime;

constexpr char kLog[] = "train.jsonl";

void print(const JsonRef &ref, JsonWriter &json) {
  const JsonValue &value = ref.value();
  if (const bool *truth = value.boolean()) {
    json.value(*truth);
  } else if (const int64_t *integer = value.integer()) {
    json.value(*integer);
  } else if (const double *real = value.real()) {
    json.value(*real);
  } else if (const std::string *text = value.string()) {
    json.value(*text);
  } else if (value.elements()) {
    std::vector<JsonRef> elements = *ref.asArray();
    json.beginArray();
    for (const JsonRef &element : elements)
      print(element, json);
    json.endArray();
  } else if (value.object()) {
    auto members = *ref.asObject();
    json.beginObject();
    for (const auto &[key, member] : members) {
      require(ref.value().find(key) == &member.value(), "a member is not found by its key");
      json.key(key);
      print(member, json);
    }
    json.endObject();
  } else {
    json.null();
  }
}

std::string printed(const JsonDocument &document) {
  JsonWriter json;
  print(document.ref(), json);
  return json.take();
}

void checkJson(std::string_view text) {
  StatusOr<JsonDocument> document = parseJson(text, kLog, limits::kLogLineBytes);
  if (!accepted(document))
    return;
  std::string once = printed(*document);
  StatusOr<JsonDocument> again = parseJson(once, "printed");
  require(again.ok() && printed(*again) == once, "printing and reading changes JSON: " + once);
  JsonRef root = document->ref();
  accepted(root.getInteger("step"));
  accepted(root.getNumber("loss", 0.0));
  accepted(root.getString("name"));
}

void checkCut(const std::string &log, uint64_t step) {
  MemoryFiles calls({{kLog, log}});
  FileLayer layer(calls);
  require(cutLogAtStep(layer, kLog, step).ok(), "a log cannot be cut");
  std::string kept = calls.files().at(kLog);
  require(log.starts_with(kept), "cutting changes what it keeps");
  require(kept.empty() || kept.back() == '\n', "a cut log ends within a line");
  require(cutLogAtStep(layer, kLog, step).ok() && calls.files().at(kLog) == kept,
          "cutting twice cuts more");
}

constexpr char kRecords[] = "data.jsonl";
constexpr int64_t kBatch = 2, kSeq = 12, kClasses = 3;

/// Few words, framed and masked as BERT's are.
const Tokenizer &wordTokenizer() {
  static const std::unique_ptr<Tokenizer> tokenizer = *parseTokenizer(
      R"({"version":"1.0","added_tokens":[
      {"id":0,"content":"[PAD]","special":true},{"id":1,"content":"[UNK]","special":true},
      {"id":2,"content":"[CLS]","special":true},{"id":3,"content":"[SEP]","special":true},
      {"id":4,"content":"[MASK]","special":true}],
      "pre_tokenizer":{"type":"Whitespace"},
      "post_processor":{"type":"BertProcessing","sep":["[SEP]",3],"cls":["[CLS]",2]},
      "model":{"type":"WordLevel","unk_token":"[UNK]","vocab":{"[PAD]":0,"[UNK]":1,"[CLS]":2,
      "[SEP]":3,"[MASK]":4,"a":5,"b":6,"c":7,"good":8,"bad":9}}})",
      "tokenizer.json");
  return *tokenizer;
}

void checkBatch(const Batch &batch, const DataOptions &options) {
  require(batch.inputIds.size() == static_cast<size_t>(kBatch * kSeq), "a batch of another size");
  auto within = [](const std::vector<int32_t> &values, int64_t end, bool ignorable) {
    return std::all_of(values.begin(), values.end(), [&](int32_t value) {
      return (value >= 0 && value < end) || (ignorable && value == -100);
    });
  };
  const bool classes = options.task.objective == Objective::Classification;
  require(within(batch.inputIds, options.vocabSize, false), "an id outside the vocabulary");
  require(within(batch.targets, classes ? kClasses : options.vocabSize, true),
          "a target that the model does not know");
  for (const auto &[name, values] : batch.others)
    require(within(values, name == "decoder_input_ids" ? options.vocabSize : kSeq, true),
            "an input out of range: " + name);
  for (const auto &[name, values] : batch.numbers)
    require(std::all_of(values.begin(), values.end(), [](float v) { return v - v == 0; }),
            "a number that is not finite: " + name);
}

void checkRecords(const std::string &text) {
  MemoryFiles calls({{kRecords, text}});
  FileLayer layer(calls);
  DataOptions options{kBatch, kSeq, wordTokenizer().vocabSize(), /*seed=*/1};
  options.task.tokens = {4, 0, 3};
  options.task.classes = kClasses;
  options.task.labelNames = {"good", "bad", "neither"};
  options.task.decoderStart = 2;
  options.task.inputs = {{"attention_mask", {kBatch, kSeq}}, {"token_type_ids", {kBatch, kSeq}}};
  auto open = [&](Objective objective, proto::Task::Labels labels) {
    options.task.objective = objective;
    options.task.labels = labels;
    auto data = openTrainingData(layer, kRecords, &wordTokenizer(), options);
    if (!accepted(data))
      return;
    Batch batch, again;
    for (uint64_t index : {0, 1, 5}) {
      (*data)->trainingBatch(index, batch);
      checkBatch(batch, options);
    }
    (*data)->trainingBatch(5, again);
    require(batch.inputIds == again.inputIds && batch.targets == again.targets,
            "the same batch is another one");
  };
  for (Objective objective : {Objective::CausalLm, Objective::MaskedLm, Objective::NextSentence,
                              Objective::Contrastive, Objective::SequenceToSequence})
    open(objective, proto::Task::NO_LABELS);
  for (proto::Task::Labels labels :
       {proto::Task::CLASS, proto::Task::NUMBERS, proto::Task::SEVERAL_CLASSES,
        proto::Task::TOKEN_CLASSES, proto::Task::SPAN})
    open(Objective::Classification, labels);
}

} // namespace

void runInput(std::string_view bytes) {
  for (size_t begin = 0; begin < bytes.size();) {
    size_t end = std::min(bytes.find('\n', begin), bytes.size());
    checkJson(bytes.substr(begin, end - begin));
    begin = end + 1;
  }
  checkJson(bytes);
  checkRecords(std::string(bytes));
  for (uint64_t step : {uint64_t{0}, uint64_t{2}, UINT64_MAX})
    checkCut(std::string(bytes), step);
}

} // namespace heddle::fuzz
