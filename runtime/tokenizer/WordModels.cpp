// SPDX-License-Identifier: Apache-2.0
// WordPiece: the longest token that begins a word, then the longest that goes on, and so on.
// WordLevel: whole words.
#include "runtime/tokenizer/Characters.h"
#include "runtime/tokenizer/ReadHelpers.h"
#include "runtime/tokenizer/TokenModel.h"
#include "runtime/tokenizer/Trie.h"

namespace heddle::runtime {
namespace {

class WordPieceModel : public TokenModel {
public:
  WordPieceModel(Vocabulary tokens, std::string_view prefix, int32_t unknown, uint64_t longest)
      : TokenModel(std::move(tokens)), unknown_(unknown), longest_(longest) {
    std::vector<std::pair<std::string_view, int32_t>> all, following;
    for (int32_t id = 0; id < vocabulary().size(); ++id)
      if (const std::string *token = vocabulary().token(id)) {
        std::string_view text = *token;
        all.emplace_back(text, id);
        if (text.starts_with(prefix))
          following.emplace_back(text.substr(prefix.size()), id);
      }
    first_ = Trie(std::move(all));
    following_ = Trie(std::move(following));
  }

  const char *type() const override { return "WordPiece"; }

protected:
  Status tokenizeNew(std::string_view piece, std::vector<int32_t> &ids) const override {
    size_t before = ids.size();
    bool fits = countCharacters(piece) <= longest_;
    for (size_t at = 0; fits && at < piece.size();) {
      Trie::Longest token = (at == 0 ? first_ : following_).longestAt(piece, at);
      fits = token.length > 0;
      ids.push_back(token.value);
      at += token.length;
    }
    if (fits)
      return absl::OkStatus();
    ids.resize(before);
    if (unknown_ == Vocabulary::kNone)
      return noUnknown(piece);
    ids.push_back(unknown_);
    return absl::OkStatus();
  }

private:
  Trie first_, following_;
  int32_t unknown_;
  uint64_t longest_; // characters of a word that is looked at
};

class WordLevelModel : public TokenModel {
public:
  WordLevelModel(Vocabulary vocabulary, int32_t unknown)
      : TokenModel(std::move(vocabulary)), unknown_(unknown) {}
  const char *type() const override { return "WordLevel"; }

protected:
  Status tokenizeNew(std::string_view piece, std::vector<int32_t> &ids) const override {
    int32_t id = vocabulary().find(piece);
    if (id == Vocabulary::kNone)
      id = unknown_;
    if (id == Vocabulary::kNone)
      return noUnknown(piece);
    ids.push_back(id);
    return absl::OkStatus();
  }

private:
  int32_t unknown_;
};

} // namespace

StatusOr<std::unique_ptr<TokenModel>> readWordPieceModel(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type", "unk_token", "continuing_subword_prefix",
                                           "max_input_chars_per_word", "vocab"}));
  HEDDLE_ASSIGN_OR_RETURN(std::string unknown, json.getString("unk_token"));
  HEDDLE_ASSIGN_OR_RETURN(std::string prefix, json.getString("continuing_subword_prefix"));
  HEDDLE_ASSIGN_OR_RETURN(int64_t longest, json.getInteger("max_input_chars_per_word"));
  HEDDLE_ASSIGN_OR_RETURN(JsonRef vocab, json.at("vocab"));
  HEDDLE_ASSIGN_OR_RETURN(Vocabulary vocabulary, Vocabulary::read(vocab));
  int32_t id = vocabulary.find(unknown);
  return std::make_unique<WordPieceModel>(std::move(vocabulary), prefix, id,
                                          static_cast<uint64_t>(std::max<int64_t>(longest, 0)));
}

StatusOr<std::unique_ptr<TokenModel>> readWordLevelModel(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type", "unk_token", "vocab"}));
  HEDDLE_ASSIGN_OR_RETURN(std::string unknown, json.getString("unk_token"));
  HEDDLE_ASSIGN_OR_RETURN(JsonRef vocab, json.at("vocab"));
  HEDDLE_ASSIGN_OR_RETURN(Vocabulary vocabulary, Vocabulary::read(vocab));
  int32_t id = vocabulary.find(unknown);
  return std::make_unique<WordLevelModel>(std::move(vocabulary), id);
}

} // namespace heddle::runtime
