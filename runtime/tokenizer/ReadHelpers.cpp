// SPDX-License-Identifier: Apache-2.0
#include "runtime/tokenizer/ReadHelpers.h"

#include <algorithm>

#include "runtime/io/JsonWriter.h"
#include "runtime/tokenizer/Characters.h"

namespace heddle::runtime {

Status expectKeys(const JsonRef &json, std::initializer_list<std::string_view> known) {
  const JsonValue::Object *object = json.value().object();
  if (!object)
    return json.asObject().status();
  for (const auto &[key, value] : object->members)
    if (std::find(known.begin(), known.end(), key) == known.end())
      return json.error(
          absl::StrCat("key ", jsonString(key), ": ", value.describe(), " is not supported"));
  return absl::OkStatus();
}

StatusOr<std::string> typeOf(const JsonRef &json) { return json.getString("type"); }

Status unknownType(const JsonRef &json, const char *what, const char *known) {
  HEDDLE_ASSIGN_OR_RETURN(JsonRef type, json.at("type"));
  return type.error(absl::StrCat(type.value().describe(), " is no ", what,
                                 " that is supported, expected one of ", known));
}

StatusOr<uint32_t> getCharacter(const JsonRef &json, std::string_view key, uint32_t fallback) {
  if (fallback && !json.find(key))
    return fallback;
  HEDDLE_ASSIGN_OR_RETURN(JsonRef member, json.at(key));
  HEDDLE_ASSIGN_OR_RETURN(std::string text, member.asString());
  if (countCharacters(text) != 1)
    return member.error(absl::StrCat("expected one character, found ", jsonString(text)));
  return characterAt(text, 0).code;
}

} // namespace heddle::runtime
