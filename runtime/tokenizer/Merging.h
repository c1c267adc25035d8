// SPDX-License-Identifier: Apache-2.0
// Byte-pair merging: of all neighbours that may be merged, those of the lowest rank first, the
// leftmost of equals first.

#ifndef HEDDLE_RUNTIME_TOKENIZER_MERGING_H
#define HEDDLE_RUNTIME_TOKENIZER_MERGING_H

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace heddle::runtime {

struct Merge {
  uint32_t rank;
  int32_t id; // of what the two become
};

class MergeTable {
public:
  void reserve(size_t count) { merges_.reserve(count); }
  /// The last one counts where a pair comes twice.
  void add(int32_t left, int32_t right, Merge merge) { merges_[key(left, right)] = merge; }
  /// Null where the two are not merged.
  const Merge *find(int32_t left, int32_t right) const {
    auto at = merges_.find(key(left, right));
    return at == merges_.end() ? nullptr : &at->second;
  }

private:
  static uint64_t key(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  absl::flat_hash_map<uint64_t, Merge> merges_;
};

/// Merges `ids` from index `begin` to the end, in place. O(n log n).
void mergeIds(const MergeTable &table, std::vector<int32_t> &ids, size_t begin);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TOKENIZER_MERGING_H
