// SPDX-License-Identifier: Apache-2.0
// Links kernels into one shared object, in process, with the LLD library.

#ifndef HEDDLE_CODEGEN_CPU_OBJECT_SHAREDOBJECT_H
#define HEDDLE_CODEGEN_CPU_OBJECT_SHAREDOBJECT_H

#include <string>
#include <vector>

#include "runtime/base/Status.h"

namespace heddle::codegen {

/// Relocatable objects in, the bytes of a shared object out. The order of `objects` decides the
/// order in the result, so equal inputs give equal bytes. Touches no disk. Not to be called by two
/// threads at once: LLD keeps global state.
StatusOr<std::string> linkSharedObject(const std::vector<std::string> &objects);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_OBJECT_SHAREDOBJECT_H
