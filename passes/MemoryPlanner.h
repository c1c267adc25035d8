// SPDX-License-Identifier: Apache-2.0
// Where each tensor lives in the arena. Plain class, no IR inside: heddle-plan-memory feeds it.

#ifndef HEDDLE_PASSES_MEMORYPLANNER_H
#define HEDDLE_PASSES_MEMORYPLANNER_H

#include <cstdint>
#include <limits>
#include <vector>

namespace heddle::passes {

/// Lays out values of known size and lifetime in one arena.
///
/// Time is the position of an operation; a value lives from the operation `first` that writes it to
/// the last one that reads it, both included, so that an operation never writes over what it reads
/// unless `reuse` says so. Values share a buffer in three ways: one is a window of the other
/// (`placeInside`), a result takes over the buffer of an operand that dies there (`reuse`), or both
/// live in the same memory of the caller (`addExternal`, `reserve`). Every other pair of buffers
/// whose lifetimes meet gets disjoint bytes.
///
/// Deterministic: the same calls give the same offsets. Not thread-safe.
class MemoryPlanner {
public:
  /// Bytes; every arena buffer starts at a multiple of it (one cache line, one AVX-512 register).
  static constexpr int64_t kAlignment = 64;
  static constexpr int kNever = std::numeric_limits<int>::max();

  /// A value with an arena buffer of its own. Returns its id: 0, 1, ... in the order of the calls.
  int addValue(int64_t bytes, int first, int last);

  /// A value in memory that the caller owns: it takes no room in the arena. Other values may join
  /// it.
  int addExternal(int64_t bytes, int first, int last);

  /// From time `from` on, the external buffer of `value` belongs to its successor: nothing that
  /// lives as long as `from` may be put there by `reuse`.
  void reserve(int value, int from);

  /// Makes `part` the window of `whole`'s buffer that starts `byteOffset` bytes into `whole`. The
  /// buffer then lives as long as both do. `part` must still own the whole of its arena buffer;
  /// returns false, and changes nothing, when it does not or when the window does not fit.
  bool placeInside(int part, int whole, int64_t byteOffset);

  /// Lets `result` take over the buffer of `operand`, which dies in the operation that writes
  /// `result`. The caller answers for that operation reading each element before it overwrites it.
  /// Returns false, and changes nothing, when the operand lives on, when either is only a part of
  /// its buffer, when the sizes differ, or when a reserved buffer would be held too long.
  bool reuse(int result, int operand);

  /// Chooses the offsets. Call once, after everything above.
  void solve();

  /// Bytes from the start of the arena; for a value in an external buffer, from the start of that.
  int64_t offset(int value) const;
  /// The external value whose memory `value` lives in, or -1 when it lives in the arena.
  int externalOwner(int value) const;
  bool sameBuffer(int a, int b) const { return values_[a].group == values_[b].group; }
  /// First and last operation during which the buffer that holds `value` is taken.
  int bufferFirst(int value) const { return groups_[values_[value].group].first; }
  int bufferLast(int value) const { return groups_[values_[value].group].last; }

  int64_t arenaBytes() const { return arenaBytes_; }
  /// The largest sum of the sizes of arena buffers alive at one time: no layout can be smaller.
  int64_t maxLiveBytes() const { return maxLiveBytes_; }
  /// A time at which that largest sum is alive.
  int peakTime() const { return peakTime_; }

private:
  struct Value {
    int group;
    int64_t offset;
    int64_t bytes;
  };
  // Values that share a buffer.
  struct Group {
    int64_t bytes;
    int first;
    int last;
    int external = -1;
    int reservedFrom = kNever;
    std::vector<int> members;
    int64_t offset = 0;
  };

  int addGroup(int64_t bytes, int first, int last);
  void merge(int from, int into, int64_t byteOffset);
  bool ownsWholeBuffer(int value) const;
  void computeMaxLive(const std::vector<int> &arena);
  int64_t layOut(const std::vector<int> &order, std::vector<int64_t> &offsets) const;

  std::vector<Value> values_;
  std::vector<Group> groups_;
  int64_t arenaBytes_ = 0;
  int64_t maxLiveBytes_ = 0;
  int peakTime_ = 0;
};

} // namespace heddle::passes

#endif // HEDDLE_PASSES_MEMORYPLANNER_H
