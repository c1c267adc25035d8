// SPDX-License-Identifier: Apache-2.0
#include "runtime/tokenizer/Pipeline.h"

#include <algorithm>

#include "runtime/base/Utf8.h"
#include "runtime/tokenizer/Characters.h"
#include "runtime/tokenizer/ReadHelpers.h"

namespace heddle::runtime {

/// A workspace for the time of one call.
class TokenizerPipeline::Borrowed {
public:
  explicit Borrowed(const TokenizerPipeline &pipeline) : pipeline_(pipeline) {
    std::lock_guard lock(pipeline.mutex_);
    if (pipeline.idle_.empty()) {
      workspace_ = std::make_unique<Workspace>();
    } else {
      workspace_ = std::move(pipeline.idle_.back());
      pipeline.idle_.pop_back();
    }
  }
  ~Borrowed() {
    std::lock_guard lock(pipeline_.mutex_);
    pipeline_.idle_.push_back(std::move(workspace_));
  }
  Workspace &operator*() { return *workspace_; }

private:
  const TokenizerPipeline &pipeline_;
  std::unique_ptr<Workspace> workspace_;
};

StatusOr<std::unique_ptr<TokenizerPipeline>> TokenizerPipeline::create(const JsonRef &json) {
  std::unique_ptr<TokenizerPipeline> pipeline(new TokenizerPipeline());
  HEDDLE_RETURN_IF_ERROR(pipeline->read(json));
  return pipeline;
}

Status TokenizerPipeline::read(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(
      expectKeys(json, {"version", "truncation", "padding", "added_tokens", "normalizer",
                        "pre_tokenizer", "post_processor", "decoder", "model"}));
  if (auto version = json.find("version")) {
    HEDDLE_ASSIGN_OR_RETURN(std::string text, version->asString());
    if (text != "1.0")
      return version->error(
          absl::StrCat(version->value().describe(), " is not supported, expected \"1.0\""));
  }
  HEDDLE_ASSIGN_OR_RETURN(JsonRef model, json.at("model"));
  HEDDLE_ASSIGN_OR_RETURN(model_, readTokenModel(model));
  if (auto part = json.find("normalizer")) {
    HEDDLE_ASSIGN_OR_RETURN(normalizer_, readNormalizer(*part));
  }
  if (auto part = json.find("pre_tokenizer")) {
    HEDDLE_ASSIGN_OR_RETURN(preTokenizer_, readPreTokenizer(*part));
  }
  if (auto part = json.find("post_processor")) {
    HEDDLE_ASSIGN_OR_RETURN(frame_, readPostProcessor(*part));
  }
  if (auto part = json.find("decoder")) {
    HEDDLE_ASSIGN_OR_RETURN(decoder_, readTokenDecoder(*part));
    joinsFallbackBytes_ = joinsFallbackBytes(*part);
  }
  if (auto part = json.find("added_tokens")) {
    HEDDLE_ASSIGN_OR_RETURN(added_, AddedTokens::read(*part, *model_, normalizer_.get()));
  }
  HEDDLE_ASSIGN_OR_RETURN(lengths_, readLengthRules(json));
  if (size() == 0)
    return json.error("a tokenizer without tokens");
  for (const auto *part : {&frame_.before, &frame_.after})
    for (int32_t id : *part)
      if (id >= size())
        return json.at("post_processor")
            ->error(absl::StrCat("id ", id, " is beyond the vocabulary of ", size(), " tokens"));
  return absl::OkStatus();
}

StatusOr<std::vector<int32_t>> TokenizerPipeline::encode(std::string_view text, bool special,
                                                         bool lengths) const {
  std::string mended;
  if (!isValidUtf8(text)) {
    mended = lossyUtf8(text);
    text = mended;
  }
  Borrowed workspace(*this);
  std::vector<int32_t> ids;
  HEDDLE_RETURN_IF_ERROR(added_.split(
      text, /*normalized=*/false,
      [&](size_t begin, size_t end) {
        return encodeStretch(text.substr(begin, end - begin), begin == 0, *workspace, ids);
      },
      [&](int32_t id) { ids.push_back(id); }));
  if (lengths)
    cutToLength(lengths_, special ? frame_.before.size() + frame_.after.size() : 0, ids);
  if (special) {
    if (!frame_.text)
      ids.clear();
    ids.insert(ids.begin(), frame_.before.begin(), frame_.before.end());
    ids.insert(ids.end(), frame_.after.begin(), frame_.after.end());
  }
  if (lengths)
    padToLength(lengths_, ids);
  return ids;
}

Status TokenizerPipeline::encodeStretch(std::string_view text, bool front, Workspace &workspace,
                                        std::vector<int32_t> &ids) const {
  NormalizedText normalized;
  std::string_view whole = text;
  if (normalizer_) {
    normalized = {std::string(text), front};
    HEDDLE_RETURN_IF_ERROR(normalizer_->apply(normalized, workspace));
    whole = normalized.text;
    front = normalized.front;
  }
  return added_.split(
      whole, /*normalized=*/true,
      [&](size_t begin, size_t end) {
        return encodePiece({whole.substr(begin, end - begin), front && begin == 0}, workspace, ids);
      },
      [&](int32_t id) { ids.push_back(id); });
}

Status TokenizerPipeline::encodePiece(Piece piece, Workspace &workspace,
                                      std::vector<int32_t> &ids) const {
  if (!preTokenizer_)
    return model_->tokenize(piece.text, workspace, ids);
  return preTokenizer_->apply(
      piece, workspace, [&](Piece part) { return model_->tokenize(part.text, workspace, ids); });
}

const std::string *TokenizerPipeline::tokenOf(int32_t id) const {
  const AddedToken *added = added_.find(id);
  const std::string *token = added ? &added->normal : model_->vocabulary().token(id);
  return token && !added_.isSpecial(*token) ? token : nullptr;
}

TextFrame TokenizerPipeline::frame(bool pair) const {
  if (const auto &given = pair ? frame_.pair : frame_.single)
    return *given;
  using enum FramePart::Kind;
  const bool bare = frame_.before.empty() && frame_.after.empty() && frame_.text;
  if (pair)
    return bare ? TextFrame{{First}, {Second, 0, 1}} : TextFrame();
  TextFrame frame;
  for (int32_t id : frame_.before)
    frame.push_back({Token, id, 0});
  if (frame_.text)
    frame.push_back({First, 0, 0});
  for (int32_t id : frame_.after)
    frame.push_back({Token, id, 0});
  return frame;
}

std::optional<int32_t> TokenizerPipeline::idOf(std::string_view token) const {
  if (auto added = added_.idOf(token))
    return added;
  int32_t id = model_->vocabulary().find(token);
  return id == Vocabulary::kNone ? std::nullopt : std::optional<int32_t>(id);
}

bool TokenizerPipeline::isSpecial(int32_t id) const {
  const AddedToken *added = added_.find(id);
  return added && added_.isSpecial(added->content);
}

std::string TokenizerPipeline::decode(const std::vector<int32_t> &ids) const {
  std::vector<std::string> tokens;
  for (int32_t id : ids)
    if (const std::string *token = tokenOf(id))
      tokens.push_back(*token);
  if (decoder_) {
    Borrowed workspace(*this);
    decoder_->apply(tokens, *workspace);
  }
  std::string text;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (!decoder_ && i > 0)
      text += ' ';
    text += tokens[i];
  }
  return text;
}

size_t TokenizerPipeline::settled(const std::vector<int32_t> &ids) const {
  // Bytes in a row are text together or not at all. Tokens that are left out do not part them.
  size_t count = ids.size();
  if (joinsFallbackBytes_)
    while (count > 0) {
      const std::string *token = tokenOf(ids[count - 1]);
      if (token && fallbackByte(*token) < 0)
        break;
      --count;
    }
  // A character that is not whole yet shows as U+FFFD at the end of the text, and stays so only
  // where what follows does not complete it. No character has more than four bytes.
  for (int tries = 0; tries < 4 && count > 0; ++tries) {
    std::vector<int32_t> last(ids.begin() + static_cast<ptrdiff_t>(count > 8 ? count - 8 : 0),
                              ids.begin() + static_cast<ptrdiff_t>(count));
    if (!decode(last).ends_with("\xEF\xBF\xBD"))
      break;
    --count;
  }
  return count;
}

} // namespace heddle::runtime
