// SPDX-License-Identifier: Apache-2.0
// Compiles each distinct kernel of a module once, in parallel, through the disk cache.

#ifndef HEDDLE_CODEGEN_KERNELCOMPILER_H
#define HEDDLE_CODEGEN_KERNELCOMPILER_H

#include <string>
#include <vector>

#include "codegen/CompileTarget.h"
#include "codegen/KernelClasses.h"
#include "runtime/Executable.pb.h"
#include "runtime/base/Status.h"

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace heddle::codegen {

inline constexpr uint64_t kDefaultCacheBytes = uint64_t{4} << 30;

struct CompileOptions {
  CompileTarget target;
  int threads = 1;
  std::string cacheFolder; // empty: no cache
  uint64_t cacheLimitBytes = kDefaultCacheBytes;
  // Where to leave each kernel as .mlir, .ll and .s, or .cu; empty: nowhere. Dumping bypasses the
  // cache.
  std::string dumpFolder;
  // Where a kernel that cannot be compiled is left as a reproducer; empty: see reproducerPath().
  std::string reproducerFolder;
};

/// What the plan must know of a kernel's function.
struct CompiledKernel {
  std::string symbol;
  int64_t tasks = 0;
  int64_t scratchBytes = 0;
  double flops = 0;
  double bytes = 0;
  // On a CUDA device.
  std::vector<runtime::proto::GridLaunch> grid;
  uint64_t workspaceBytes = 0;
};

struct CompiledKernels {
  KernelClasses classes;
  std::vector<CompiledKernel> kernels;               // by class
  std::string sharedObject;                          // for processors
  std::vector<runtime::proto::DeviceModule> modules; // for a CUDA device
  int compiled = 0;                                  // the others came from the cache
  int cached = 0;
  std::vector<std::string> remarks;
};

/// Compiles every heddle.kernel below `module`, which must outlive the result. An error names the
/// kernel, the layer of its first use and the command that reproduces it; a crash leaves the same
/// (CrashNote.h). Bad input: there are no kernels. Unimplemented: there is no such kernel.
/// Internal: there should have been.
StatusOr<CompiledKernels> compileKernels(mlir::ModuleOp module, const CompileOptions &options);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_KERNELCOMPILER_H
