// SPDX-License-Identifier: Apache-2.0
// The functions behind the ABI's table, by kind. Each is called by the running thread.

#ifndef HEDDLE_RUNTIME_CUDA_EMULATOR_OPERATIONS_H
#define HEDDLE_RUNTIME_CUDA_EMULATOR_OPERATIONS_H

#include "runtime/cuda/emulator/EmulatorAbi.h"

namespace heddle::emulator {

const gk_EmulatorAbi &emulatorAbi();

void addMemoryOperations(gk_EmulatorAbi &abi);
void addWarpOperations(gk_EmulatorAbi &abi);
void addCpAsyncOperations(gk_EmulatorAbi &abi);
void addBarrierOperations(gk_EmulatorAbi &abi);
void addBulkLoadOperations(gk_EmulatorAbi &abi);
void addBulkStoreOperations(gk_EmulatorAbi &abi);
void addWgmmaOperations(gk_EmulatorAbi &abi);

} // namespace heddle::emulator

#endif // HEDDLE_RUNTIME_CUDA_EMULATOR_OPERATIONS_H
