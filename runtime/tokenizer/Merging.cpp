// SPDX-License-Identifier: Apache-2.0
#include "runtime/tokenizer/Merging.h"

#include <algorithm>
#include <queue>

namespace heddle::runtime {
namespace {

constexpr uint32_t kNever = UINT32_MAX;
// Words up to here are faster scanned than kept in a queue.
constexpr size_t kShort = 48;

uint32_t rankOf(const MergeTable &table, int32_t left, int32_t right) {
  const Merge *merge = table.find(left, right);
  return merge ? merge->rank : kNever;
}

void mergeShort(const MergeTable &table, std::vector<int32_t> &ids, size_t begin) {
  // ranks[i]: of merging symbols i and i + 1.
  uint32_t ranks[kShort];
  int32_t *symbols = ids.data() + begin;
  size_t count = ids.size() - begin;
  for (size_t i = 0; i + 1 < count; ++i)
    ranks[i] = rankOf(table, symbols[i], symbols[i + 1]);
  while (count > 1) {
    size_t best = static_cast<size_t>(std::min_element(ranks, ranks + count - 1) - ranks);
    if (ranks[best] == kNever)
      break;
    symbols[best] = table.find(symbols[best], symbols[best + 1])->id;
    std::copy(symbols + best + 2, symbols + count, symbols + best + 1);
    std::copy(ranks + best + 1, ranks + count - 1, ranks + best);
    --count;
    if (best > 0)
      ranks[best - 1] = rankOf(table, symbols[best - 1], symbols[best]);
    if (best + 1 < count)
      ranks[best] = rankOf(table, symbols[best], symbols[best + 1]);
  }
  ids.resize(begin + count);
}

/// The symbols as a list, the merges that are possible in a queue.
class LongWord {
public:
  LongWord(const MergeTable &table, std::vector<int32_t> &ids, size_t begin)
      : table_(table), ids_(ids), begin_(begin) {
    size_t count = ids.size() - begin;
    symbols_.resize(count);
    for (size_t i = 0; i < count; ++i)
      symbols_[i] = {ids[begin + i], static_cast<int64_t>(i) - 1,
                     i + 1 < count ? static_cast<int64_t>(i) + 1 : -1};
    std::vector<Candidate> candidates;
    for (size_t i = 0; i + 1 < count; ++i)
      if (const Merge *merge = table_.find(symbols_[i].id, symbols_[i + 1].id))
        candidates.push_back({merge->rank, static_cast<int64_t>(i), merge->id});
    queue_ = Queue(std::greater<>(), std::move(candidates));
  }

  void run() {
    while (!queue_.empty()) {
      Candidate top = queue_.top();
      queue_.pop();
      Symbol &left = symbols_[static_cast<size_t>(top.at)];
      if (left.id == kGone || left.next < 0)
        continue;
      Symbol &right = symbols_[static_cast<size_t>(left.next)];
      const Merge *merge = table_.find(left.id, right.id);
      if (!merge || merge->rank != top.rank)
        continue; // one of the two has become another since
      left.id = merge->id;
      right.id = kGone;
      left.next = right.next;
      if (left.next >= 0)
        symbols_[static_cast<size_t>(left.next)].previous = top.at;
      push(left.previous);
      push(top.at);
    }
    ids_.resize(begin_);
    for (int64_t at = 0; at >= 0; at = symbols_[static_cast<size_t>(at)].next)
      ids_.push_back(symbols_[static_cast<size_t>(at)].id);
  }

private:
  static constexpr int32_t kGone = -1;
  struct Symbol {
    int32_t id;
    int64_t previous, next; // -1 at the ends
  };
  struct Candidate {
    uint32_t rank;
    int64_t at; // the left symbol
    int32_t id;
    auto operator<=>(const Candidate &) const = default;
  };
  using Queue = std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>>;

  void push(int64_t at) {
    if (at < 0)
      return;
    const Symbol &left = symbols_[static_cast<size_t>(at)];
    if (left.next < 0)
      return;
    if (const Merge *merge = table_.find(left.id, symbols_[static_cast<size_t>(left.next)].id))
      queue_.push({merge->rank, at, merge->id});
  }

  const MergeTable &table_;
  std::vector<int32_t> &ids_;
  size_t begin_;
  std::vector<Symbol> symbols_;
  Queue queue_;
};

} // namespace

void mergeIds(const MergeTable &table, std::vector<int32_t> &ids, size_t begin) {
  size_t count = ids.size() - begin;
  if (count < 2)
    return;
  if (count <= kShort)
    mergeShort(table, ids, begin);
  else
    LongWord(table, ids, begin).run();
}

} // namespace heddle::runtime
