// SPDX-License-Identifier: Apache-2.0
// Which memory of this process a kernel may reach as its global memory.

#ifndef HEDDLE_RUNTIME_CUDA_EMULATOR_GLOBALMEMORY_H
#define HEDDLE_RUNTIME_CUDA_EMULATOR_GLOBALMEMORY_H

#include <cstdint>
#include <map>

namespace heddle::emulator {

/// Buffers, each with its bounds. Does not own them. A kernel that reaches beyond one is stopped
/// before it does.
class GlobalMemory {
public:
  void add(const void *buffer, uint64_t bytes) {
    regions_[reinterpret_cast<uint64_t>(buffer)] = bytes;
  }
  void remove(const void *buffer) { regions_.erase(reinterpret_cast<uint64_t>(buffer)); }

  /// Whether all of these bytes lie in one buffer.
  bool contains(uint64_t address, uint64_t bytes) const {
    auto after = regions_.upper_bound(address);
    if (after == regions_.begin())
      return false;
    const auto &[start, size] = *std::prev(after);
    return bytes <= size && address - start <= size - bytes;
  }

private:
  std::map<uint64_t, uint64_t> regions_; ///< start, bytes
};

} // namespace heddle::emulator

#endif // HEDDLE_RUNTIME_CUDA_EMULATOR_GLOBALMEMORY_H
