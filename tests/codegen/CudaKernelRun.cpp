// SPDX-License-Identifier: Apache-2.0
#include "tests/codegen/CudaKernelRun.h"

#include <cstdlib>

#include "absl/strings/str_split.h"
#include "codegen/cuda/DeviceHeader.h"
#include "codegen/cuda/HostKernel.h"
#include "codegen/cuda/Nvrtc.h"
#include "runtime/cuda/emulator/Emulator.h"
#include "tests/codegen/GuardedBuffer.h"
#include "gtest/gtest.h"

namespace heddle::codegen {
namespace {

/// With HEDDLE_KERNEL_NVRTC=sm_80,sm_90a: what NVRTC says of the text for each of these.
void compileForDevices(const std::string &text) {
  const char *architectures = std::getenv("HEDDLE_KERNEL_NVRTC");
  if (!architectures)
    return;
  StatusOr<const Nvrtc *> nvrtc = Nvrtc::get();
  ASSERT_TRUE(nvrtc.ok()) << nvrtc.status();
  for (absl::string_view word : absl::StrSplit(architectures, ',')) {
    std::string architecture(word);
    std::string source = kernelSource(text, "tested.cu", {}, /*forHost=*/false);
    StatusOr<Cubin> cubin = (*nvrtc)->compile(source, "tested.cu", {architecture, true, false});
    ASSERT_TRUE(cubin.ok()) << architecture << ": " << cubin.status() << text;
    EXPECT_EQ(cubin->log.find("C75"), std::string::npos)
        << architecture << ": " << cubin->log << text;
  }
}

} // namespace

std::unique_ptr<CudaKernelRun> CudaKernelRun::compile(ir::KernelOp kernel) {
  std::string reason;
  mlir::FailureOr<CudaProgram> generated = generateCudaProgram(kernel, "tested", &reason);
  EXPECT_TRUE(mlir::succeeded(generated)) << reason;
  if (mlir::failed(generated))
    return nullptr;
  compileForDevices(generated->text);
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
