// SPDX-License-Identifier: Apache-2.0
// What bulk loads and bulk stores ask of their operands. Internal to the emulator.

#ifndef HEDDLE_RUNTIME_CUDA_EMULATOR_BULKCOPIES_H
#define HEDDLE_RUNTIME_CUDA_EMULATOR_BULKCOPIES_H

#include "runtime/cuda/emulator/Machine.h"

namespace heddle::emulator {

/// Decodes the map and checks what the device traps on; stops where nothing can be copied.
void checkMapOperands(Machine &machine, const void *mapBytes, TensorMap &map, uint32_t address,
                      int rank, const int *coordinates, uint32_t pc);
/// Of a copy without a map.
void checkBulkOperands(Machine &machine, uint64_t global, uint32_t address, uint32_t bytes,
                       uint32_t pc);

} // namespace heddle::emulator

#endif // HEDDLE_RUNTIME_CUDA_EMULATOR_BULKCOPIES_H
