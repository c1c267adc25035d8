// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_RUNTIME_TOKENIZER_ADDEDTOKENS_H
#define HEDDLE_RUNTIME_TOKENIZER_ADDEDTOKENS_H

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "runtime/tokenizer/Normalizer.h"
#include "runtime/tokenizer/TokenModel.h"
#include "runtime/tokenizer/Trie.h"

namespace heddle::runtime {

/// An entry of "added_tokens".
struct AddedToken {
  std::string content;
  std::string normal; // the form in which it is looked for, and written back
  int32_t id = 0;
  bool singleWord = false; // only where no letter stands beside it
  bool leftStrip = false;  // takes the spaces before it
  bool rightStrip = false;
  bool normalized = false; // looked for after normalization, in its normalized form
  bool special = false;    // left out of decoded text
};

/// The tokens that are found in a text before the model sees it. Immutable: safe on all threads.
class AddedTokens {
public:
  /// `json` is the array. Ids are those of the model's vocabulary, or follow it.
  static StatusOr<AddedTokens> read(const JsonRef &json, const TokenModel &model,
                                    const Normalizer *normalizer);

  /// Calls `token` with an id, or `text` with a stretch without tokens, in order. Looks for the
  /// tokens that are looked for in normalized text, or for the others.
  using TokenSink = absl::FunctionRef<void(int32_t id)>;
  using TextSink = absl::FunctionRef<Status(size_t begin, size_t end)>;
  Status split(std::string_view text, bool normalized, TextSink stretch, TokenSink token) const;

  const AddedToken *find(int32_t id) const;
  std::optional<int32_t> idOf(std::string_view content) const;
  /// Is this the content of a special token? The model may have it under another id besides.
  bool isSpecial(const std::string &content) const { return special_.contains(content); }
  /// One more than the largest id, 0 without tokens.
  int64_t size() const { return static_cast<int64_t>(byId_.size()); }

private:
  std::vector<AddedToken> tokens_;
  absl::flat_hash_set<std::string> special_;
  std::vector<int32_t> byId_; // index into tokens_, -1 for none
  Trie plain_, normalized_;   // indices into tokens_
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TOKENIZER_ADDEDTOKENS_H
