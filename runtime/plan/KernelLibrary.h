// SPDX-License-Identifier: Apache-2.0
// Compiled kernels, loaded into this process.

#ifndef HEDDLE_RUNTIME_PLAN_KERNELLIBRARY_H
#define HEDDLE_RUNTIME_PLAN_KERNELLIBRARY_H

#include <string>
#include <string_view>

#include "runtime/KernelAbi.h"
#include "runtime/io/LoadedObject.h"

namespace heddle::runtime {

/// Kernels in memory. Its functions live as long as this. Move only; lookups are safe on all
/// threads.
class KernelLibrary {
public:
  KernelLibrary() = default;
  /// Of no bytes, a library without kernels. See LoadedObject::load: only on the user's word.
  static StatusOr<KernelLibrary> load(std::string_view sharedObject);

  /// Null if there is none.
  KernelFunction find(const std::string &symbol) const {
    return reinterpret_cast<KernelFunction>(object_.find(symbol));
  }

private:
  LoadedObject object_;
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_PLAN_KERNELLIBRARY_H
