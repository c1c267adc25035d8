// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_RUNTIME_TOKENIZER_WORKSPACE_H
#define HEDDLE_RUNTIME_TOKENIZER_WORKSPACE_H

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/tokenizer/Regex.h"

namespace heddle::runtime {

/// Ids of words seen before. Text repeats itself: most words come from here.
class WordCache {
public:
  /// Null if the word is not here.
  const std::vector<int32_t> *find(std::string_view word) const {
    auto at = words_.find(word);
    return at == words_.end() ? nullptr : &at->second;
  }
  void add(std::string_view word, const int32_t *ids, size_t count) {
    if (word.size() > kWordBytes)
      return;
    if (words_.size() >= kWords)
      words_.clear();
    words_.emplace(std::string(word), std::vector<int32_t>(ids, ids + count));
  }

private:
  static constexpr size_t kWordBytes = 256, kWords = 1 << 16;
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::unordered_map<std::string, std::vector<int32_t>, Hash, std::equal_to<>> words_;
};

/// What tokenizing writes to: one a thread, kept from text to text.
struct Workspace {
  RegexScratch regex;
  WordCache words;
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TOKENIZER_WORKSPACE_H
