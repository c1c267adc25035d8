// SPDX-License-Identifier: Apache-2.0
// The header of a safetensors file: eight bytes of length (little endian), that much JSON, then the
// tensors' bytes. Reading checks everything that a later access relies on: the header lies within
// the file and within 100,000,000 bytes; names are unique, 1 to 1,024 bytes of UTF-8 without
// control characters; dtypes are known; ranks are at most 8; each tensor's bytes match its shape;
// together the tensors cover the rest of the file without hole or overlap. Errors name file and
// tensor, or file and byte.

#ifndef HEDDLE_RUNTIME_IO_SAFETENSORSHEADER_H
#define HEDDLE_RUNTIME_IO_SAFETENSORSHEADER_H

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/DType.h"
#include "runtime/base/Status.h"

namespace heddle::runtime {

struct TensorInfo {
  std::string name;
  DType dtype = DType::F32;
  std::vector<int64_t> shape; // extents >= 0; empty for a scalar
  uint64_t begin = 0;         // bytes after the header
  uint64_t end = 0;

  uint64_t bytes() const { return end - begin; }
  uint64_t elements() const { return bytes() / dtypeSize(dtype); }
};

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors; // in the order of their bytes
  std::vector<std::pair<std::string, std::string>> metadata;
  uint64_t dataStart = 0; // offset in the file of the first tensor's bytes
};

/// `bytes` is the whole file, `file` its name for messages.
StatusOr<SafetensorsHeader> parseSafetensorsHeader(std::string_view bytes, const std::string &file);

/// What is wrong with a tensor's name, or OK. Used for reading and for writing.
Status checkTensorName(std::string_view name);

/// "F32 [2, 3]", "F32 []".
std::string describeTensor(DType dtype, const std::vector<int64_t> &shape);
/// "[2, 3]"
std::string describeShape(const std::vector<int64_t> &shape);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_IO_SAFETENSORSHEADER_H
