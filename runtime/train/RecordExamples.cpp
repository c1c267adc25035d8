// SPDX-License-Identifier: Apache-2.0
// From records to examples, by objective.
#include <algorithm>

#include "runtime/plan/EntryInputs.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/train/RecordLabels.h"
#include "runtime/train/Records.h"
#include "runtime/train/RowSetup.h"
#include "runtime/train/SentencePairs.h"
#include "runtime/train/TextRows.h"

namespace heddle::runtime {
namespace {

using Ids = std::vector<int32_t>;

/// Reads records one after the other into a list of examples.
class RecordReader {
public:
  RecordReader(const DataOptions &options, TextFramer framer, TextFramer decoderFramer)
      : options_(options), task_(options.task), framer_(std::move(framer)),
        decoderFramer_(std::move(decoderFramer)) {}

  Status add(const JsonRef &record) {
    switch (task_.objective) {
    case Objective::CausalLm:
      return addCompletion(record);
    case Objective::MaskedLm:
      return addText(record);
    case Objective::Contrastive:
      return addPair(record);
    case Objective::SequenceToSequence:
      return addTranslation(record);
    default:
      return addLabelled(record);
    }
  }

  std::vector<Example> takeExamples() { return std::move(examples_); }
  std::vector<Example> takePartners() { return std::move(partners_); }
  uint64_t count() const { return examples_.size(); }
  uint64_t cut() const { return framer_.cut() + decoderFramer_.cut(); }

private:
  /// The ids of a member, for messages about it too.
  StatusOr<Ids> encode(const JsonRef &record, const char *key) {
    HEDDLE_ASSIGN_OR_RETURN(std::string text, record.getString(key));
    return framer_.encode(text, place(record, key));
  }
  static std::string place(const JsonRef &record, const std::string &key) {
    return absl::StrCat(record.file(), ": key \"", key, "\"");
  }

  StatusOr<FramedTexts> frameMember(const JsonRef &record, const char *key) {
    HEDDLE_ASSIGN_OR_RETURN(Ids ids, encode(record, key));
    return framer_.frame(std::move(ids), place(record, key));
  }

  Status addText(const JsonRef &record) {
    HEDDLE_ASSIGN_OR_RETURN(FramedTexts framed, frameMember(record, "text"));
    examples_.push_back(std::move(framed.example));
    return absl::OkStatus();
  }

  Status addPair(const JsonRef &record) {
    HEDDLE_RETURN_IF_ERROR(addText(record));
    HEDDLE_ASSIGN_OR_RETURN(FramedTexts framed, frameMember(record, "positive"));
    partners_.push_back(std::move(framed.example));
    return absl::OkStatus();
  }

  /// Inputs and targets of T tokens from the T + 1 of prompt and completion; what follows a token
  /// of the prompt counts for nothing, but for the last one's.
  Status addCompletion(const JsonRef &record) {
    HEDDLE_ASSIGN_OR_RETURN(Ids prompt, encode(record, "prompt"));
    HEDDLE_ASSIGN_OR_RETURN(Ids completion, encode(record, "completion"));
    return finishCompletion(record, framedPrompt(prompt), completion);
  }

  /// With the special tokens that stand before a text.
  Ids framedPrompt(const Ids &prompt) const {
    Ids all;
    for (const FramePart &part : framer_.single()) {
      if (part.kind == FramePart::Kind::First)
        break;
      all.push_back(part.id);
    }
    all.insert(all.end(), prompt.begin(), prompt.end());
    return all;
  }

  /// The special tokens that stand behind a text, or the one that ends texts.
  Ids textEnd() const {
    Ids end;
    bool behind = false;
    for (const FramePart &part : framer_.single()) {
      if (behind)
        end.push_back(part.id);
      behind = behind || part.kind == FramePart::Kind::First;
    }
    if (end.empty() && task_.tokens.end)
      end.push_back(*task_.tokens.end);
    return end;
  }

  Status finishCompletion(const JsonRef &record, Ids all, const Ids &completion) {
    const auto longest = static_cast<size_t>(options_.seq) + 1;
    const size_t begin = all.size();
    if (begin >= longest)
      return invalidInput(place(record, "prompt"), ": ", begin,
                          " tokens leave no room for the completion in a sequence of ",
                          options_.seq);
    if (begin == 0)
      return invalidInput(place(record, "prompt"),
                          ": is empty, and the tokenizer has no token that begins a text");
    all.insert(all.end(), completion.begin(), completion.end());
    const Ids end = textEnd();
    all.insert(all.end(), end.begin(), end.end());
    if (all.size() == begin)
      return invalidInput(place(record, "completion"), ": is empty");
    if (all.size() > longest) {
      HEDDLE_RETURN_IF_ERROR(framer_.countCut(all.size(), place(record, "completion")));
      all.resize(longest);
    }
    Example example;
    example.ids.assign(all.begin(), all.end() - 1);
    example.targets.assign(all.begin() + 1, all.end());
    std::fill_n(example.targets.begin(), begin - 1, kIgnoredTarget);
    examples_.push_back(std::move(example));
    return absl::OkStatus();
  }

