// SPDX-License-Identifier: Apache-2.0
// Stacks that take turns on one thread of the system. x86-64.

#ifndef HEDDLE_RUNTIME_CUDA_EMULATOR_FIBER_H
#define HEDDLE_RUNTIME_CUDA_EMULATOR_FIBER_H

#include <cstddef>
#include <cstdint>

#include "runtime/base/Status.h"

namespace heddle::emulator {

/// Memory for the stacks of `count` fibers, each with a page below it that may not be touched. Move
/// only.
class StackPool {
public:
  StackPool() = default;
  StackPool(const StackPool &) = delete;
  StackPool &operator=(const StackPool &) = delete;
  ~StackPool();

  /// Room for `count` stacks; what earlier ones held is lost where it has to grow.
  Status reserve(size_t count);
  /// Whether an address lies in any of them.
  bool contains(uint64_t address) const { return address - base_ < bytes_; }
  /// The lowest usable address of stack `index`, and its size.
  uint8_t *bottom(size_t index) const;
  static constexpr size_t kStackBytes = 128 << 10;

private:
  uint64_t base_ = 0, bytes_ = 0;
};

/// Where a fiber, or who resumed it, goes on.
class FiberContext {
public:
  /// A fiber that begins with `entry`, which must not return.
  void prepare(StackPool &pool, size_t index, void (*entry)());
  /// Leaves `from` here and goes on in `to`. Returns when somebody switches back to `from`.
  static void switchTo(FiberContext &from, FiberContext &to);

private:
  uint64_t stackPointer_ = 0;
  // For AddressSanitizer, which has to be told of every switch.
  const void *bottom_ = nullptr;
  size_t size_ = 0;
  friend void tellEntered(FiberContext &);
};

/// The first thing that a fiber's entry does.
void fiberEntered();

} // namespace heddle::emulator

#endif // HEDDLE_RUNTIME_CUDA_EMULATOR_FIBER_H
