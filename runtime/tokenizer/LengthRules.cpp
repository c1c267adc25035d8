// SPDX-License-Identifier: Apache-2.0
#include "runtime/tokenizer/LengthRules.h"

#include "runtime/tokenizer/ReadHelpers.h"

namespace heddle::runtime {
namespace {

StatusOr<bool> readLeft(const JsonRef &json) {
  HEDDLE_ASSIGN_OR_RETURN(std::string direction, json.getString("direction", "Right"));
  if (direction != "Left" && direction != "Right")
    return json.find("direction")->error("expected \"Left\" or \"Right\"");
  return direction == "Left";
}

StatusOr<uint64_t> asLength(const JsonRef &json) {
  HEDDLE_ASSIGN_OR_RETURN(int64_t length,
                          json.asInteger(0, static_cast<int64_t>(limits::kPaddedLength)));
  return static_cast<uint64_t>(length);
}

Status readTruncation(const JsonRef &json, LengthRules &rules) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"direction", "max_length", "strategy", "stride"}));
  HEDDLE_ASSIGN_OR_RETURN(JsonRef longest, json.at("max_length"));
  HEDDLE_ASSIGN_OR_RETURN(int64_t length, longest.asInteger(0, limits::kJsonInteger));
  rules.longest = static_cast<uint64_t>(length);
  HEDDLE_ASSIGN_OR_RETURN(rules.cutLeft, readLeft(json));
  // The strategies differ for pairs of texts only.
  HEDDLE_ASSIGN_OR_RETURN(std::string strategy, json.getString("strategy", "LongestFirst"));
  if (strategy != "LongestFirst" && strategy != "OnlyFirst")
    return json.find("strategy")
        ->error(absl::StrCat(json.find("strategy")->value().describe(), " is not supported"));
  return absl::OkStatus();
}

Status readPadding(const JsonRef &json, LengthRules &rules) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(
      json, {"strategy", "direction", "pad_to_multiple_of", "pad_id", "pad_type_id", "pad_token"}));
  rules.pads = true;
  HEDDLE_ASSIGN_OR_RETURN(rules.padLeft, readLeft(json));
  HEDDLE_ASSIGN_OR_RETURN(JsonRef id, json.at("pad_id"));
  HEDDLE_ASSIGN_OR_RETURN(int64_t padId, id.asInteger(0, INT32_MAX));
  rules.padId = static_cast<int32_t>(padId);
  if (auto multiple = json.find("pad_to_multiple_of")) {
    HEDDLE_ASSIGN_OR_RETURN(rules.padMultiple, asLength(*multiple));
  }
  HEDDLE_ASSIGN_OR_RETURN(JsonRef strategy, json.at("strategy"));
  if (const std::string *name = strategy.value().string()) {
    if (*name != "BatchLongest") // a text alone is the longest
      return strategy.error(absl::StrCat(strategy.value().describe(), " is not supported"));
    return absl::OkStatus();
  }
  HEDDLE_RETURN_IF_ERROR(expectKeys(strategy, {"Fixed"}));
  HEDDLE_ASSIGN_OR_RETURN(JsonRef fixed, strategy.at("Fixed"));
  HEDDLE_ASSIGN_OR_RETURN(uint64_t length, asLength(fixed));
  rules.padTo = length;
  return absl::OkStatus();
}

} // namespace

StatusOr<LengthRules> readLengthRules(const JsonRef &json) {
  LengthRules rules;
  if (auto part = json.find("truncation"))
    HEDDLE_RETURN_IF_ERROR(readTruncation(*part, rules));
  if (auto part = json.find("padding"))
    HEDDLE_RETURN_IF_ERROR(readPadding(*part, rules));
  return rules;
}

void cutToLength(const LengthRules &rules, size_t special, std::vector<int32_t> &ids) {
  if (!rules.longest)
    return;
  size_t room = *rules.longest > special ? *rules.longest - special : 0;
  if (ids.size() <= room)
    return;
  if (rules.cutLeft)
    ids.erase(ids.begin(), ids.end() - static_cast<ptrdiff_t>(room));
  else
    ids.resize(room);
}

void padToLength(const LengthRules &rules, std::vector<int32_t> &ids) {
  if (!rules.pads)
    return;
  uint64_t length = rules.padTo.value_or(ids.size());
  if (rules.padMultiple > 0)
    length = (length + rules.padMultiple - 1) / rules.padMultiple * rules.padMultiple;
  if (length > ids.size())
    ids.insert(rules.padLeft ? ids.begin() : ids.end(), length - ids.size(), rules.padId);
}

} // namespace heddle::runtime
