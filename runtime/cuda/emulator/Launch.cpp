// SPDX-License-Identifier: Apache-2.0
#include "runtime/cuda/emulator/Machine.h"

namespace heddle::emulator {
namespace {

constexpr uint32_t kMaxThreads = 1024, kMaxSharedBytes = 232448, kMaxCluster = 8;

Status checkShape(const LaunchShape &shape) {
  if (shape.threads == 0 || shape.threads > kMaxThreads)
    return invalidInput("a launch of ", shape.threads, " threads a block, ", kMaxThreads,
                        " at most");
  if (shape.sharedBytes > kMaxSharedBytes)
    return invalidInput("a launch with ", shape.sharedBytes, " bytes of shared memory, ",
                        kMaxSharedBytes, " at most");
  if (shape.cluster == 0 || shape.cluster > kMaxCluster || shape.grid[0] % shape.cluster)
    return invalidInput("a launch of ", shape.grid[0], " blocks in clusters of ", shape.cluster);
  if (shape.grid[0] == 0 || shape.grid[1] == 0 || shape.grid[2] == 0)
    return invalidInput("a launch of no blocks");
  return absl::OkStatus();
}

} // namespace

StatusOr<LaunchResult> launch(const KernelObject &object, const std::string &kernel,
                              const LaunchShape &shape, void **parameters,
                              const GlobalMemory &memory, const EmulatorOptions &options) {
  HEDDLE_RETURN_IF_ERROR(withContext(checkShape(shape), kernel));
  if (!object.find(kernel))
    return invalidInput("the emulated object holds no kernel ", kernel);
  Machine machine(object, kernel, shape, parameters, memory, options);
  HEDDLE_RETURN_IF_ERROR(machine.prepare());
  for (uint32_t z = 0; z < shape.grid[2]; ++z)
    for (uint32_t y = 0; y < shape.grid[1]; ++y)
      for (uint32_t x = 0; x < shape.grid[0]; x += shape.cluster)
        if (!machine.runCluster({x, y, z}))
          return machine.takeResult();
  machine.setFinished(true);
  return machine.takeResult();
}

std::string LaunchResult::text() const {
  std::string lines;
  for (const Fault &fault : faults)
    absl::StrAppend(&lines, fault.text(), "\n");
  return lines;
}

} // namespace heddle::emulator
