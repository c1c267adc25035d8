// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/KernelLibrary.h"

namespace heddle::runtime {

StatusOr<KernelLibrary> KernelLibrary::load(std::string_view sharedObject) {
  KernelLibrary library;
  if (sharedObject.empty())
    return library;
  HEDDLE_ASSIGN_OR_RETURN(library.object_, LoadedObject::load(sharedObject, "the kernels"));
  return library;
}

} // namespace heddle::runtime
