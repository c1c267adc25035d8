// SPDX-License-Identifier: Apache-2.0
#include "codegen/cuda/DeviceHeader.h"

#include <string_view>

#include "codegen/cuda/DeviceTexts.h"

namespace heddle::codegen {
namespace {

bool isForHostAlone(std::string_view file) { return file == "EmulatorAbi.h" || file == "Host.cuh"; }

} // namespace

std::string kernelSource(const std::string &text, const std::string &fileName,
                         const WgmmaShapes &shapes, bool forHost) {
  std::string source;
  for (const DeviceText &part : deviceTexts()) {
    if (isForHostAlone(part.file) && !forHost)
      continue;
    source += "#line 1 \"" + std::string(part.file) + "\"\n" + part.text;
  }
  if (!forHost)
    source += "#line 1 \"WgmmaText\"\n" + wgmmaText(shapes);
  return source + "#line 1 \"" + fileName + "\"\n" + text;
}

} // namespace heddle::codegen
