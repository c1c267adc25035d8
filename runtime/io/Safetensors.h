// SPDX-License-Identifier: Apache-2.0
// Reading tensors out of a mapped safetensors file.

#ifndef HEDDLE_RUNTIME_IO_SAFETENSORS_H
#define HEDDLE_RUNTIME_IO_SAFETENSORS_H

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "runtime/io/FileLayer.h"
#include "runtime/io/SafetensorsHeader.h"

namespace heddle::runtime {

/// A tensor in a file. A view: the SafetensorsFile outlives it. `data` has no particular alignment.
struct TensorView {
  const std::string *file = nullptr;
  const TensorInfo *info = nullptr;
  const char *data = nullptr;

  const std::string &name() const { return info->name; }
  DType dtype() const { return info->dtype; }
  const std::vector<int64_t> &shape() const { return info->shape; }
  uint64_t elements() const { return info->elements(); }
  uint64_t bytes() const { return info->bytes(); }
  std::string_view content() const { return {data, info->bytes()}; }
  /// InvalidArgument: `file: tensor "name": problem`.
  Status error(const std::string &problem) const;
};

/// One checked file. Move only (views stay valid when it moves); safe to read on all threads.
class SafetensorsFile {
public:
  static StatusOr<SafetensorsFile> open(FileLayer &layer, const std::string &path);

  const std::string &path() const { return *path_; }
  const SafetensorsHeader &header() const { return *header_; }
  size_t size() const { return header_->tensors.size(); }
  /// The i-th tensor in the order of the file.
  TensorView at(size_t i) const;
  std::optional<TensorView> find(std::string_view name) const;

private:
  explicit SafetensorsFile(MappedFile map);
  MappedFile map_;
  // Behind pointers, so that views survive a move of this object.
  std::unique_ptr<const std::string> path_;
  std::unique_ptr<SafetensorsHeader> header_;
  absl::flat_hash_map<std::string_view, uint32_t> byName_;
};

/// Copies all elements as float, in order: exact from F32, BF16 and F16, rounded to nearest from
/// F64 (a finite value that would become infinite is an error). Other dtypes are errors. `out` has
/// room for tensor.elements().
Status copyToF32(const TensorView &tensor, float *out);

/// Copies all elements as int32 from I32 or I64; a value that does not fit is an error that names
/// its index.
Status copyToI32(const TensorView &tensor, int32_t *out);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_IO_SAFETENSORS_H
