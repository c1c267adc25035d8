// SPDX-License-Identifier: Apache-2.0
// A SentencePiece model as the tokenizer.json that `transformers` makes of it.
#include <algorithm>

#include "runtime/base/Utf8.h"
#include "runtime/io/JsonWriter.h"
#include "runtime/tokenizer/Characters.h"
#include "runtime/tokenizer/SentencePiece.pb.h"
#include "runtime/tokenizer/TokenizerJson.h"
#include "runtime/tokenizer/Vocabulary.h"

namespace heddle::runtime {
namespace {

using sentencepiece::Model;

constexpr char kMetaspace[] =
    R"({"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true})";

std::string base64(std::string_view bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t at = 0; at < bytes.size(); at += 3) {
    size_t count = std::min<size_t>(3, bytes.size() - at);
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; ++i)
      bits = bits << 8 | (i < count ? static_cast<uint8_t>(bytes[at + i]) : 0);
    for (size_t i = 0; i < 4; ++i)
      text += i <= count ? kDigits[bits >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

class Converter {
public:
  Converter(const Model &model, const std::string &file, const TokenizerConfig &config)
      : model_(model), file_(file), config_(config) {}

  StatusOr<std::string> run() {
    HEDDLE_RETURN_IF_ERROR(readPieces());
    bool bpe = model_.training().algorithm() == Model::Training::BPE;
    if (!bpe && model_.training().algorithm() != Model::Training::UNIGRAM)
      return invalidInput(file_, ": trainer_spec.model_type ", model_.training().algorithm(),
                          " is not supported, expected UNIGRAM (1) or BPE (2)");
    if (model_.training().whitespace_as_suffix())
      return invalidInput(file_, ": trainer_spec.treat_whitespace_as_suffix is not supported");
    std::string name = config_.tokenizerClass;
    if (name.empty())
      name = bpe ? "LlamaTokenizer" : "T5Tokenizer";
    if (bpe && name == "LlamaTokenizer")
      HEDDLE_RETURN_IF_ERROR(llama());
    else if (!bpe && name == "T5Tokenizer")
      HEDDLE_RETURN_IF_ERROR(t5());
    else if (!bpe && name == "XLNetTokenizer")
      HEDDLE_RETURN_IF_ERROR(xlnet());
    else
      return config_.unknownClass(bpe ? "LlamaTokenizer" : "T5Tokenizer or XLNetTokenizer");
    return parts_.json();
  }

private:
  Status readPieces() {
    for (int i = 0; i < model_.pieces_size(); ++i) {
      const Model::Piece &piece = model_.pieces(i);
      auto wrong = [&](const std::string &problem) {
        return invalidInput(file_, ": pieces[", i, "]: ", problem);
      };
      if (!isValidUtf8(piece.text()))
        return wrong("not UTF-8");
      if (piece.text().size() > limits::kTokenBytes)
        return wrong(absl::StrCat(piece.text().size(), " bytes, more than the limit of ",
                                  limits::kTokenBytes));
      if (ids_.find(piece.text()) != Vocabulary::kNone)
        return wrong(absl::StrCat(jsonString(piece.text()), " comes twice"));
      ids_.add(piece.text(), i);
      if (piece.kind() == Model::Piece::UNKNOWN || piece.kind() == Model::Piece::CONTROL)
        parts_.special.push_back({piece.text(), i});
      if (piece.kind() == Model::Piece::USER_DEFINED)
        return wrong(absl::StrCat(jsonString(piece.text()),
                                  ": pieces defined by the user are read from a tokenizer.json "
                                  "only"));
    }
    int32_t unknown = model_.training().unk_id();
    if (unknown < 0 || unknown >= model_.pieces_size())
      return invalidInput(file_, ": trainer_spec.unk_id ", unknown, " is not among its ",
                          model_.pieces_size(), " pieces");
    return absl::OkStatus();
  }

  StatusOr<SpecialToken> special(const std::string &text) const {
    int32_t id = ids_.find(text);
    if (id == Vocabulary::kNone)
      return invalidInput(file_, ": has no piece ", text);
    return SpecialToken{text, id};
  }

  StatusOr<SpecialToken> special(int32_t id, const char *field) const {
    if (id < 0 || id >= model_.pieces_size())
      return invalidInput(file_, ": trainer_spec.", field, " ", id, " is not among its pieces");
    return SpecialToken{model_.pieces(id).text(), id};
  }

  void precompiled(std::vector<std::string> &steps) const {
    const std::string &map = model_.normalization().precompiled_charsmap();
    if (!map.empty())
      steps.push_back(R"({"type":"Precompiled","precompiled_charsmap":")" + base64(map) + "\"}");
  }

  static std::string sequence(const std::vector<std::string> &steps) {
    JsonWriter json;
    json.beginObject().member("type", "Sequence").key("normalizers").beginArray();
    for (const std::string &step : steps)
      json.raw(step);
    json.endArray().endObject();
    return json.take();
  }

  void unigram() {
    JsonWriter json;
    json.beginObject().member("type", "Unigram").member("unk_id", model_.training().unk_id());
    json.member("byte_fallback", model_.training().byte_fallback()).key("vocab").beginArray();
    for (const Model::Piece &piece : model_.pieces())
      json.beginArray().value(piece.text()).value(static_cast<double>(piece.score())).endArray();
    for (int64_t i = 0; i < extraIds_; ++i)
      json.beginArray()
          .value(absl::StrCat("<extra_id_", extraIds_ - 1 - i, ">"))
          .value(0.0)
          .endArray();
    json.endArray().endObject();
    parts_.model = json.take();
    parts_.preTokenizer = absl::StrCat(
        R"({"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},)", kMetaspace, "]}");
    parts_.decoder = kMetaspace;
  }

  Status t5() {
    // Sentinels, in descending order behind the pieces.
    extraIds_ = config_.extraIds;
    for (int64_t i = 0; i < extraIds_; ++i)
      parts_.special.push_back(
          {absl::StrCat("<extra_id_", extraIds_ - 1 - i, ">"), model_.pieces_size() + i});
    std::vector<std::string> steps;
    precompiled(steps);
    parts_.normalizer = sequence(steps);
    HEDDLE_ASSIGN_OR_RETURN(SpecialToken end, special("</s>"));
    parts_.postProcessor = templateJson({}, {end}, {.separators = 1});
    unigram();
    return absl::OkStatus();
  }

  Status xlnet() {
    std::vector<std::string> steps = {
        R"({"type":"Replace","pattern":{"String":"``"},"content":"\""})",
        R"({"type":"Replace","pattern":{"String":"''"},"content":"\""})"};
    if (!config_.keepAccents) {
      steps.push_back(R"({"type":"NFKD"})");
      steps.push_back(R"({"type":"StripAccents"})");
    }
    // XLNet's own default is to keep the case.
    if (config_.lowercaseGiven)
      steps.push_back(R"({"type":"Lowercase"})");
    precompiled(steps);
    parts_.normalizer = sequence(steps);
    HEDDLE_ASSIGN_OR_RETURN(SpecialToken sep, special("<sep>"));
    HEDDLE_ASSIGN_OR_RETURN(SpecialToken cls, special("<cls>"));
    parts_.postProcessor = templateJson({}, {sep, cls});
    unigram();
    return absl::OkStatus();
  }

  Status llama() {
    bool prefix = model_.normalization().add_dummy_prefix();
    const char *scheme = !prefix ? "never" : config_.legacy ? "always" : "first";
    parts_.preTokenizer =
        absl::StrCat(R"({"type":"Metaspace","replacement":"▁","prepend_scheme":")", scheme,
                     R"(","split":false})");
    parts_.decoder =
        absl::StrCat(R"({"type":"Sequence","decoders":[{"type":"Replace","pattern":)",
                     R"({"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"})",
                     prefix ? R"(,{"type":"Strip","content":" ","start":1,"stop":0}]})" : "]}");
    std::vector<SpecialToken> before, after;
    if (config_.addBos) {
      HEDDLE_ASSIGN_OR_RETURN(SpecialToken bos, special(model_.training().bos_id(), "bos_id"));
      before.push_back(std::move(bos));
    }
    if (config_.addEos) {
      HEDDLE_ASSIGN_OR_RETURN(SpecialToken eos, special(model_.training().eos_id(), "eos_id"));
      after.push_back(std::move(eos));
    }
    parts_.postProcessor = templateJson(before, after);
    JsonWriter json;
    json.beginObject()
        .member("type", "BPE")
        .member("fuse_unk", true)
        .member("byte_fallback", model_.training().byte_fallback());
    json.key("vocab").beginObject();
    for (int i = 0; i < model_.pieces_size(); ++i)
      json.member(model_.pieces(i).text(), i);
    json.endObject().key("merges").beginArray();
    for (const MergedPair &merge : merges())
      json.beginArray().value(merge.left).value(merge.right).endArray();
    json.endArray().endObject();
    parts_.model = json.take();
    return absl::OkStatus();
  }

  struct MergedPair {
    float score;
    int32_t leftId, rightId;
    std::string_view left, right;
  };

  /// SentencePiece merges what makes the piece of the best score: all ways to make each piece of
  /// two others, in the order of the scores.
  std::vector<MergedPair> merges() const {
    std::vector<MergedPair> all;
    for (const Model::Piece &piece : model_.pieces()) {
      if (piece.kind() != Model::Piece::NORMAL)
        continue;
      std::string_view text = piece.text();
      std::vector<MergedPair> ways;
      forEachCharacter(text, [&](Character, size_t at) {
        if (at == 0)
          return;
        int32_t left = ids_.find(text.substr(0, at)), right = ids_.find(text.substr(at));
        if (left != Vocabulary::kNone && right != Vocabulary::kNone)
          ways.push_back({piece.score(), left, right, text.substr(0, at), text.substr(at)});
      });
      std::sort(ways.begin(), ways.end(), [](const MergedPair &a, const MergedPair &b) {
        return std::pair(a.leftId, a.rightId) < std::pair(b.leftId, b.rightId);
      });
      all.insert(all.end(), ways.begin(), ways.end());
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const MergedPair &a, const MergedPair &b) { return a.score > b.score; });
    return all;
  }

  const Model &model_;
  const std::string &file_;
  const TokenizerConfig &config_;
  Vocabulary ids_;
  TokenizerParts parts_;
  int64_t extraIds_ = 0;
};

} // namespace

StatusOr<std::string> jsonOfSentencePiece(const std::string &bytes, const std::string &file,
                                          const TokenizerConfig &config) {
  Model model;
  if (!model.ParseFromString(bytes) || model.pieces_size() == 0)
    return invalidInput(file, ": not a SentencePiece model");
  for (const Model::Piece &piece : model.pieces())
    if (!(piece.score() > -1e30F && piece.score() < 1e30F))
      return invalidInput(file, ": a score that is not finite");
  return Converter(model, file, config).run();
}

} // namespace heddle::runtime
