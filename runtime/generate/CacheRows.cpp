// SPDX-License-Identifier: Apache-2.0
#include "runtime/generate/CacheRows.h"

#include <algorithm>

#include "runtime/plan/Session.h"

namespace heddle::runtime {
namespace {

int64_t commonBeginning(const std::vector<int32_t> &a, const std::vector<int32_t> &b) {
  return std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin();
}

/// A cache as blocks of slots, one block per row and head. Position p is in slot p mod slots.
struct Layout {
  int64_t blocks = 1; // of a row
  int64_t slots = 1;
  uint64_t slotBytes = 0;
  bool byPosition = false; // else a row is one block with one slot
};

Layout layoutOf(const StoredTensor &cache, int64_t seq) {
  uint64_t rowBytes = cache.bytes() / cache.shape[0];
  if (cache.shape.size() != 4 || cache.shape[2] > seq)
    return {1, 1, rowBytes, false};
  int64_t heads = cache.shape[1], slots = cache.shape[2];
  return {heads, slots, rowBytes / (heads * slots), true};
}

/// Slots [begin, end).
struct SlotRange {
  int64_t begin = 0, end = 0;
};

/// Those of the positions of a copy that are still there: one range, or two around the ring's end.
std::vector<SlotRange> slotsOf(const RowCopy &copy, const Layout &layout) {
  if (!layout.byPosition)
    return {{0, 1}};
  const int64_t oldest = std::max(copy.begin, copy.end - layout.slots);
  if (oldest >= copy.end)
    return {};
  const int64_t first = oldest % layout.slots, end = first + (copy.end - oldest);
  if (end <= layout.slots)
    return {{first, end}};
  return {{first, layout.slots}, {0, end - layout.slots}};
}

} // namespace

std::vector<RowCopy> assignRows(const std::vector<std::vector<int32_t>> &rows,
                                const std::vector<int64_t> &parents, std::vector<int64_t> &rowOf) {
  std::vector<bool> taken(rows.size());
  std::vector<int64_t> next(parents.size(), -1);
  for (size_t i = 0; i < parents.size(); ++i)
    if (int64_t row = rowOf[parents[i]]; !taken[row]) {
      next[i] = row;
      taken[row] = true;
    }
  std::vector<RowCopy> copies;
  for (size_t i = 0; i < parents.size(); ++i) {
    if (next[i] >= 0)
      continue;
    int64_t from = rowOf[parents[i]], best = -1;
    for (size_t r = 0; r < rows.size(); ++r)
      if (int64_t common = commonBeginning(rows[from], rows[r]); !taken[r] && common > best) {
        best = common;
        next[i] = static_cast<int64_t>(r);
      }
    taken[next[i]] = true;
    if (auto end = static_cast<int64_t>(rows[from].size()); best < end)
      copies.push_back({from, next[i], best, end});
  }
  rowOf = std::move(next);
  return copies;
}

Status copyCacheRows(Session &session, const std::vector<RowCopy> &copies) {
  int64_t batch = session.manifest().batch(), seq = session.manifest().seq();
  if (copies.empty())
    return absl::OkStatus();
  for (const StoredTensor *cache : session.states("cache.")) {
    if (cache->name.starts_with("cache.cross_"))
      continue; // rows of one search read the same source
    if (cache->shape.empty() || cache->shape[0] != batch)
      return invalidInput("state ", cache->name, ": has shape ", shapeText(cache->shape),
                          ", expected a row for each of the ", batch, " sequences");
    Layout layout = layoutOf(*cache, seq);
    auto address = [&](int64_t row, int64_t block, int64_t slot) {
      int64_t index = (row * layout.blocks + block) * layout.slots + slot;
      return static_cast<char *>(cache->data()) + index * layout.slotBytes;
    };
    for (const RowCopy &copy : copies)
      for (const SlotRange &range : slotsOf(copy, layout))
        for (int64_t block = 0; block < layout.blocks; ++block)
          HEDDLE_RETURN_IF_ERROR(session.device().copy(
              address(copy.to, block, range.begin), address(copy.from, block, range.begin),
              (range.end - range.begin) * layout.slotBytes));
  }
  return absl::OkStatus();
}

} // namespace heddle::runtime
