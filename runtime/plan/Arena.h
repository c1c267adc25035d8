// SPDX-License-Identifier: Apache-2.0
// Large zeroed memory straight from the system.

#ifndef HEDDLE_RUNTIME_PLAN_ARENA_H
#define HEDDLE_RUNTIME_PLAN_ARENA_H

#include <cstdint>
#include <string>
#include <utility>

#include "runtime/base/Status.h"

namespace heddle::runtime {

/// A private mapping, zero at first, aligned to 64 bytes at least and to 2 MiB where it is that
/// large; huge pages are advised. Pages take memory once they are touched. Move only.
class Arena {
public:
  Arena() = default;
  /// `purpose` names it in the error when the system refuses. Zero bytes are fine.
  static StatusOr<Arena> allocate(uint64_t bytes, const std::string &purpose);
  Arena(Arena &&other) noexcept { *this = std::move(other); }
  Arena &operator=(Arena &&other) noexcept;
  ~Arena();

  void *data() const { return data_; }
  uint64_t size() const { return size_; }

private:
  void *mapping_ = nullptr;
  uint64_t mapped_ = 0;
  void *data_ = nullptr;
  uint64_t size_ = 0;
};

/// Bytes that this process could still take: what the system has available, or what its control
/// group leaves, whichever is less. 0 if unknown.
uint64_t availableMemory();

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_PLAN_ARENA_H