  /// The decoder reads what it has to write, one place later, behind its start.
  Status addTranslation(const JsonRef &record) {
    HEDDLE_ASSIGN_OR_RETURN(FramedTexts source, frameMember(record, "source"));
    HEDDLE_ASSIGN_OR_RETURN(Ids ids, encode(record, "target"));
    HEDDLE_ASSIGN_OR_RETURN(FramedTexts target,
                            decoderFramer_.frame(std::move(ids), place(record, "target")));
    if (target.example.ids.empty())
      return invalidInput(place(record, "target"), ": is empty");
    Example example = std::move(source.example);
    example.targets = std::move(target.example.ids);
    example.decoder = {*task_.decoderStart};
    example.decoder.insert(example.decoder.end(), example.targets.begin(),
                           example.targets.end() - 1);
    examples_.push_back(std::move(example));
    return absl::OkStatus();
  }

  Status addLabelled(const JsonRef &record) {
    if (labelsTokens(task_))
      return addLabelledTokens(record);
    if (task_.labels == proto::Task::SPAN)
      return addSpan(record);
    HEDDLE_ASSIGN_OR_RETURN(Ids first, encode(record, "text"));
    FramedTexts framed;
    if (record.find("text_pair")) {
      HEDDLE_ASSIGN_OR_RETURN(Ids second, encode(record, "text_pair"));
      HEDDLE_ASSIGN_OR_RETURN(
          framed, framer_.frame(std::move(first), std::move(second), place(record, "text")));
    } else {
      HEDDLE_ASSIGN_OR_RETURN(framed, framer_.frame(std::move(first), place(record, "text")));
    }
    const Ids &ids = framed.example.ids;
    if (task_.neededToken && std::find(ids.begin(), ids.end(), *task_.neededToken) == ids.end())
      return invalidInput(place(record, "text"), ": the tokenizer gives no token ",
                          *task_.neededToken,
                          ", whose vector stands for the text (eos_token_id in ", "config.json)");
    HEDDLE_RETURN_IF_ERROR(readRowLabel(record, task_, framed.example));
    examples_.push_back(std::move(framed.example));
    return absl::OkStatus();
  }

  /// A word's label belongs to its first token; its other tokens have none, unless they have been
  /// replaced with it.
  Status addLabelledTokens(const JsonRef &record) {
    HEDDLE_ASSIGN_OR_RETURN(JsonRef tokens, record.at("tokens"));
    HEDDLE_ASSIGN_OR_RETURN(JsonRef labels, record.at("labels"));
    HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> words, tokens.asArray());
    HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> classes, labels.asArray());
    if (words.size() != classes.size())
      return labels.error(absl::StrCat(classes.size(), " labels for ", words.size(), " tokens"));
    Ids ids, targets;
    for (size_t i = 0; i < words.size(); ++i) {
      HEDDLE_ASSIGN_OR_RETURN(std::string word, words[i].asString());
      HEDDLE_ASSIGN_OR_RETURN(int32_t number, readClass(classes[i], task_));
      // Where words begin shows in the space before them.
      HEDDLE_ASSIGN_OR_RETURN(
          Ids parts, framer_.encode(i > 0 ? " " + word : word, place(record, words[i].path())));
      ids.insert(ids.end(), parts.begin(), parts.end());
      if (!parts.empty())
        targets.push_back(number);
      targets.resize(ids.size(),
                     task_.labels == proto::Task::REPLACED_TOKENS ? number : kIgnoredTarget);
    }
    HEDDLE_ASSIGN_OR_RETURN(FramedTexts framed,
                            framer_.frame(std::move(ids), place(record, "tokens")));
    Example &example = framed.example;
    example.targets.assign(example.ids.size(), kIgnoredTarget);
    std::copy_n(targets.begin(), framed.firstSize,
                example.targets.begin() + static_cast<ptrdiff_t>(framed.firstAt));
    examples_.push_back(std::move(example));
    return absl::OkStatus();
  }

