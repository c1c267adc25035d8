// SPDX-License-Identifier: Apache-2.0
#include "runtime/tokenizer/AddedTokens.h"

#include <algorithm>

#include "runtime/io/JsonWriter.h"
#include "runtime/tokenizer/Characters.h"
#include "runtime/tokenizer/ReadHelpers.h"

namespace heddle::runtime {
namespace {

StatusOr<AddedToken> readToken(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(
      json, {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"}));
  AddedToken token;
  HEDDLE_ASSIGN_OR_RETURN(int64_t id, json.getInteger("id"));
  if (id < 0 || id > INT32_MAX)
    return json.at("id")->error(absl::StrCat(id, " is no id"));
  token.id = static_cast<int32_t>(id);
  HEDDLE_ASSIGN_OR_RETURN(token.content, json.getString("content"));
  if (token.content.size() > limits::kTokenBytes)
    return json.at("content")->error(
        absl::StrCat(token.content.size(), " bytes, more than the limit of ", limits::kTokenBytes));
  HEDDLE_ASSIGN_OR_RETURN(token.special, json.getBool("special"));
  HEDDLE_ASSIGN_OR_RETURN(token.singleWord, json.getBool("single_word", false));
  HEDDLE_ASSIGN_OR_RETURN(token.leftStrip, json.getBool("lstrip", false));
  HEDDLE_ASSIGN_OR_RETURN(token.rightStrip, json.getBool("rstrip", false));
  HEDDLE_ASSIGN_OR_RETURN(token.normalized, json.getBool("normalized", !token.special));
  return token;
}

/// A character of words, for single_word.
bool isWordCharacter(uint32_t code) {
  static const Regex *word = [] {
    return new Regex(
        *Regex::compilePcre("[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}]"));
  }();
  std::string text;
  appendCharacter(code, text);
  RegexScratch scratch;
  StatusOr<Match> match = word->find(text, 0, scratch);
  return match.ok() && match->found;
}

bool standsAlone(std::string_view text, size_t begin, size_t end) {
  return (begin == 0 || !isWordCharacter(characterBefore(text, begin).code)) &&
         (end == text.size() || !isWordCharacter(characterAt(text, end).code));
}

size_t beforeSpaces(std::string_view text, size_t at) {
  while (at > 0) {
    Character c = characterBefore(text, at);
    if (!isSpace(c.code))
      break;
    at -= c.length;
  }
  return at;
}

size_t afterSpaces(std::string_view text, size_t at) {
  while (at < text.size()) {
    Character c = characterAt(text, at);
    if (!isSpace(c.code))
      break;
    at += c.length;
  }
  return at;
}

} // namespace

StatusOr<AddedTokens> AddedTokens::read(const JsonRef &json, const TokenModel &model,
                                        const Normalizer *normalizer) {
  HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> elements, json.asArray());
  AddedTokens added;
  int64_t next = model.count();
  absl::flat_hash_set<std::string> known;
  for (const JsonRef &element : elements) {
    HEDDLE_ASSIGN_OR_RETURN(AddedToken token, readToken(element));
    if (token.content.empty())
      return element.error("key \"content\": is empty");
    if (!known.insert(token.content).second)
      return element.error(absl::StrCat("token ", jsonString(token.content), " comes twice"));
    // The package numbers them so, whatever the file says.
    int32_t id = model.vocabulary().find(token.content);
    if (id == Vocabulary::kNone) {
      next = std::max(next, added.size());
      id = static_cast<int32_t>(next);
    }
    if (id != token.id)
      return element.error(absl::StrCat("key \"id\": ", token.id, ", but token ",
                                        jsonString(token.content), " gets ", id,
                                        " in this vocabulary"));
    if (id >= added.size())
      added.byId_.resize(static_cast<size_t>(id) + 1, -1);
    if (token.special)
      added.special_.insert(token.content);
    added.byId_[static_cast<size_t>(id)] = static_cast<int32_t>(added.tokens_.size());
    added.tokens_.push_back(std::move(token));
  }
  // Special tokens first, as the first of equal ones counts.
  std::vector<std::pair<std::string_view, int32_t>> plain, normalized;
  Workspace workspace;
  for (bool special : {true, false})
    for (size_t i = 0; i < added.tokens_.size(); ++i) {
      AddedToken &token = added.tokens_[i];
      if (token.special != special)
        continue;
      if (!token.normalized) {
        token.normal = token.content;
        plain.emplace_back(token.normal, static_cast<int32_t>(i));
        continue;
      }
      NormalizedText text{token.content};
      if (normalizer)
        HEDDLE_RETURN_IF_ERROR(normalizer->apply(text, workspace));
      token.normal = std::move(text.text);
      if (!token.normal.empty())
        normalized.emplace_back(token.normal, static_cast<int32_t>(i));
    }
  added.plain_ = Trie(std::move(plain));
  added.normalized_ = Trie(std::move(normalized));
  return added;
}

Status AddedTokens::split(std::string_view text, bool normalized, TextSink stretch,
                          TokenSink found) const {
  const Trie &trie = normalized ? normalized_ : plain_;
  size_t done = 0; // of what was given on
  for (size_t at = 0; at < text.size();) {
    Trie::Longest longest = trie.longestAt(text, at);
    if (longest.value == Trie::kNone) {
      ++at;
      continue;
    }
    const AddedToken &token = tokens_[static_cast<size_t>(longest.value)];
    size_t begin = at, end = at + longest.length;
    at = end;
    if (token.singleWord && !standsAlone(text, begin, end))
      continue;
    if (token.leftStrip)
      begin = beforeSpaces(text, begin); // less than done where the token before took them
    if (token.rightStrip)
      end = afterSpaces(text, end);
    if (done < begin)
      HEDDLE_RETURN_IF_ERROR(stretch(done, begin));
    found(token.id);
    done = end;
  }
  return done < text.size() ? stretch(done, text.size()) : absl::OkStatus();
}

std::optional<int32_t> AddedTokens::idOf(std::string_view content) const {
  for (size_t id = 0; id < byId_.size(); ++id)
    if (byId_[id] >= 0 && tokens_[static_cast<size_t>(byId_[id])].content == content)
      return static_cast<int32_t>(id);
  return std::nullopt;
}

const AddedToken *AddedTokens::find(int32_t id) const {
  if (id < 0 || id >= size() || byId_[static_cast<size_t>(id)] < 0)
    return nullptr;
  return &tokens_[static_cast<size_t>(byId_[static_cast<size_t>(id)])];
}

} // namespace heddle::runtime
