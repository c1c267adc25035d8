// SPDX-License-Identifier: Apache-2.0
#include "runtime/tokenizer/TokenizerJson.h"

#include "runtime/io/JsonWriter.h"

namespace heddle::runtime {

std::string TokenizerParts::json() const {
  JsonWriter json;
  json.beginObject().member("version", "1.0");
  json.key("truncation").null().key("padding").null().key("added_tokens").beginArray();
  for (const SpecialToken &token : special)
    json.beginObject()
        .member("id", token.id)
        .member("content", token.content)
        .member("single_word", false)
        .member("lstrip", token.leftStrip)
        .member("rstrip", false)
        .member("normalized", false)
        .member("special", true)
        .endObject();
  json.endArray();
  json.key("normalizer").raw(normalizer).key("pre_tokenizer").raw(preTokenizer);
  json.key("post_processor").raw(postProcessor).key("decoder").raw(decoder);
  json.key("model").raw(model).endObject();
  return json.take() + "\n";
}

std::string templateJson(const std::vector<SpecialToken> &before,
                         const std::vector<SpecialToken> &after, const PairTemplate &pair) {
  JsonWriter json;
  json.beginObject().member("type", "TemplateProcessing").key("single").beginArray();
  auto part = [&](const char *kind, const std::string &id, int64_t type = 0) {
    json.beginObject().key(kind).beginObject().member("id", id).member("type_id", type);
    json.endObject().endObject();
  };
  auto parts = [&](const std::vector<SpecialToken> &tokens, int64_t type = 0) {
    for (const SpecialToken &token : tokens)
      part("SpecialToken", token.content, type);
  };
  parts(before);
  part("Sequence", "A");
  parts(after);
  json.endArray().key("pair").beginArray();
  if (pair.separators > 0)
    parts(before);
  part("Sequence", "A");
  for (int i = 0; i < pair.separators; ++i)
    parts(after);
  part("Sequence", "B", pair.type);
  if (pair.separators > 0)
    parts(after, pair.type);
  json.endArray().key("special_tokens").beginObject();
  for (const auto *tokens : {&before, &after})
    for (const SpecialToken &token : *tokens) {
      json.key(token.content).beginObject().member("id", token.content);
      json.member("ids", std::vector<int64_t>{token.id});
      json.member("tokens", std::vector<std::string>{token.content}).endObject();
    }
  json.endObject().endObject();
  return json.take();
}

Status TokenizerConfig::unknownClass(const std::string &known) const {
  return invalidInput(file, ": key \"tokenizer_class\": ", jsonString(tokenizerClass),
                      " is not known beside such files, expected ", known,
                      "; save the tokenizer as tokenizer.json (transformers: "
                      "AutoTokenizer.from_pretrained(...).save_pretrained(...))");
}

StatusOr<TokenizerConfig> readTokenizerConfig(std::string_view text, const std::string &file) {
  HEDDLE_ASSIGN_OR_RETURN(JsonDocument document,
                          parseJson(text, file, limits::kTokenizerJsonBytes));
  JsonRef json = document.ref();
  TokenizerConfig config;
  config.file = file;
  HEDDLE_ASSIGN_OR_RETURN(config.tokenizerClass, json.getString("tokenizer_class", std::string()));
  if (config.tokenizerClass.ends_with("Fast"))
    config.tokenizerClass.resize(config.tokenizerClass.size() - 4);
  HEDDLE_ASSIGN_OR_RETURN(config.lowercase, json.getBool("do_lower_case", true));
  HEDDLE_ASSIGN_OR_RETURN(config.lowercaseGiven, json.getBool("do_lower_case", false));
  HEDDLE_ASSIGN_OR_RETURN(config.stripAccents, json.getBool("strip_accents", config.lowercase));
  HEDDLE_ASSIGN_OR_RETURN(config.ideographsApart, json.getBool("tokenize_chinese_chars", true));
  HEDDLE_ASSIGN_OR_RETURN(config.addPrefixSpace, json.getBool("add_prefix_space", false));
  HEDDLE_ASSIGN_OR_RETURN(config.keepAccents, json.getBool("keep_accents", false));
  HEDDLE_ASSIGN_OR_RETURN(config.addBos, json.getBool("add_bos_token", false));
  HEDDLE_ASSIGN_OR_RETURN(config.legacy, json.getBool("legacy", false));
  HEDDLE_ASSIGN_OR_RETURN(config.addEos, json.getBool("add_eos_token", false));
  if (auto extra = json.find("extra_ids")) {
    HEDDLE_ASSIGN_OR_RETURN(config.extraIds, extra->asInteger(0, 10'000));
  }
  return config;
}

} // namespace heddle::runtime
