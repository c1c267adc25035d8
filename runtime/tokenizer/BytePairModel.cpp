// SPDX-License-Identifier: Apache-2.0
#include "runtime/io/JsonWriter.h"
#include "runtime/tokenizer/Characters.h"
#include "runtime/tokenizer/Merging.h"
#include "runtime/tokenizer/ReadHelpers.h"
#include "runtime/tokenizer/TokenModel.h"

namespace heddle::runtime {
namespace {

struct BytePairOptions {
  std::string prefix; // of each character of a word but the first
  std::string suffix; // of the last
  std::optional<std::string> unknown;
  bool fuseUnknown = false;
  bool byteFallback = false;
  bool ignoreMerges = false; // for pieces that are tokens
};

class BytePairModel : public TokenModel {
public:
  BytePairModel(Vocabulary tokens, MergeTable merges, BytePairOptions options)
      : TokenModel(std::move(tokens)), merges_(std::move(merges)), options_(std::move(options)) {
    if (options_.unknown)
      unknown_ = vocabulary().find(*options_.unknown);
    if (options_.byteFallback)
      byteIds_ = byteIds();
  }

  const char *type() const override { return "BPE"; }

protected:
  Status tokenizeNew(std::string_view piece, std::vector<int32_t> &ids) const override {
    if (options_.ignoreMerges)
      if (int32_t id = vocabulary().find(piece); id != Vocabulary::kNone) {
        ids.push_back(id);
        return absl::OkStatus();
      }
    size_t begin = ids.size();
    HEDDLE_RETURN_IF_ERROR(options_.prefix.empty() && options_.suffix.empty()
                               ? appendCharacters(piece, ids)
                               : appendAffixed(piece, ids));
    mergeIds(merges_, ids, begin);
    return absl::OkStatus();
  }

private:
  /// Characters without a token become bytes, else the unknown token, which waits for the next
  /// character that has one where such are fused; without any of these they are left out.
  struct Pending {
    bool unknown = false;
  };

  Status appendCharacters(std::string_view piece, std::vector<int32_t> &ids) const {
    Pending pending;
    for (size_t at = 0; at < piece.size();) {
      size_t length = characterAt(piece, at).length;
      HEDDLE_RETURN_IF_ERROR(appendSymbol(piece.substr(at, length), pending, ids));
      at += length;
    }
    if (pending.unknown)
      ids.push_back(unknown_);
    return absl::OkStatus();
  }

  Status appendAffixed(std::string_view piece, std::vector<int32_t> &ids) const {
    Pending pending;
    std::string symbol;
    for (size_t at = 0; at < piece.size();) {
      size_t length = characterAt(piece, at).length;
      symbol = at > 0 ? options_.prefix : "";
      symbol += piece.substr(at, length);
      at += length;
      if (at == piece.size())
        symbol += options_.suffix;
      HEDDLE_RETURN_IF_ERROR(appendSymbol(symbol, pending, ids));
    }
    if (pending.unknown)
      ids.push_back(unknown_);
    return absl::OkStatus();
  }

  Status appendSymbol(std::string_view symbol, Pending &pending, std::vector<int32_t> &ids) const {
    int32_t id = vocabulary().find(symbol);
    if (id != Vocabulary::kNone) {
      if (pending.unknown)
        ids.push_back(unknown_);
      pending.unknown = false;
      ids.push_back(id);
      return absl::OkStatus();
    }
    if (options_.byteFallback && appendBytes(symbol, byteIds_, ids))
      return absl::OkStatus();
    if (!options_.unknown)
      return absl::OkStatus();
    if (unknown_ == Vocabulary::kNone)
      return invalidInput("the tokenizer's unk_token ", jsonString(*options_.unknown),
                          " is not in its vocabulary, and it has no token for ",
                          jsonString(std::string(symbol)));
    if (pending.unknown && !options_.fuseUnknown)
      ids.push_back(unknown_);
    pending.unknown = true;
    return absl::OkStatus();
  }