  Status addSpan(const JsonRef &record) {
    HEDDLE_ASSIGN_OR_RETURN(Ids question, encode(record, "question"));
    HEDDLE_ASSIGN_OR_RETURN(std::string context, record.getString("context"));
    HEDDLE_ASSIGN_OR_RETURN(JsonRef answer, record.at("answer"));
    HEDDLE_ASSIGN_OR_RETURN(std::string text, answer.getString("text"));
    HEDDLE_ASSIGN_OR_RETURN(int64_t start, answer.getInteger("start"));
    HEDDLE_ASSIGN_OR_RETURN(size_t at, byteOffset(answer, context, start));
    if (text.empty() || context.compare(at, text.size(), text) != 0)
      return answer.error(absl::StrCat("the context has another text than ",
                                       JsonValue(text).describe(), " at character ", start));
    const std::string where = place(record, "context");
    HEDDLE_ASSIGN_OR_RETURN(Ids ids, framer_.encode(context, where));
    HEDDLE_ASSIGN_OR_RETURN(Place begin, tokensBefore(context, ids, at, where));
    HEDDLE_ASSIGN_OR_RETURN(Place behind, tokensBefore(context, ids, at + text.size(), where));
    const size_t first = begin.tokens;
    const size_t end = std::max(behind.tokens + (behind.within ? 1 : 0), first + 1);
    HEDDLE_ASSIGN_OR_RETURN(FramedTexts framed,
                            framer_.frame(std::move(question), std::move(ids), where,
                                          /*onlySecond=*/true));
    Example &example = framed.example;
    example.span = {kIgnoredTarget, kIgnoredTarget}; // of an answer that was cut off
    if (end <= framed.secondSize)
      example.span = {static_cast<int32_t>(framed.secondAt + first),
                      static_cast<int32_t>(framed.secondAt + end - 1)};
    examples_.push_back(std::move(example));
    return absl::OkStatus();
  }

  /// Of the character (code point) `index`.
  static StatusOr<size_t> byteOffset(const JsonRef &answer, const std::string &text,
                                     int64_t index) {
    size_t at = 0;
    for (int64_t i = 0; i < index && at < text.size(); ++i)
      do
        ++at;
      while (at < text.size() && (text[at] & 0xC0) == 0x80);
    if (index < 0 || at >= text.size())
      return answer.at("start")->error(
          absl::StrCat(index, " is no character of the context of ", text.size(), " bytes"));
    return at;
  }

  /// How many tokens end at or before a place in a text, and whether it lies within the next one.
  struct Place {
    size_t tokens = 0;
    bool within = false;
  };

  /// Of byte `at` in the text with these `ids`: the tokens that the text up to there begins with
  /// too.
  StatusOr<Place> tokensBefore(const std::string &text, const Ids &ids, size_t at,
                               const std::string &where) const {
    std::string_view prefix = std::string_view(text).substr(0, at);
    while (!prefix.empty() && prefix.back() == ' ') // a token may begin with the space before it
      prefix.remove_suffix(1);
    HEDDLE_ASSIGN_OR_RETURN(Ids before, framer_.encode(prefix, where));
    size_t same = 0;
    while (same < before.size() && same < ids.size() && before[same] == ids[same])
      ++same;
    return Place{same, same < before.size() && same < ids.size()};
  }

  const DataOptions &options_;
  const TrainingTask &task_;
  TextFramer framer_, decoderFramer_;
  std::vector<Example> examples_, partners_;
};

/// Whether a loss can come of the example: rows without any would train to a loss of 0.
bool hasTarget(const Example &example, const std::optional<TokenMasker> &masker) {
  if (masker) {
    Example copy = example;
    return masker->chooseOne(Part::Training, 0, copy);
  }
  auto counts = [](int32_t target) { return target != kIgnoredTarget; };
  if (!example.span.empty())
    return std::any_of(example.span.begin(), example.span.end(), counts);
  return !example.numbers.empty() || example.targets.empty() ||
         std::any_of(example.targets.begin(), example.targets.end(), counts);
}

const char *nothingToLearn(const TrainingTask &task) {
  if (task.objective == Objective::MaskedLm)
    return "they hold no tokens but special ones";
  return task.labels == proto::Task::SPAN ? "every answer is cut off" : "they hold no labels";
}

/// Texts one after the other, each with the token that ends it, as windows.
StatusOr<std::unique_ptr<TrainingData>> openPackedTexts(FileLayer &layer, const std::string &path,
                                                        const Tokenizer &tokenizer,
                                                        const DataOptions &options) {
  Ids all;
  HEDDLE_RETURN_IF_ERROR(forEachRecord(layer, path, [&](const JsonRef &record) -> Status {
    HEDDLE_ASSIGN_OR_RETURN(std::string text, record.getString("text"));
    auto ids = tokenizer.encode(text, Framing::None);
    if (!ids.ok())
      return withContext(ids.status(), absl::StrCat(record.file(), ": key \"text\""));
    all.insert(all.end(), ids->begin(), ids->end());
    if (options.task.tokens.end)
      all.push_back(*options.task.tokens.end);
    return absl::OkStatus();
  }));
  return makeTokenWindows(std::move(all), path, options);
}

