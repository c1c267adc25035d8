// SPDX-License-Identifier: Apache-2.0
#include "runtime/cuda/emulator/Operations.h"

namespace heddle::emulator {

const gk_EmulatorAbi &emulatorAbi() {
  static const gk_EmulatorAbi abi = [] {
    gk_EmulatorAbi table{};
    table.version = gk_kEmulatorAbiVersion;
    addMemoryOperations(table);
    addWarpOperations(table);
    addCpAsyncOperations(table);
    addBarrierOperations(table);
    addBulkLoadOperations(table);
    addBulkStoreOperations(table);
    addWgmmaOperations(table);
    return table;
  }();
  return abi;
}

} // namespace heddle::emulator
