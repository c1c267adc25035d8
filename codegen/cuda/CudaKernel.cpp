// SPDX-License-Identifier: Apache-2.0
#include "codegen/cuda/CudaKernel.h"

namespace heddle::codegen {

std::string fillIn(std::string text,
                   const std::vector<std::pair<std::string, std::string>> &values) {
  for (const auto &[name, value] : values) {
    std::string mark = "$" + name + "$";
    for (size_t at = text.find(mark); at != std::string::npos;
         at = text.find(mark, at + value.size()))
      text.replace(at, mark.size(), value);
  }
  return text;
}

} // namespace heddle::codegen
