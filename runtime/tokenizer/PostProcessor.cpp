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
  return frame;
}

StatusOr<SpecialFrame> readPairOfEnds(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(
      expectKeys(json, {"type", "sep", "cls", "trim_offsets", "add_prefix_space"}));
  HEDDLE_ASSIGN_OR_RETURN(int32_t first, readTokenPair(json, "cls"));
  HEDDLE_ASSIGN_OR_RETURN(int32_t last, readTokenPair(json, "sep"));
  return SpecialFrame{{first}, {last}, true};
}

StatusOr<SpecialFrame> readSequence(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type", "processors"}));
  HEDDLE_ASSIGN_OR_RETURN(JsonRef member, json.at("processors"));
  HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> elements, member.asArray());
  SpecialFrame whole;
  for (const JsonRef &element : elements) {
    HEDDLE_ASSIGN_OR_RETURN(SpecialFrame frame, readPostProcessor(element));
    if (!frame.text)
      whole = SpecialFrame{{}, {}, false};
    whole.before.insert(whole.before.begin(), frame.before.begin(), frame.before.end());
    whole.after.insert(whole.after.end(), frame.after.begin(), frame.after.end());
  }
  return whole;
}

} // namespace

StatusOr<SpecialFrame> readPostProcessor(const JsonRef &json) {
  HEDDLE_ASSIGN_OR_RETURN(std::string type, typeOf(json));
  if (type == "TemplateProcessing")
    return readTemplate(json);
  if (type == "BertProcessing" || type == "RobertaProcessing")
    return readPairOfEnds(json);
  if (type == "Sequence")
    return readSequence(json);
  if (type == "ByteLevel") {
    HEDDLE_RETURN_IF_ERROR(
        expectKeys(json, {"type", "add_prefix_space", "trim_offsets", "use_regex"}));
    return SpecialFrame();
  }
  return unknownType(json, "post-processor",
                     "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, Sequence");
}

} // namespace heddle::runtime
