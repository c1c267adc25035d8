// SPDX-License-Identifier: Apache-2.0
// Unigram: of all ways to cut a piece into tokens the one with the largest sum of scores.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "runtime/tokenizer/Characters.h"
#include "runtime/tokenizer/ReadHelpers.h"
#include "runtime/tokenizer/TokenModel.h"
#include "runtime/tokenizer/Trie.h"

namespace heddle::runtime {
namespace {

// An unknown character's score below that of the least likely token.
constexpr double kUnknownPenalty = 10.0;

/// The number that the package reads where the file has `score`: it takes the digits for an integer
/// and divides by a power of ten, each rounded. Ways to cut a word are often as good as each other,
/// so that the last bit decides.
double asThePackageReads(double score) {
  char text[32];
  auto end =
      std::to_chars(text, text + sizeof text, std::abs(score), std::chars_format::scientific);
  uint64_t digits = 0;
  int exponent = 0;
  bool point = false;
  for (char *at = text; at != end.ptr; ++at) {
    if (*at == 'e') {
      int given = 0;
      std::from_chars(at + (at[1] == '+' ? 2 : 1), end.ptr, given);
      exponent += given;
      break;
    }
    if (*at == '.') {
      point = true;
      continue;
    }
    digits = digits * 10 + static_cast<uint64_t>(*at - '0');
    exponent -= point ? 1 : 0;
  }
  if (std::abs(exponent) > 300)
    return score;
  double power = std::pow(10.0, std::abs(exponent));
  double read =
      exponent < 0 ? static_cast<double>(digits) / power : static_cast<double>(digits) * power;
  return std::copysign(read, score);
}

class UnigramModel : public TokenModel {
public:
  UnigramModel(Vocabulary tokens, std::vector<double> scores, int32_t unknown, bool bytes)
      : TokenModel(std::move(tokens)), scores_(std::move(scores)), unknown_(unknown) {
    std::vector<std::pair<std::string_view, int32_t>> words;
    for (int32_t id = 0; id < vocabulary().size(); ++id) {
      const std::string &token = *vocabulary().token(id);
      if (!token.empty() && vocabulary().find(token) == id)
        words.emplace_back(token, id);
    }
    trie_ = Trie(std::move(words));
    double least = std::numeric_limits<double>::infinity();
    for (double score : scores_)
      least = std::min(least, score);
    unknownScore_ = least - kUnknownPenalty;
    if (bytes)
      byteIds_ = byteIds();
  }

  const char *type() const override { return "Unigram"; }

protected:
  Status tokenizeNew(std::string_view piece, std::vector<int32_t> &ids) const override {
    std::vector<Best> best(piece.size() + 1);
    HEDDLE_RETURN_IF_ERROR(search(piece, best));
    // Back along the best way; unknown characters in a row are one token.
    std::vector<Token> tokens;
    for (size_t end = piece.size(); end > 0; end = best[end].start) {
      bool joins = !tokens.empty() && best[end].id == unknown_ && tokens.back().id == unknown_;
      if (joins)
        tokens.back().begin = best[end].start;
      else
        tokens.push_back({best[end].start, end, best[end].id});
    }
    for (size_t i = tokens.size(); i-- > 0;) {
      Token token = tokens[i];
      std::string_view text = piece.substr(token.begin, token.end - token.begin);
      // What joining made may be a token after all.
      int32_t id = token.id == unknown_ ? vocabulary().find(text) : token.id;
      if (id == Vocabulary::kNone && !byteIds_.empty() && appendBytes(text, byteIds_, ids))
        continue;
      ids.push_back(id == Vocabulary::kNone ? unknown_ : id);
    }
    return absl::OkStatus();
  }

private:
  struct Best {
    double score = 0;
    size_t start = 0;
    int32_t id = Vocabulary::kNone; // none: not reached
  };
  struct Token {
    size_t begin, end;
    int32_t id;
  };

  Status search(std::string_view piece, std::vector<Best> &best) const {
    for (size_t at = 0; at < piece.size();) {
      double here = best[at].score;
      size_t character = characterAt(piece, at).length;
      bool single = false;
      Trie::Cursor cursor(trie_);
      for (size_t i = at; i < piece.size() && cursor.advance(piece[i]); ++i) {
        if (cursor.value() == Trie::kNone)
          continue;
        Best &end = best[i + 1];
        double score = here + scores_[static_cast<size_t>(cursor.value())];
        if (end.id == Vocabulary::kNone || score > end.score)
          end = {score, at, cursor.value()};
        single = single || i + 1 - at == character;
      }
      if (!single) {
        if (unknown_ == Vocabulary::kNone)
          return noUnknown(piece.substr(at, character));
        Best &end = best[at + character];
        if (end.id == Vocabulary::kNone || here + unknownScore_ > end.score)
          end = {here + unknownScore_, at, unknown_};
      }
      at += character;
    }
    return absl::OkStatus();
  }

  Trie trie_;
  std::vector<double> scores_; // by id
  std::vector<int32_t> byteIds_;
  int32_t unknown_;
  double unknownScore_ = 0;
};

} // namespace

StatusOr<std::unique_ptr<TokenModel>> readUnigramModel(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type", "unk_id", "vocab", "byte_fallback"}));
  HEDDLE_ASSIGN_OR_RETURN(bool bytes, json.getBool("byte_fallback", false));
  HEDDLE_ASSIGN_OR_RETURN(JsonRef vocab, json.at("vocab"));
  const JsonValue::Elements *entries = vocab.value().elements();
  if (!entries)
    return vocab.asArray().status();
  Vocabulary vocabulary;
  std::vector<double> scores;
  for (const JsonValue &entry : *entries) {
    const JsonValue::Elements *pair = entry.elements();
    const std::string *token = pair && pair->size() == 2 ? (*pair)[0].string() : nullptr;
    const double *real = token ? (*pair)[1].real() : nullptr;
    const int64_t *integer = token ? (*pair)[1].integer() : nullptr;
    auto id = static_cast<int32_t>(scores.size());
    if (!real && !integer)
      return vocab.error(
          absl::StrCat("[", id, "]: expected [token, score], found ", entry.describe()));
    if (token->size() > limits::kTokenBytes)
      return vocab.error(absl::StrCat("[", id, "]: a token of ", token->size(),
                                      " bytes, more than the limit of ", limits::kTokenBytes));
    vocabulary.add(*token, id);
    scores.push_back(real ? asThePackageReads(*real) : static_cast<double>(*integer));
  }
  int32_t unknown = Vocabulary::kNone;
  if (auto member = json.find("unk_id")) {
    HEDDLE_ASSIGN_OR_RETURN(int64_t id, member->asInteger(0, vocabulary.size() - 1));
    unknown = static_cast<int32_t>(id);
  }
  return std::make_unique<UnigramModel>(std::move(vocabulary), std::move(scores), unknown, bytes);
}

} // namespace heddle::runtime
