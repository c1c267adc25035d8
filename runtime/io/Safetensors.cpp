// SPDX-License-Identifier: Apache-2.0
#include "runtime/io/Safetensors.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "runtime/io/JsonWriter.h"

namespace heddle::runtime {
namespace {

/// Calls `convert(i, element)` for each element; memcpy, as files need not align their tensors.
template <typename T, typename Convert> void forEach(const TensorView &tensor, Convert convert) {
  for (uint64_t i = 0, n = tensor.elements(); i < n; ++i) {
    T element;
    std::memcpy(&element, tensor.data + i * sizeof(T), sizeof(T));
    convert(i, element);
  }
}

constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();

} // namespace

Status TensorView::error(const std::string &problem) const {
  return invalidInput(*file, ": tensor ", jsonString(name().substr(0, 200)), ": ", problem);
}

SafetensorsFile::SafetensorsFile(MappedFile map)
    : map_(std::move(map)), path_(std::make_unique<const std::string>(map_.path())) {}

StatusOr<SafetensorsFile> SafetensorsFile::open(FileLayer &layer, const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(MappedFile map, layer.map(path));
  SafetensorsFile file(std::move(map));
  HEDDLE_ASSIGN_OR_RETURN(SafetensorsHeader header,
                          parseSafetensorsHeader(file.map_.bytes(), path));
  file.header_ = std::make_unique<SafetensorsHeader>(std::move(header));
  file.byName_.reserve(file.size());
  for (uint32_t i = 0; i < file.size(); ++i)
    file.byName_.emplace(file.header_->tensors[i].name, i);
  return file;
}

TensorView SafetensorsFile::at(size_t i) const {
  const TensorInfo &info = header_->tensors[i];
  return {path_.get(), &info, map_.data() + header_->dataStart + info.begin};
}

std::optional<TensorView> SafetensorsFile::find(std::string_view name) const {
  auto found = byName_.find(name);
  if (found == byName_.end())
    return std::nullopt;
  return at(found->second);
}

Status copyToF32(const TensorView &tensor, float *out) {
  switch (tensor.dtype()) {
  case DType::F32:
    if (tensor.bytes() > 0)
      std::memcpy(out, tensor.data, tensor.bytes());
    return absl::OkStatus();
  case DType::BF16:
    forEach<uint16_t>(tensor, [&](uint64_t i, uint16_t bits) { out[i] = bf16ToFloat(bits); });
    return absl::OkStatus();
  case DType::F16:
    forEach<uint16_t>(tensor, [&](uint64_t i, uint16_t bits) { out[i] = f16ToFloat(bits); });
    return absl::OkStatus();
  case DType::F64: {
    uint64_t bad = kNone;
    forEach<double>(tensor, [&](uint64_t i, double value) {
      out[i] = static_cast<float>(value);
      if (std::isinf(out[i]) && std::isfinite(value) && bad == kNone)
        bad = i;
    });
    if (bad != kNone)
      return tensor.error(absl::StrCat("element ", bad, " is too large for F32"));
    return absl::OkStatus();
  }
  default:
    return tensor.error(
        absl::StrCat("expected F32, F64, BF16 or F16, found ", dtypeName(tensor.dtype())));
  }
}

Status copyToI32(const TensorView &tensor, int32_t *out) {
  if (tensor.dtype() == DType::I32) {
    if (tensor.bytes() > 0)
      std::memcpy(out, tensor.data, tensor.bytes());
    return absl::OkStatus();
  }
  if (tensor.dtype() != DType::I64)
    return tensor.error(absl::StrCat("expected I32 or I64, found ", dtypeName(tensor.dtype())));
  uint64_t bad = kNone;
  int64_t badValue = 0;
  forEach<int64_t>(tensor, [&](uint64_t i, int64_t value) {
    out[i] = static_cast<int32_t>(value);
    if (out[i] != value && bad == kNone) {
      bad = i;
      badValue = value;
    }
  });
  if (bad != kNone)
    return tensor.error(absl::StrCat("element ", bad, " is ", badValue, ", too large for I32"));
  return absl::OkStatus();
}

} // namespace heddle::runtime
