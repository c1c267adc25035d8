// SPDX-License-Identifier: Apache-2.0
#include "passes/MemoryPlanner.h"

#include <algorithm>
#include <map>

namespace heddle::passes {
namespace {

int64_t alignUp(int64_t bytes) {
  return (bytes + MemoryPlanner::kAlignment - 1) / MemoryPlanner::kAlignment *
         MemoryPlanner::kAlignment;
}

} // namespace

int MemoryPlanner::addGroup(int64_t bytes, int first, int last) {
  int value = static_cast<int>(values_.size());
  Group group;
  group.bytes = bytes;
  group.first = first;
  group.last = last;
  group.members = {value};
  values_.push_back({static_cast<int>(groups_.size()), 0, bytes});
  groups_.push_back(std::move(group));
  return value;
}

int MemoryPlanner::addValue(int64_t bytes, int first, int last) {
  return addGroup(bytes, first, last);
}

int MemoryPlanner::addExternal(int64_t bytes, int first, int last) {
  int value = addGroup(bytes, first, last);
  groups_[values_[value].group].external = value;
  return value;
}

void MemoryPlanner::reserve(int value, int from) {
  groups_[values_[value].group].reservedFrom = from;
}

bool MemoryPlanner::ownsWholeBuffer(int value) const {
  const Value &v = values_[value];
  return v.offset == 0 && v.bytes == groups_[v.group].bytes;
}

void MemoryPlanner::merge(int from, int into, int64_t byteOffset) {
  Group &source = groups_[from], &target = groups_[into];
  target.first = std::min(target.first, source.first);
  target.last = std::max(target.last, source.last);
  for (int member : source.members) {
    values_[member].group = into;
    values_[member].offset += byteOffset;
    target.members.push_back(member);
  }
  source.members.clear();
}

bool MemoryPlanner::placeInside(int part, int whole, int64_t byteOffset) {
  const Value &p = values_[part], &w = values_[whole];
  if (p.group == w.group || groups_[p.group].external >= 0 || !ownsWholeBuffer(part) ||
      byteOffset + p.bytes > w.bytes)
    return false;
  merge(p.group, w.group, w.offset + byteOffset);
  return true;
}

bool MemoryPlanner::reuse(int result, int operand) {
  const Value &r = values_[result], &o = values_[operand];
  const Group &taken = groups_[r.group], &dying = groups_[o.group];
  if (r.group == o.group || taken.external >= 0 || r.bytes != o.bytes || !ownsWholeBuffer(result) ||
      !ownsWholeBuffer(operand) || dying.last != taken.first || taken.last >= dying.reservedFrom)
    return false;
  merge(r.group, o.group, 0);
  return true;
}

int64_t MemoryPlanner::offset(int value) const {
  const Value &v = values_[value];
  return groups_[v.group].offset + v.offset;
}

int MemoryPlanner::externalOwner(int value) const { return groups_[values_[value].group].external; }

void MemoryPlanner::computeMaxLive(const std::vector<int> &arena) {
  std::map<int, int64_t> change;
  for (int group : arena) {
    change[groups_[group].first] += alignUp(groups_[group].bytes);
    change[groups_[group].last + 1] -= alignUp(groups_[group].bytes);
  }
  int64_t live = 0;
  maxLiveBytes_ = 0;
  for (auto [time, bytes] : change) {
    live += bytes;
    if (live > maxLiveBytes_) {
      maxLiveBytes_ = live;
      peakTime_ = time;
    }
  }
}

/// Places the groups one after the other, each at the lowest gap between those already placed that
/// are alive with it. Returns the size of the arena.
int64_t MemoryPlanner::layOut(const std::vector<int> &order, std::vector<int64_t> &offsets) const {
  std::vector<int> placed; // by offset
  int64_t arena = 0;
  for (int group : order) {
    const Group &g = groups_[group];
    int64_t bytes = alignUp(g.bytes), candidate = 0;
    for (int other : placed) {
      const Group &o = groups_[other];
      if (o.last < g.first || g.last < o.first)
        continue;
      if (offsets[other] >= candidate + bytes)
        break;
      candidate = std::max(candidate, offsets[other] + alignUp(o.bytes));
    }
    offsets[group] = candidate;
    arena = std::max(arena, candidate + bytes);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), group,
                                   [&](int a, int b) { return offsets[a] < offsets[b]; }),
                  group);
  }
  return arena;
}

void MemoryPlanner::solve() {
  std::vector<int> arena;
  for (int group = 0; group < static_cast<int>(groups_.size()); ++group)
    if (!groups_[group].members.empty() && groups_[group].external < 0 && groups_[group].bytes > 0)
      arena.push_back(group);
  computeMaxLive(arena);

  std::vector<int64_t> offsets(groups_.size(), 0), best;
  arenaBytes_ = std::numeric_limits<int64_t>::max();
  auto attempt = [&](const std::vector<int> &order) {
    int64_t bytes = layOut(order, offsets);
    if (bytes < arenaBytes_) {
      arenaBytes_ = bytes;
      best = offsets;
    }
    return bytes;
  };
  auto length = [&](int g) { return int64_t(groups_[g].last) - groups_[g].first + 1; };
  auto sorted = [&](auto key) {
    std::vector<int> order = arena;
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return key(a) > key(b); });
    return order;
  };
  std::vector<std::vector<int>> orders = {
      sorted([&](int g) { return groups_[g].bytes; }),
      sorted([&](int g) { return std::pair(length(g), groups_[g].bytes); }),
      sorted([&](int g) { return double(groups_[g].bytes) * double(length(g)); }),
      sorted([&](int g) { return std::pair(groups_[g].bytes, length(g)); }),
      sorted([&](int g) { return -groups_[g].first; })};
  for (const std::vector<int> &order : orders)
    if (attempt(order) == maxLiveBytes_)
      break;

  auto goodEnough = [&] { return arenaBytes_ - maxLiveBytes_ <= maxLiveBytes_ / 200; };

  // Whatever ends above the lower bound was placed too late: place it first and try again. Rounds
  // are bounded by work, not by time, so that the result does not depend on the machine.
  const int64_t count = std::max<int64_t>(1, static_cast<int64_t>(arena.size()));
  const int64_t rounds = std::min<int64_t>(80, 40'000'000 / (count * count));
  for (std::vector<int> &order : orders) {
    for (int64_t round = 0; round < rounds && !goodEnough(); ++round) {
      attempt(order);
      std::stable_partition(order.begin(), order.end(), [&](int g) {
        return offsets[g] + alignUp(groups_[g].bytes) > maxLiveBytes_;
      });
    }
  }
  if (best.empty())
    arenaBytes_ = 0;
  for (int group : arena)
    groups_[group].offset = best[group];
}

} // namespace heddle::passes
