// SPDX-License-Identifier: Apache-2.0
// What kernels are compiled for: a processor, or a CUDA device.

#ifndef HEDDLE_CODEGEN_COMPILETARGET_H
#define HEDDLE_CODEGEN_COMPILETARGET_H

#include <string>
#include <vector>

#include "codegen/cpu/Target.h"
#include "runtime/base/Status.h"

namespace heddle::codegen {

/// A value type.
class CompileTarget {
public:
  CompileTarget() = default;
  CompileTarget(Target cpu) : cpu_(std::move(cpu)) {}
  /// CUDA kernels on this machine's processors, every access of theirs checked
  /// (runtime/cuda/emulator).
  static CompileTarget emulatedCuda() {
    CompileTarget target;
    target.isCuda_ = true;
    return target;
  }

  bool isCuda() const { return isCuda_; }
  /// Of a target that is not CUDA.
  const Target &cpu() const { return cpu_; }

  /// As --target has it: "cpu:avx512", "cuda:emulated".
  std::string name() const { return isCuda_ ? "cuda:emulated" : cpu_.name(); }
  /// Everything that changes the code generated, as text: part of the kernel cache's key.
  std::string cacheText() const { return isCuda_ ? name() : cpu_.cacheText(); }
  /// CPU features that a machine must have to run the code.
  std::vector<std::string> requiredFeatures() const {
    return isCuda_ ? std::vector<std::string>() : cpu_.requiredFeatures();
  }

private:
  Target cpu_;
  bool isCuda_ = false;
};

/// As parseTarget, and "cuda:emulated".
StatusOr<CompileTarget> parseCompileTarget(const std::string &text);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_COMPILETARGET_H
