// SPDX-License-Identifier: Apache-2.0
#include "tests/codegen/CudaKernelRun.h"

#include "codegen/cuda/HostKernel.h"
#include "runtime/cuda/emulator/Emulator.h"
#include "tests/codegen/GuardedBuffer.h"
#include "gtest/gtest.h"

namespace heddle::codegen {

std::unique_ptr<CudaKernelRun> CudaKernelRun::compile(ir::KernelOp kernel) {
  std::string reason;
  mlir::FailureOr<CudaProgram> generated = generateCudaProgram(kernel, "tested", &reason);
  EXPECT_TRUE(mlir::succeeded(generated)) << reason;
  if (mlir::failed(generated))
    return nullptr;
  StatusOr<std::string> compiled = compileForEmulator(generated->text, "tested.cu");
  EXPECT_TRUE(compiled.ok()) << compiled.status() << "\n" << generated->text;
  if (!compiled.ok())
    return nullptr;
  StatusOr<emulator::KernelObject> object = emulator::KernelObject::load(*compiled);
  EXPECT_TRUE(object.ok()) << object.status();
  if (!object.ok())
    return nullptr;
  return std::unique_ptr<CudaKernelRun>(
      new CudaKernelRun(std::move(*generated), std::move(*object)));
}

void CudaKernelRun::run(const std::vector<KernelBuffer> &buffers, uint64_t seed) const {
  emulator::GlobalMemory memory;
  std::vector<void *> addresses, parameters;
  for (const KernelBuffer &buffer : buffers) {
    memory.add(buffer.data, buffer.bytes);
    addresses.push_back(buffer.data);
  }
  GuardedBuffer workspace(kernel_.workspaceBytes);
  memory.add(workspace.data(), workspace.size());
  if (kernel_.workspaceBytes > 0)
    addresses.push_back(workspace.data());
  for (void *&address : addresses)
    parameters.push_back(&address);
  emulator::EmulatorOptions options;
  options.seed = seed;
  for (const CudaProgramLaunch &launch : kernel_.launches) {
    emulator::LaunchShape shape;
    shape.grid[0] = static_cast<uint32_t>(launch.blocks);
    shape.threads = static_cast<uint32_t>(launch.threads);
    shape.sharedBytes = static_cast<uint32_t>(launch.sharedBytes);
    auto result =
        emulator::launch(object_, launch.function, shape, parameters.data(), memory, options);
    ASSERT_TRUE(result.ok()) << result.status() << "\n" << kernel_.text;
    EXPECT_TRUE(result->faults.empty() && result->isFinished) << result->text() << kernel_.text;
  }
  EXPECT_TRUE(workspace.isIntact()) << "written beside the workspace";
}

} // namespace heddle::codegen
