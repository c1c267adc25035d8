// SPDX-License-Identifier: Apache-2.0
// `heddle run --backend interpreter`: the same inputs and outputs, computed in float64.

#ifndef HEDDLE_TOOLS_DRIVER_REFERENCE_H
#define HEDDLE_TOOLS_DRIVER_REFERENCE_H

#include "runtime/cli/Flags.h"
#include "tools/driver/OpenSource.h"

namespace heddle::tools {

/// Reads --inputs and the weights, evaluates --entry at the stage where it first exists, writes
/// --outputs (f64 tensors) and returns the exit code.
StatusOr<int> runReference(const Source &source, CompileRequest request,
                           const runtime::RunFlags &flags);

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_DRIVER_REFERENCE_H
