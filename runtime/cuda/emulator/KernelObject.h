// SPDX-License-Identifier: Apache-2.0
// A kernel that was compiled for the host, loaded into this process.

#ifndef HEDDLE_RUNTIME_CUDA_EMULATOR_KERNELOBJECT_H
#define HEDDLE_RUNTIME_CUDA_EMULATOR_KERNELOBJECT_H

#include <string>
#include <string_view>

#include "runtime/cuda/emulator/LineTable.h"
#include "runtime/io/LoadedObject.h"

namespace heddle::emulator {

/// Takes cuLaunchKernel's parameters: a pointer to each value.
using KernelEntry = void (*)(void **parameters);

/// Move only; may be used by several threads at once.
class KernelObject {
public:
  /// Loads it without a file on disk and hands it the emulator's functions. It is code and can do
  /// what this process can: only on the user's word.
  static StatusOr<KernelObject> load(std::string_view sharedObject);

  /// Of GK_EXPORT(kernel); null if there is none.
  KernelEntry find(const std::string &kernel) const;
  /// An address in the object as a distance from its start, and back to a line of the text.
  uint32_t offsetOf(const void *pc) const {
    return static_cast<uint32_t>(reinterpret_cast<uint64_t>(pc) - start_);
  }
  /// Of the call that returns to `offset`.
  SourceLine line(uint32_t offset) const { return lines_.find(offset - 1); }
  /// Whether these bytes are the object's own: its constants.
  bool contains(uint64_t address, uint64_t bytes) const {
    return address - start_ < size_ && size_ - (address - start_) >= bytes;
  }

private:
  KernelObject() = default;
  runtime::LoadedObject object_;
  uint64_t start_ = 0, size_ = 0;
  LineTable lines_;
};

} // namespace heddle::emulator

#endif // HEDDLE_RUNTIME_CUDA_EMULATOR_KERNELOBJECT_H
