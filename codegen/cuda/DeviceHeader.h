// SPDX-License-Identifier: Apache-2.0
// The wrapper header of device intrinsics (device/*.cuh) as text to stand before a kernel's.

#ifndef HEDDLE_CODEGEN_CUDA_DEVICEHEADER_H
#define HEDDLE_CODEGEN_CUDA_DEVICEHEADER_H

#include <string>
#include <vector>

namespace heddle::codegen {

/// The N of the wgmma instructions that a kernel uses, multiples of 8 from 8 to 256. Only these are
/// declared: all of them would cost each compilation more than the kernel itself.
struct WgmmaShapes {
  std::vector<int> bf16, tf32;
};

/// A kernel ready for a compiler: header, then `text`, whose lines count from 1 in a file called
/// `fileName`. The same text serves NVRTC and, with `forHost`, the emulator's compiler. It includes
/// nothing and is a function of its arguments.
std::string kernelSource(const std::string &text, const std::string &fileName,
                         const WgmmaShapes &shapes, bool forHost);

/// The functions gk_wgmma_* for a device, in the order of `shapes`.
std::string wgmmaText(const WgmmaShapes &shapes);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CUDA_DEVICEHEADER_H
