// SPDX-License-Identifier: Apache-2.0
#include "runtime/tokenizer/Trie.h"

#include <algorithm>

namespace heddle::runtime {

Trie::Trie(std::vector<std::pair<std::string_view, int32_t>> words) : nodes_(1), labels_(1) {
  std::stable_sort(words.begin(), words.end(),
                   [](const auto &a, const auto &b) { return a.first < b.first; });
  roots_.assign(256, 0);
  // A node is a range of sorted words that agree on their first `depth` bytes. Breadth first, so
  // that a node's children are numbered one after another.
  struct Range {
    size_t begin, end, depth;
  };
  std::vector<Range> ranges = {{0, words.size(), 0}};
  for (size_t node = 0; node < ranges.size(); ++node) {
    auto [begin, end, depth] = ranges[node];
    if (begin < end && words[begin].first.size() == depth) {
      nodes_[node].value = words[begin].second;
      while (begin < end && words[begin].first.size() == depth)
        ++begin;
    }
    nodes_[node].children = static_cast<uint32_t>(nodes_.size());
    while (begin < end) {
      char label = words[begin].first[depth];
      size_t next = begin;
      while (next < end && words[next].first[depth] == label)
        ++next;
      if (node == 0)
        roots_[static_cast<uint8_t>(label)] = static_cast<uint32_t>(nodes_.size());
      nodes_.emplace_back();
      labels_.push_back(static_cast<uint8_t>(label));
      ranges.push_back({begin, next, depth + 1});
      ++nodes_[node].count;
      begin = next;
    }
  }
}

} // namespace heddle::runtime
