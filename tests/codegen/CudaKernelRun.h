// SPDX-License-Identifier: Apache-2.0
// A kernel of the IR as CUDA on the emulator, in the test's own process.

#ifndef HEDDLE_TESTS_CODEGEN_CUDAKERNELRUN_H
#define HEDDLE_TESTS_CODEGEN_CUDAKERNELRUN_H

#include <memory>

#include "codegen/cuda/kernels/CudaProgram.h"
#include "runtime/cuda/emulator/KernelObject.h"

namespace heddle::codegen {

struct KernelBuffer {
  void *data;
  size_t bytes;
};

class CudaKernelRun {
public:
  /// Null, and a failure of the test, where there is no text for the kernel or it does not
  /// compile.
  static std::unique_ptr<CudaKernelRun> compile(ir::KernelOp kernel);

  /// All launches, in one order of threads and copies (EmulatorOptions::seed). A fault fails the
  /// test. `buffers`: inputs, then outputs.
  void run(const std::vector<KernelBuffer> &buffers, uint64_t seed) const;

private:
  CudaKernelRun(CudaProgram kernel, emulator::KernelObject object)
      : kernel_(std::move(kernel)), object_(std::move(object)) {}
  CudaProgram kernel_;
  emulator::KernelObject object_;
};

} // namespace heddle::codegen

#endif // HEDDLE_TESTS_CODEGEN_CUDAKERNELRUN_H