/// Whether the first record is one of texts that follow each other.
StatusOr<bool> holdsTexts(FileLayer &layer, const std::string &path) {
  std::optional<bool> texts;
  Status status = forEachRecord(layer, path, [&](const JsonRef &record) -> Status {
    texts = record.find("text") && !record.find("prompt");
    return absl::CancelledError(); // one is enough
  });
  if (!texts)
    return status;
  return *texts;
}

Status checkVocabulary(const Tokenizer &tokenizer, const DataOptions &options) {
  if (tokenizer.vocabSize() > options.vocabSize)
    return invalidInput("the ", tokenizer.kind(), " tokenizer has ", tokenizer.vocabSize(),
                        " tokens, the model's vocabulary only ", options.vocabSize);
  return absl::OkStatus();
}

} // namespace

StatusOr<std::unique_ptr<TrainingData>> openRecords(FileLayer &layer, const std::string &path,
                                                    const Tokenizer &tokenizer,
                                                    const DataOptions &options) {
  const TrainingTask &task = options.task;
  HEDDLE_RETURN_IF_ERROR(checkVocabulary(tokenizer, options));
  if (task.objective == Objective::CausalLm) {
    HEDDLE_ASSIGN_OR_RETURN(bool texts, holdsTexts(layer, path));
    if (texts)
      return openPackedTexts(layer, path, tokenizer, options);
  }
  if (task.objective == Objective::NextSentence) {
    std::vector<Document> documents;
    HEDDLE_RETURN_IF_ERROR(forEachRecord(layer, path, [&](const JsonRef &record) -> Status {
      HEDDLE_ASSIGN_OR_RETURN(std::string text, record.getString("text"));
      return appendDocuments(text, tokenizer, absl::StrCat(record.file(), ": key \"text\""),
                             documents);
    }));
    return makeSentencePairs(std::move(documents), path, tokenizer, options);
  }
  if (!task.inputs.empty() && !task.takes("input_ids"))
    return invalidInput(path, ": holds records of text, and the model reads none (its inputs have "
                              "no input_ids)");
  if (task.objective == Objective::SequenceToSequence && !task.decoderStart)
    return invalidInput("--objective sequence-to-sequence: the model does not say what its decoder "
                        "begins with (decoder_start_token_id)");
  // An encoder's sequence may be of another length than its decoder's.
  const auto sourceInput = task.inputs.find("input_ids");
  const int64_t sourceSeq =
      sourceInput == task.inputs.end() ? options.seq : sourceInput->second.back();
  HEDDLE_ASSIGN_OR_RETURN(auto framer, TextFramer::create(tokenizer, sourceSeq, task.strict));
  const auto decoderInput = task.inputs.find("decoder_input_ids");
  const int64_t decoderSeq =
      decoderInput == task.inputs.end() ? options.seq : decoderInput->second.back();
  HEDDLE_ASSIGN_OR_RETURN(auto decoder, TextFramer::create(tokenizer, decoderSeq, task.strict));
  HEDDLE_ASSIGN_OR_RETURN(auto masker, maskerFor(tokenizer, options));
  RecordReader reader(options, std::move(framer), std::move(decoder));
  HEDDLE_RETURN_IF_ERROR(
      forEachRecord(layer, path, [&](const JsonRef &record) { return reader.add(record); }));
  HEDDLE_ASSIGN_OR_RETURN(uint64_t training,
                          trainingShare(reader.count(), "examples", path, options));
  std::string text = absl::StrCat(reader.count(), " examples");
  if (training < reader.count())
    absl::StrAppend(&text, ", the last ", reader.count() - training, " for validation");
  if (reader.cut() > 0)
    absl::StrAppend(&text, ", ", reader.cut(), " texts cut to the sequence of ", options.seq);
  std::vector<Example> examples = reader.takeExamples();
  if (std::none_of(examples.begin(), examples.begin() + static_cast<ptrdiff_t>(training),
                   [&](const Example &example) { return hasTarget(example, masker); }))
    return invalidInput(path, ": no record for training has anything to learn (",
                        nothingToLearn(task), ")");
  auto source = makeExampleSource(std::move(examples), reader.takePartners(), training,
                                  options.seed, std::move(text));
  return makeRowData(std::move(source), layoutFor(options), std::move(masker));
}

} // namespace heddle::runtime
