// SPDX-License-Identifier: Apache-2.0
// What an executable says of itself.

#ifndef HEDDLE_TOOLS_DRIVER_MANIFEST_H
#define HEDDLE_TOOLS_DRIVER_MANIFEST_H

#include <string>

#include "runtime/Executable.pb.h"
#include "runtime/plan/EntryInputs.h"
#include "tools/driver/Compile.h"

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace heddle::tools {

/// `model` is null for a module from text: its parameters are then the arguments of kind "param",
/// initialised with zeros for vectors and small random numbers otherwise.
runtime::proto::Manifest makeManifest(mlir::ModuleOp module, const frontend::Model *model,
                                      const std::string &origin, const CompileRequest &request);

/// What the model's head is for, as far as it is plain.
runtime::proto::Task taskOf(const frontend::Model &model);

/// What the manifest of the model will say of its inputs.
runtime::InputRules inputRules(const frontend::Model &model);

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_DRIVER_MANIFEST_H
