// SPDX-License-Identifier: Apache-2.0
// Compiled kernels, loaded into this process.

#ifndef HEDDLE_RUNTIME_PLAN_KERNELLIBRARY_H
#define HEDDLE_RUNTIME_PLAN_KERNELLIBRARY_H

#include <string>
#include <string_view>
#include <utility>

#include "runtime/KernelAbi.h"
#include "runtime/base/Status.h"

namespace heddle::runtime {

/// A shared object in memory. Its functions live as long as this. Move only; lookups are safe on
/// all threads.
class KernelLibrary {
public:
  KernelLibrary() = default;
  /// Loads it without a file on disk (memfd_create, dlopen). It is code and can do what this
  /// process can: only on the user's word.
  static StatusOr<KernelLibrary> load(std::string_view sharedObject);
  KernelLibrary(KernelLibrary &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  KernelLibrary &operator=(KernelLibrary &&other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~KernelLibrary();

  /// Null if there is none.
  KernelFunction find(const std::string &symbol) const;

private:
  void *handle_ = nullptr;
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_PLAN_KERNELLIBRARY_H
