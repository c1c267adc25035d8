// SPDX-License-Identifier: Apache-2.0
// Is an executable's description consistent? Asked once, before anything of it is used.

#ifndef HEDDLE_RUNTIME_PLAN_EXECUTABLECHECK_H
#define HEDDLE_RUNTIME_PLAN_EXECUTABLECHECK_H

#include "runtime/Executable.pb.h"
#include "runtime/base/Status.h"

namespace heddle::runtime {

/// Checks what the plan's interpreter relies on: the format's version; each value's type and size;
/// every buffer reference within its buffer; a result that shares an argument's buffer has its
/// type; parameters as in the manifest; one type for one state across entries. InvalidArgument that
/// names the entry and the launch. Says nothing about the kernels' code.
Status checkExecutable(const proto::Executable &executable);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_PLAN_EXECUTABLECHECK_H