  MergeTable merges_;
  BytePairOptions options_;
  std::vector<int32_t> byteIds_;
  int32_t unknown_ = Vocabulary::kNone;
};

/// "a b" or ["a", "b"].
bool splitMerge(const JsonValue &entry, std::string_view &left, std::string_view &right) {
  if (const std::string *text = entry.string()) {
    size_t space = text->find(' ');
    if (space == std::string::npos || text->find(' ', space + 1) != std::string::npos)
      return false;
    left = std::string_view(*text).substr(0, space);
    right = std::string_view(*text).substr(space + 1);
    return true;
  }
  const JsonValue::Elements *pair = entry.elements();
  if (!pair || pair->size() != 2 || !(*pair)[0].string() || !(*pair)[1].string())
    return false;
  left = *(*pair)[0].string();
  right = *(*pair)[1].string();
  return true;
}

StatusOr<MergeTable> readMerges(const JsonRef &json, const Vocabulary &vocabulary,
                                const std::string &prefix) {
  const JsonValue::Elements *entries = json.value().elements();
  if (!entries)
    return json.asArray().status();
  MergeTable merges;
  merges.reserve(entries->size());
  for (size_t i = 0; i < entries->size(); ++i) {
    auto wrong = [&](const std::string &problem) {
      return json.error(absl::StrCat("[", i, "]: ", problem));
    };
    std::string_view left, right;
    if (!splitMerge((*entries)[i], left, right))
      return wrong(absl::StrCat("expected two tokens, found ", (*entries)[i].describe()));
    auto idOf = [&](std::string_view token) -> StatusOr<int32_t> {
      int32_t id = vocabulary.find(token);
      if (id == Vocabulary::kNone)
        return wrong(
            absl::StrCat("token ", jsonString(token.substr(0, 60)), " is not in the vocabulary"));
      return id;
    };
    HEDDLE_ASSIGN_OR_RETURN(int32_t leftId, idOf(left));
    HEDDLE_ASSIGN_OR_RETURN(int32_t rightId, idOf(right));
    // The right part loses as many bytes as the prefix has.
    if (right.size() < prefix.size())
      return wrong(absl::StrCat("token ", jsonString(right), " is shorter than the prefix"));
    std::string whole(left);
    whole += right.substr(prefix.size());
    HEDDLE_ASSIGN_OR_RETURN(int32_t id, idOf(whole));
    merges.add(leftId, rightId, {static_cast<uint32_t>(i), id});
  }
  return merges;
}

StatusOr<std::string> textOrNull(const JsonRef &json, const char *key) {
  return json.getString(key, std::string());
}

} // namespace

StatusOr<std::unique_ptr<TokenModel>> readBytePairModel(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(
      json, {"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
             "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"}));
  HEDDLE_ASSIGN_OR_RETURN(double dropout, json.getNumber("dropout", 0.0));
  if (dropout != 0)
    return json.find("dropout")->error(
        absl::StrCat(dropout, " is not supported: the same text would get other ids each time"));
  BytePairOptions options;
  HEDDLE_ASSIGN_OR_RETURN(options.prefix, textOrNull(json, "continuing_subword_prefix"));
  HEDDLE_ASSIGN_OR_RETURN(options.suffix, textOrNull(json, "end_of_word_suffix"));
  if (json.find("unk_token")) {
    HEDDLE_ASSIGN_OR_RETURN(options.unknown, json.getString("unk_token"));
  }
  HEDDLE_ASSIGN_OR_RETURN(options.fuseUnknown, json.getBool("fuse_unk", false));
  HEDDLE_ASSIGN_OR_RETURN(options.byteFallback, json.getBool("byte_fallback", false));
  HEDDLE_ASSIGN_OR_RETURN(options.ignoreMerges, json.getBool("ignore_merges", false));
  HEDDLE_ASSIGN_OR_RETURN(JsonRef vocab, json.at("vocab"));
  HEDDLE_ASSIGN_OR_RETURN(Vocabulary vocabulary, Vocabulary::read(vocab));
  HEDDLE_ASSIGN_OR_RETURN(JsonRef list, json.at("merges"));
  HEDDLE_ASSIGN_OR_RETURN(MergeTable merges, readMerges(list, vocabulary, options.prefix));
  return std::make_unique<BytePairModel>(std::move(vocabulary), std::move(merges),
                                         std::move(options));
}

} // namespace heddle::runtime
