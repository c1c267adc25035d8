// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_RUNTIME_TOKENIZER_VOCABULARY_H
#define HEDDLE_RUNTIME_TOKENIZER_VOCABULARY_H

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/io/Json.h"

namespace heddle::runtime {

/// Tokens and their ids. Immutable once read: safe on all threads.
class Vocabulary {
public:
  static constexpr int32_t kNone = -1;

  /// An object of token: id. Ids are distinct; there may be limits::kVocabularyHoles of
  /// them that no token has.
  static StatusOr<Vocabulary> read(const JsonRef &json);

  /// The last id counts where a token comes twice. The token is at most limits::kTokenBytes long.
  void add(std::string_view token, int32_t id);

  int32_t find(std::string_view token) const {
    for (size_t slot = slotOf(token);; slot = (slot + 1) & (slots_.size() - 1)) {
      int32_t id = slots_[slot];
      if (id == kNone || tokens_[static_cast<size_t>(id)] == token)
        return id;
    }
  }
  /// Null where no token has this id.
  const std::string *token(int32_t id) const {
    bool known = id >= 0 && static_cast<size_t>(id) < tokens_.size() && present_[id];
    return known ? &tokens_[static_cast<size_t>(id)] : nullptr;
  }
  /// One more than the largest id.
  int64_t size() const { return static_cast<int64_t>(tokens_.size()); }
  /// How many tokens there are.
  int64_t count() const { return static_cast<int64_t>(count_); }

private:
  size_t slotOf(std::string_view token) const {
    return std::hash<std::string_view>()(token) & (slots_.size() - 1);
  }
  void grow();

  std::vector<std::string> tokens_; // by id
  std::vector<bool> present_;
  std::vector<int32_t> slots_ = std::vector<int32_t>(16, kNone); // ids by hash, half empty
  size_t count_ = 0;
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TOKENIZER_VOCABULARY_H
