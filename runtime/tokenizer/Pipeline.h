// SPDX-License-Identifier: Apache-2.0
// A tokenizer as a tokenizer.json describes it, equal to the `tokenizers` package: added tokens,
// normalizer, pre-tokenizer, model, post-processor, decoder.

#ifndef HEDDLE_RUNTIME_TOKENIZER_PIPELINE_H
#define HEDDLE_RUNTIME_TOKENIZER_PIPELINE_H

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/tokenizer/AddedTokens.h"
#include "runtime/tokenizer/LengthRules.h"
#include "runtime/tokenizer/PostProcessor.h"
#include "runtime/tokenizer/PreTokenizer.h"
#include "runtime/tokenizer/TokenDecoder.h"

namespace heddle::runtime {

/// Immutable: safe on all threads.
class TokenizerPipeline {
public:
  /// From a whole tokenizer.json. The error names the key and value that are not supported.
  static StatusOr<std::unique_ptr<TokenizerPipeline>> create(const JsonRef &json);

  /// `text` may be anything: what is not UTF-8 counts as U+FFFD. `special` adds the
  /// post-processor's tokens, `lengths` cuts and pads as the file says. InvalidArgument where the
  /// vocabulary has nothing for a character of the text.
  StatusOr<std::vector<int32_t>> encode(std::string_view text, bool special, bool lengths) const;
  /// Special tokens, and ids that stand for nothing, are left out.
  std::string decode(const std::vector<int32_t> &ids) const;
  /// How many of `ids` stand for text that will not change whatever ids follow.
  size_t settled(const std::vector<int32_t> &ids) const;

  /// Where the ids of a text that is the whole input stand, or of two texts. Empty where the file
  /// does not say where the second one stands.
  TextFrame frame(bool pair) const;
  /// The token written so, added or of the vocabulary.
  std::optional<int32_t> idOf(std::string_view token) const;
  /// Is it an added token that stands for no text?
  bool isSpecial(int32_t id) const;

  const char *type() const { return model_->type(); }
  /// One more than the largest id.
  int64_t size() const { return std::max(model_->vocabulary().size(), added_.size()); }

private:
  TokenizerPipeline() = default;
  Status read(const JsonRef &json);
  Status encodeStretch(std::string_view text, bool front, Workspace &workspace,
                       std::vector<int32_t> &ids) const;
  Status encodePiece(Piece piece, Workspace &workspace, std::vector<int32_t> &ids) const;
  /// Null for a special token, and for an id that stands for nothing.
  const std::string *tokenOf(int32_t id) const;

  class Borrowed;
  std::unique_ptr<Normalizer> normalizer_;
  std::unique_ptr<PreTokenizer> preTokenizer_;
  std::unique_ptr<TokenModel> model_;
  AddedTokens added_;
  SpecialFrame frame_;
  std::unique_ptr<TokenDecoder> decoder_;
  bool joinsFallbackBytes_ = false;
  LengthRules lengths_;

  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Workspace>> idle_; // of callers that are done
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TOKENIZER_PIPELINE_H
