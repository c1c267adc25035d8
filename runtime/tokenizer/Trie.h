// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_RUNTIME_TOKENIZER_TRIE_H
#define HEDDLE_RUNTIME_TOKENIZER_TRIE_H

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace heddle::runtime {

/// Which of many words begin here? Immutable once built: safe on all threads.
class Trie {
public:
  static constexpr int32_t kNone = -1;

  Trie() : Trie(std::vector<std::pair<std::string_view, int32_t>>()) {}
  /// Words with their values (>= 0); of a word that comes twice the first counts. The words need
  /// not outlive the trie.
  explicit Trie(std::vector<std::pair<std::string_view, int32_t>> words);

  /// Walks from the root; each step is one byte of a word.
  class Cursor {
  public:
    explicit Cursor(const Trie &trie) : trie_(&trie) {}
    /// False where no word goes on so.
    bool advance(char byte) {
      auto label = static_cast<uint8_t>(byte);
      if (node_ == 0) {
        node_ = trie_->roots_[label];
        return node_ != 0;
      }
      const Node &node = trie_->nodes_[node_];
      uint32_t low = node.children, high = low + node.count;
      while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (trie_->labels_[middle] < label)
          low = middle + 1;
        else
          high = middle;
      }
      if (low == node.children + node.count || trie_->labels_[low] != label)
        return false;
      node_ = low;
      return true;
    }
    /// Of the word that ends here, or kNone.
    int32_t value() const { return trie_->nodes_[node_].value; }

  private:
    const Trie *trie_;
    uint32_t node_ = 0;
  };

  struct Longest {
    size_t length = 0;
    int32_t value = kNone;
  };
  /// The longest word at `at`; value kNone where there is none.
  Longest longestAt(std::string_view text, size_t at) const {
    Longest longest;
    Cursor cursor(*this);
    for (size_t i = at; i < text.size() && cursor.advance(text[i]); ++i)
      if (cursor.value() != kNone)
        longest = {i + 1 - at, cursor.value()};
    return longest;
  }

private:
  struct Node {
    uint32_t children = 0; // the first of them
    uint32_t count = 0;
    int32_t value = kNone;
  };
  // Children of one node stand together, by ascending label.
  std::vector<Node> nodes_;
  std::vector<uint8_t> labels_;
  std::vector<uint32_t> roots_; // 256 children of the root, 0 for none
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TOKENIZER_TRIE_H
