// SPDX-License-Identifier: Apache-2.0
#include "runtime/tokenizer/PostProcessor.h"

#include "runtime/tokenizer/ReadHelpers.h"

namespace heddle::runtime {
namespace {

StatusOr<int32_t> asId(const JsonRef &json) {
  HEDDLE_ASSIGN_OR_RETURN(int64_t id, json.asInteger(0, INT32_MAX));
  return static_cast<int32_t>(id);
}

/// ["[SEP]", 102]
StatusOr<int32_t> readTokenPair(const JsonRef &json, const char *key) {
  HEDDLE_ASSIGN_OR_RETURN(JsonRef member, json.at(key));
  HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> pair, member.asArray());
  if (pair.size() != 2)
    return member.error("expected [token, id]");
  return asId(pair[1]);
}

/// The ids of a special token of a template.
Status appendSpecial(const JsonRef &json, const std::string &name, std::vector<int32_t> &ids) {
  HEDDLE_ASSIGN_OR_RETURN(JsonRef tokens, json.at("special_tokens"));
  HEDDLE_ASSIGN_OR_RETURN(JsonRef token, tokens.at(name));
  HEDDLE_RETURN_IF_ERROR(expectKeys(token, {"id", "ids", "tokens"}));
  HEDDLE_ASSIGN_OR_RETURN(JsonRef list, token.at("ids"));
  HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> entries, list.asArray());
  for (const JsonRef &entry : entries) {
    HEDDLE_ASSIGN_OR_RETURN(int32_t id, asId(entry));
    ids.push_back(id);
  }
  return absl::OkStatus();
}

StatusOr<int32_t> readType(const JsonRef &part) {
  auto type = part.find("type_id");
  if (!type)
    return 0;
  HEDDLE_ASSIGN_OR_RETURN(int64_t value, type->asInteger(0, INT32_MAX));
  return static_cast<int32_t>(value);
}

/// "single" or "pair" with the types of its parts; nothing where it is left out or empty.
StatusOr<std::optional<TextFrame>> readFrame(const JsonRef &json, const char *key) {
  std::optional<JsonRef> member = json.find(key);
  if (!member)
    return std::optional<TextFrame>();
  HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> parts, member->asArray());
  TextFrame frame;
  for (const JsonRef &part : parts) {
    HEDDLE_RETURN_IF_ERROR(expectKeys(part, {"SpecialToken", "Sequence"}));
    if (auto special = part.find("SpecialToken")) {
      HEDDLE_ASSIGN_OR_RETURN(std::string name, special->getString("id"));
      HEDDLE_ASSIGN_OR_RETURN(int32_t type, readType(*special));
      std::vector<int32_t> ids;
      HEDDLE_RETURN_IF_ERROR(appendSpecial(json, name, ids));
      for (int32_t id : ids)
        frame.push_back({FramePart::Kind::Token, id, type});
      continue;
    }
    HEDDLE_ASSIGN_OR_RETURN(JsonRef sequence, part.at("Sequence"));
    HEDDLE_ASSIGN_OR_RETURN(std::string name, sequence.getString("id"));
    HEDDLE_ASSIGN_OR_RETURN(int32_t type, readType(sequence));
    if (name != "A" && name != "B")
      return sequence.error("expected sequence A or B");
    frame.push_back({name == "A" ? FramePart::Kind::First : FramePart::Kind::Second, 0, type});
  }
  return frame.empty() ? std::nullopt : std::optional<TextFrame>(std::move(frame));
}

StatusOr<SpecialFrame> readTemplate(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type", "single", "pair", "special_tokens"}));
  HEDDLE_ASSIGN_OR_RETURN(JsonRef member, json.at("single"));
  HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> parts, member.asArray());
  SpecialFrame frame;
  frame.text = false;
  for (const JsonRef &part : parts) {
    HEDDLE_RETURN_IF_ERROR(expectKeys(part, {"SpecialToken", "Sequence"}));
    if (auto special = part.find("SpecialToken")) {
      HEDDLE_ASSIGN_OR_RETURN(std::string name, special->getString("id"));
      HEDDLE_RETURN_IF_ERROR(appendSpecial(json, name, frame.text ? frame.after : frame.before));
      continue;
    }
    HEDDLE_ASSIGN_OR_RETURN(JsonRef sequence, part.at("Sequence"));
    HEDDLE_ASSIGN_OR_RETURN(std::string name, sequence.getString("id"));
    if (name != "A" || frame.text)
      return part.error("the template of a single text must have $A once, and no other");
    frame.text = true;
  }
  HEDDLE_ASSIGN_OR_RETURN(frame.single, readFrame(json, "single"));
  HEDDLE_ASSIGN_OR_RETURN(frame.pair, readFrame(json, "pair"));
  return frame;
}

/// <s> A </s></s> B </s> of RoBERTa, or [CLS] A [SEP] B [SEP] of BERT, whose second text has a type
/// of its own.
StatusOr<SpecialFrame> readPairOfEnds(const JsonRef &json, bool twoSeparators) {
  HEDDLE_RETURN_IF_ERROR(
      expectKeys(json, {"type", "sep", "cls", "trim_offsets", "add_prefix_space"}));
  HEDDLE_ASSIGN_OR_RETURN(int32_t first, readTokenPair(json, "cls"));
  HEDDLE_ASSIGN_OR_RETURN(int32_t last, readTokenPair(json, "sep"));
  using enum FramePart::Kind;
  const TextFrame single = {{Token, first}, {First}, {Token, last}};
  TextFrame pair = single;
  if (twoSeparators)
    pair.insert(pair.end(), {{Token, last}, {Second}, {Token, last}});
  else
    pair.insert(pair.end(), {{Second, 0, 1}, {Token, last, 1}});
  return SpecialFrame{{first}, {last}, true, single, pair};
}

StatusOr<SpecialFrame> readSequenceOfFrames(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type", "processors"}));
  HEDDLE_ASSIGN_OR_RETURN(JsonRef member, json.at("processors"));
  HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> elements, member.asArray());
  SpecialFrame whole;
  bool framed = false;
  for (const JsonRef &element : elements) {
    HEDDLE_ASSIGN_OR_RETURN(SpecialFrame frame, readPostProcessor(element));
    if (!frame.text)
      whole.before = whole.after = {};
    whole.text = whole.text && frame.text;
    whole.before.insert(whole.before.begin(), frame.before.begin(), frame.before.end());
    whole.after.insert(whole.after.end(), frame.after.begin(), frame.after.end());
    if (!frame.single && !frame.pair)
      continue; // it concerns offsets only
    // Two templates within each other say nothing that a model was trained with.
    whole.single = framed ? std::nullopt : frame.single;
    whole.pair = framed ? std::nullopt : frame.pair;
    framed = true;
  }
  return whole;
}

} // namespace

StatusOr<SpecialFrame> readPostProcessor(const JsonRef &json) {
  HEDDLE_ASSIGN_OR_RETURN(std::string type, typeOf(json));
  if (type == "TemplateProcessing")
    return readTemplate(json);
  if (type == "BertProcessing" || type == "RobertaProcessing")
    return readPairOfEnds(json, type == "RobertaProcessing");
  if (type == "Sequence")
    return readSequenceOfFrames(json);
  if (type == "ByteLevel") {
    HEDDLE_RETURN_IF_ERROR(
        expectKeys(json, {"type", "add_prefix_space", "trim_offsets", "use_regex"}));
    return SpecialFrame();
  }
  return unknownType(json, "post-processor",
                     "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, Sequence");
}

} // namespace heddle::runtime
