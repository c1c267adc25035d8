// SPDX-License-Identifier: Apache-2.0
#include "runtime/tokenizer/OlderFiles.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "runtime/base/Utf8.h"
#include "runtime/io/JsonWriter.h"
#include "runtime/tokenizer/TokenizerJson.h"

namespace heddle::runtime {
namespace {

using Ids = absl::flat_hash_map<std::string, int64_t>;

std::vector<std::string_view> linesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r'))
      line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// Those of `names` that the vocabulary has, by ascending id.
std::vector<SpecialToken> specialAmong(const Ids &ids, std::initializer_list<const char *> names) {
  std::vector<SpecialToken> tokens;
  for (const char *name : names)
    if (auto at = ids.find(name); at != ids.end())
      tokens.push_back({name, at->second, std::string_view(name) == "<mask>"});
  std::sort(tokens.begin(), tokens.end(),
            [](const SpecialToken &a, const SpecialToken &b) { return a.id < b.id; });
  return tokens;
}

StatusOr<SpecialToken> specialToken(const Ids &ids, const char *name, const std::string &file) {
  auto at = ids.find(name);
  if (at == ids.end())
    return invalidInput(file, ": has no token ", name);
  return SpecialToken{name, at->second};
}

/// A vocabulary as a JSON object in the order of ids.
void writeVocabulary(const Ids &ids, JsonWriter &json) {
  std::vector<std::pair<int64_t, std::string_view>> sorted;
  for (const auto &[token, id] : ids)
    sorted.emplace_back(id, token);
  std::sort(sorted.begin(), sorted.end());
  json.key("vocab").beginObject();
  for (const auto &[id, token] : sorted)
    json.member(token, id);
  json.endObject();
}

/// vocab.txt: BERT's WordPiece, a token a line.
StatusOr<std::string> jsonOfWordPiece(const std::string &text, const std::string &file,
                                      const TokenizerConfig &config) {
  static constexpr const char *kClasses[] = {"", "BertTokenizer", "DistilBertTokenizer",
                                             "ElectraTokenizer"};
  if (std::find(std::begin(kClasses), std::end(kClasses), config.tokenizerClass) ==
      std::end(kClasses))
    return config.unknownClass("BertTokenizer, DistilBertTokenizer or ElectraTokenizer");
  if (!isValidUtf8(text))
    return invalidInput(file, ": not UTF-8 at byte ", utf8ValidPrefix(text));
  Ids ids;
  int64_t id = 0;
  for (std::string_view line : linesOf(text)) // of a token that comes twice the last line counts
    ids[std::string(line)] = id++;
  TokenizerParts parts;
  parts.special = specialAmong(ids, {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"});
  HEDDLE_ASSIGN_OR_RETURN(SpecialToken first, specialToken(ids, "[CLS]", file));
  HEDDLE_ASSIGN_OR_RETURN(SpecialToken last, specialToken(ids, "[SEP]", file));
  JsonWriter normalizer;
  normalizer.beginObject()
      .member("type", "BertNormalizer")
      .member("clean_text", true)
      .member("handle_chinese_chars", config.ideographsApart)
      .member("strip_accents", config.stripAccents)
      .member("lowercase", config.lowercase)
      .endObject();
  parts.normalizer = normalizer.take();
  parts.preTokenizer = R"({"type":"BertPreTokenizer"})";
  parts.postProcessor = templateJson({first}, {last}, {.separators = 1, .type = 1});
  parts.decoder = R"({"type":"WordPiece","prefix":"##","cleanup":true})";
  JsonWriter model;
  model.beginObject()
      .member("type", "WordPiece")
      .member("unk_token", "[UNK]")
      .member("continuing_subword_prefix", "##")
      .member("max_input_chars_per_word", 100);
  writeVocabulary(ids, model);
  model.endObject();
  parts.model = model.take();
  return parts.json();
}

/// vocab.json and merges.txt: byte-level BPE of GPT-2, or of RoBERTa, which frames texts.
StatusOr<std::string> jsonOfByteLevel(const std::string &vocab, const std::string &vocabFile,
                                      const std::string &merges, const std::string &mergesFile,
                                      const TokenizerConfig &config) {
  const std::string &name = config.tokenizerClass;
  bool frames = name == "RobertaTokenizer" || name == "BartTokenizer" ||
                name == "LongformerTokenizer" || name == "LEDTokenizer";
  if (!frames && !name.empty() && name != "GPT2Tokenizer")
    return config.unknownClass("GPT2Tokenizer, RobertaTokenizer, BartTokenizer, "
                               "LongformerTokenizer or LEDTokenizer");
  HEDDLE_ASSIGN_OR_RETURN(JsonDocument document,
                          parseJson(vocab, vocabFile, limits::kTokenizerJsonBytes));
  HEDDLE_ASSIGN_OR_RETURN(auto members, document.ref().asObject());
  Ids ids;
  for (const auto &[token, value] : members) {
    HEDDLE_ASSIGN_OR_RETURN(int64_t id, value.asInteger());
    ids[token] = id;
  }
  if (!isValidUtf8(merges))
    return invalidInput(mergesFile, ": not UTF-8 at byte ", utf8ValidPrefix(merges));
  TokenizerParts parts;
  parts.special = frames ? specialAmong(ids, {"<s>", "</s>", "<unk>", "<pad>", "<mask>"})
                         : specialAmong(ids, {"<|endoftext|>"});
  JsonWriter byteLevel;
  byteLevel.beginObject()
      .member("type", "ByteLevel")
      .member("add_prefix_space", config.addPrefixSpace)
      .member("trim_offsets", true)
      .member("use_regex", true)
      .endObject();
  parts.preTokenizer = parts.postProcessor = parts.decoder = byteLevel.take();
  if (frames) {
    HEDDLE_ASSIGN_OR_RETURN(SpecialToken first, specialToken(ids, "<s>", vocabFile));
    HEDDLE_ASSIGN_OR_RETURN(SpecialToken last, specialToken(ids, "</s>", vocabFile));
    parts.postProcessor = templateJson({first}, {last}, {.separators = 2});
  }
  JsonWriter model;
  model.beginObject().member("type", "BPE");
  writeVocabulary(ids, model);
  model.key("merges").beginArray();
  for (std::string_view line : linesOf(merges))
    if (!line.empty() && !line.starts_with("#version"))
      model.value(line);
  model.endArray().endObject();
  parts.model = model.take();
  return parts.json();
}

} // namespace

bool isOlderTokenizerFile(const std::string &name) {
  static constexpr const char *kNames[] = {"tokenizer.model", "spiece.model", "vocab.json",
                                           "merges.txt", "vocab.txt"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

StatusOr<std::optional<std::string>> jsonOfOlderFiles(const FileContent &files,
                                                      const std::string &place) {
  TokenizerConfig config;
  auto readConfig = [&]() -> Status {
    HEDDLE_ASSIGN_OR_RETURN(std::optional<std::string> text, files("tokenizer_config.json"));
    if (text) {
      HEDDLE_ASSIGN_OR_RETURN(config, readTokenizerConfig(*text, place + "tokenizer_config.json"));
    }
    // Tokens beside the vocabulary: how they are looked for stands in no file of that age.
    HEDDLE_ASSIGN_OR_RETURN(std::optional<std::string> added, files("added_tokens.json"));
    if (!added)
      return absl::OkStatus();
    const std::string name = place + "added_tokens.json";
    HEDDLE_ASSIGN_OR_RETURN(JsonDocument tokens,
                            parseJson(*added, name, limits::kTokenizerJsonBytes));
    HEDDLE_ASSIGN_OR_RETURN(auto members, tokens.ref().asObject());
    if (members.empty())
      return absl::OkStatus();
    return invalidInput(name, ": key ", jsonString(members.front().first),
                        ": added tokens are read from a tokenizer.json only");
  };
  for (const char *name : {"tokenizer.model", "spiece.model"}) {
    HEDDLE_ASSIGN_OR_RETURN(std::optional<std::string> bytes, files(name));
    if (!bytes)
      continue;
    HEDDLE_RETURN_IF_ERROR(readConfig());
    HEDDLE_ASSIGN_OR_RETURN(std::string json, jsonOfSentencePiece(*bytes, place + name, config));
    return std::optional<std::string>(std::move(json));
  }
  HEDDLE_ASSIGN_OR_RETURN(std::optional<std::string> vocab, files("vocab.json"));
  if (vocab) {
    HEDDLE_ASSIGN_OR_RETURN(std::optional<std::string> merges, files("merges.txt"));
    if (!merges)
      return invalidInput(place, "merges.txt: is missing beside vocab.json");
    HEDDLE_RETURN_IF_ERROR(readConfig());
    HEDDLE_ASSIGN_OR_RETURN(std::string json, jsonOfByteLevel(*vocab, place + "vocab.json", *merges,
                                                              place + "merges.txt", config));
    return std::optional<std::string>(std::move(json));
  }
  HEDDLE_ASSIGN_OR_RETURN(std::optional<std::string> text, files("vocab.txt"));
  if (!text) {
    HEDDLE_ASSIGN_OR_RETURN(std::optional<std::string> merges, files("merges.txt"));
    if (merges)
      return invalidInput(place, "vocab.json: is missing beside merges.txt");
    return std::optional<std::string>();
  }
  HEDDLE_RETURN_IF_ERROR(readConfig());
  HEDDLE_ASSIGN_OR_RETURN(std::string json, jsonOfWordPiece(*text, place + "vocab.txt", config));
  return std::optional<std::string>(std::move(json));
}

} // namespace heddle::runtime
