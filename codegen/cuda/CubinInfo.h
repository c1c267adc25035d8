// SPDX-License-Identifier: Apache-2.0
// What a compiled kernel takes and is made of, read from the cubin itself: a guard on machines that
// cannot run it.

#ifndef HEDDLE_CODEGEN_CUDA_CUBININFO_H
#define HEDDLE_CODEGEN_CUDA_CUBININFO_H

#include <map>
#include <string>
#include <string_view>

#include "runtime/base/Status.h"

namespace heddle::codegen {

/// The instructions that tell what a kernel does. Ones of the same name differ in where operands
/// are.
enum class CudaOpcode {
  Hgmma,       ///< wgmma
  Hmma,        ///< mma.sync
  Ldsm,        ///< ldmatrix
  Stsm,        ///< stmatrix
  Ldgsts,      ///< cp.async
  Utmaldg,     ///< TMA load
  Utmastg,     ///< TMA store
  LocalLoad,   ///< of spilled registers
  LocalStore,  ///< of spilled registers
  DoubleFma,   ///< f64 arithmetic, which no kernel means to do
  GpuMembar,   ///< a fence of the whole device
  SetRegisters ///< setmaxnreg
};

struct CubinKernel {
  int registers = 0;  ///< a thread, at launch
  int frameBytes = 0; ///< of local memory a thread: 0 where nothing is spilled
  std::map<CudaOpcode, int> opcodes;

  int count(CudaOpcode opcode) const {
    auto entry = opcodes.find(opcode);
    return entry == opcodes.end() ? 0 : entry->second;
  }
};

/// The kernels of a cubin for sm_80 to sm_90a, by name. InvalidArgument for what is no cubin.
StatusOr<std::map<std::string, CubinKernel>> readCubin(std::string_view bytes);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CUDA_CUBININFO_H
