// SPDX-License-Identifier: Apache-2.0
// Runs one generated kernel in the test's own process, as the runtime would.

#ifndef HEDDLE_TESTS_CODEGEN_JITHARNESS_H
#define HEDDLE_TESTS_CODEGEN_JITHARNESS_H

#include <memory>
#include <string>
#include <vector>

#include "codegen/cpu/GeneratedKernel.h"
#include "codegen/cpu/Target.h"
#include "runtime/KernelAbi.h"
#include "runtime/base/Status.h"

namespace llvm::orc {
class LLJIT;
} // namespace llvm::orc

namespace heddle::codegen {

/// A compiled kernel. Movable; the code lives as long as the object.
class JitKernel {
public:
  /// Verifies and compiles. The kernel's module is consumed. The context must have gone through
  /// loadKernelDialects.
  static StatusOr<JitKernel> compile(GeneratedKernel kernel, const Target &target);

  /// Like compile, but returns the assembly text.
  static StatusOr<std::string> assembly(GeneratedKernel kernel, const Target &target);

  /// Runs all tasks in `pieces` calls, the last tasks first, each with its own scratch filled with
  /// NaN: results must not depend on either.
  void run(const std::vector<void *> &operands, int pieces = 1) const;

  int64_t tasks() const { return tasks_; }
  double flops() const { return flops_; }
  runtime::KernelFunction function() const { return function_; }
  int64_t scratchBytes() const { return scratchBytes_; }

  JitKernel(JitKernel &&) noexcept;
  JitKernel &operator=(JitKernel &&) noexcept;
  ~JitKernel();

private:
  JitKernel();

  std::unique_ptr<llvm::orc::LLJIT> jit_;
  runtime::KernelFunction function_ = nullptr;
  int64_t tasks_ = 0;
  int64_t scratchBytes_ = 0;
  double flops_ = 0;
};

} // namespace heddle::codegen

#endif // HEDDLE_TESTS_CODEGEN_JITHARNESS_H
