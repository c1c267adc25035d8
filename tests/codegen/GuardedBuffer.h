// SPDX-License-Identifier: Apache-2.0
// Memory that notices who writes beside it, and poisons who reads beside it.

#ifndef HEDDLE_TESTS_CODEGEN_GUARDEDBUFFER_H
#define HEDDLE_TESTS_CODEGEN_GUARDEDBUFFER_H

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace heddle::codegen {

/// `size` bytes, aligned as the runtime aligns buffers, between two zones that no kernel may touch.
/// All of it starts as 0xff, which is NaN in every float type.
class GuardedBuffer {
public:
  explicit GuardedBuffer(size_t size)
      : size_(size), storage_(size + 2 * kZone + kAlignment, kFill) {
    auto address = reinterpret_cast<uintptr_t>(storage_.data()) + kZone;
    start_ = (address + kAlignment - 1) / kAlignment * kAlignment -
             reinterpret_cast<uintptr_t>(storage_.data());
  }
  GuardedBuffer(GuardedBuffer &&) = default;
  GuardedBuffer &operator=(GuardedBuffer &&) = default;

  char *data() { return storage_.data() + start_; }
  const char *data() const { return storage_.data() + start_; }
  size_t size() const { return size_; }

  /// Whether the zones are as they were.
  bool isIntact() const {
    auto untouched = [](char byte) { return byte == kFill; };
    return std::all_of(storage_.begin(), storage_.begin() + start_, untouched) &&
           std::all_of(storage_.begin() + start_ + size_, storage_.end(), untouched);
  }

private:
  static constexpr size_t kAlignment = 64;
  static constexpr size_t kZone = 1024; // several vectors, and the widest panel
  static constexpr char kFill = char(0xff);

  size_t size_, start_;
  std::vector<char> storage_;
};

} // namespace heddle::codegen

#endif // HEDDLE_TESTS_CODEGEN_GUARDEDBUFFER_H
