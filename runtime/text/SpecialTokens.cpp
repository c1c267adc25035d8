// SPDX-License-Identifier: Apache-2.0
#include "runtime/text/SpecialTokens.h"

#include "runtime/base/Limits.h"
#include "runtime/io/Json.h"

namespace heddle::runtime {
namespace {

struct Role {
  const char *key;
  std::optional<int32_t> SpecialTokens::*id;
  std::initializer_list<const char *> usual;
};

/// "[MASK]", or an object with it as its content.
StatusOr<std::optional<std::string>> namedToken(const JsonRef &json, const char *key) {
  std::optional<JsonRef> member = json.find(key);
  if (!member)
    return std::optional<std::string>();
  if (member->value().object()) {
    HEDDLE_ASSIGN_OR_RETURN(std::string content, member->getString("content"));
    return std::optional<std::string>(std::move(content));
  }
  HEDDLE_ASSIGN_OR_RETURN(std::string content, member->asString());
  return std::optional<std::string>(std::move(content));
}

} // namespace

StatusOr<SpecialTokens> specialTokensOf(const Tokenizer &tokenizer, const FileLookup &files,
                                        const std::string &place) {
  const Role roles[] = {
      {"mask_token", &SpecialTokens::mask, {"[MASK]", "<mask>"}},
      {"pad_token", &SpecialTokens::pad, {"[PAD]", "<pad>"}},
      {"eos_token", &SpecialTokens::end, {"</s>", "<|endoftext|>", "<|end_of_text|>"}},
  };
  SpecialTokens tokens;
  for (const char *name : {"tokenizer_config.json", "special_tokens_map.json"}) {
    HEDDLE_ASSIGN_OR_RETURN(std::optional<std::string> text, files(name));
    if (!text)
      continue;
    HEDDLE_ASSIGN_OR_RETURN(JsonDocument document,
                            parseJson(*text, place + name, limits::kTokenizerJsonBytes));
    HEDDLE_RETURN_IF_ERROR(document.ref().asObject().status());
    for (const Role &role : roles) {
      HEDDLE_ASSIGN_OR_RETURN(std::optional<std::string> token,
                              namedToken(document.ref(), role.key));
      if (!token || tokens.*role.id)
        continue;
      tokens.*role.id = tokenizer.idOf(*token);
      if (!(tokens.*role.id))
        return document.ref().at(role.key)->error(
            absl::StrCat("\"", *token, "\" is no token of the tokenizer"));
    }
  }
  for (const Role &role : roles)
    for (const char *usual : role.usual) {
      std::optional<int32_t> id = tokenizer.idOf(usual);
      if (!(tokens.*role.id) && id && tokenizer.isSpecial(*id))
        tokens.*role.id = id;
    }
  return tokens;
}

} // namespace heddle::runtime
