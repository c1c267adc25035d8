// SPDX-License-Identifier: Apache-2.0
// The files of codegen/cuda/device/ and the emulator's ABI as they were when this was built.

#ifndef HEDDLE_CODEGEN_CUDA_DEVICETEXTS_H
#define HEDDLE_CODEGEN_CUDA_DEVICETEXTS_H

#include <vector>

namespace heddle::codegen {

struct DeviceText {
  const char *file; ///< its name without a folder
  const char *text;
};

/// In the order of CMakeLists.txt. Written by EmbedText.cmake.
const std::vector<DeviceText> &deviceTexts();

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CUDA_DEVICETEXTS_H
