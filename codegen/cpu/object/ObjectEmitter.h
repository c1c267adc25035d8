// SPDX-License-Identifier: Apache-2.0
// From LLVM IR to machine code.

#ifndef HEDDLE_CODEGEN_CPU_OBJECT_OBJECTEMITTER_H
#define HEDDLE_CODEGEN_CPU_OBJECT_OBJECTEMITTER_H

#include <string>

#include "runtime/base/Status.h"

namespace llvm {
class Module;
} // namespace llvm

namespace heddle::codegen {

/// What LLVM must know of the machine. `cpu` only steers scheduling; which instructions may be used
/// is `features` alone ("+avx512f,+fma"), so that one string means one instruction set everywhere.
struct MachineOptions {
  std::string cpu = "x86-64";
  std::string features;
  int vectorWidth = 512; // bits
};

/// Optimises `module` lightly and returns a relocatable object.
StatusOr<std::string> emitObject(llvm::Module &module, const MachineOptions &options);

/// The same as assembly text, for dumps and for tests that read the inner loop.
StatusOr<std::string> emitAssembly(llvm::Module &module, const MachineOptions &options);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_OBJECT_OBJECTEMITTER_H
