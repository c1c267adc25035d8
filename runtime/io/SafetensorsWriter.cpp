// SPDX-License-Identifier: Apache-2.0
#include "runtime/io/SafetensorsWriter.h"

#include <algorithm>

#include "runtime/base/CheckedMath.h"
#include "runtime/base/Limits.h"
#include "runtime/io/JsonWriter.h"
#include "runtime/io/SafetensorsHeader.h"
#include "runtime/io/WholeFile.h"

namespace heddle::runtime {
namespace {

class CountingSink : public ByteSink {
public:
  explicit CountingSink(ByteSink &next) : next_(next) {}
  Status write(const void *bytes, size_t size) override {
    count_ += size;
    return next_.write(bytes, size);
  }
  uint64_t count() const { return count_; }

private:
  ByteSink &next_;
  uint64_t count_ = 0;
};

Status tensorError(const TensorToWrite &tensor, const std::string &problem) {
  return invalidInput("tensor ", jsonString(tensor.name.substr(0, 200)), ": ", problem);
}

StatusOr<uint64_t> byteCount(const TensorToWrite &tensor) {
  if (tensor.shape.size() > limits::kTensorRank)
    return tensorError(tensor, absl::StrCat("rank ", tensor.shape.size(),
                                            ", more than the limit of ", limits::kTensorRank));
  std::optional<uint64_t> bytes = checkedProduct(tensor.shape);
  if (bytes)
    bytes = checkedMul(*bytes, dtypeSize(tensor.dtype));
  if (!bytes)
    return tensorError(tensor,
                       absl::StrCat("shape ", describeShape(tensor.shape), " is too large"));
  return *bytes;
}

/// The whole header with its length, and each tensor's number of bytes.
StatusOr<std::string> makeHeader(const std::vector<TensorToWrite> &tensors,
                                 const SafetensorsMetadata &metadata,
                                 std::vector<uint64_t> &sizes) {
  JsonWriter json;
  json.beginObject();
  if (!metadata.empty()) {
    json.key("__metadata__").beginObject();
    for (const auto &[key, value] : metadata)
      json.member(key, value);
    json.endObject();
  }
  uint64_t at = 0;
  for (const TensorToWrite &tensor : tensors) {
    HEDDLE_RETURN_IF_ERROR(checkTensorName(tensor.name));
    HEDDLE_ASSIGN_OR_RETURN(uint64_t bytes, byteCount(tensor));
    std::optional<uint64_t> end = checkedAdd(at, bytes);
    if (!end || *end > static_cast<uint64_t>(limits::kJsonInteger))
      return tensorError(tensor, "the file would be too large");
    json.key(tensor.name).beginObject();
    json.member("dtype", dtypeName(tensor.dtype)).member("shape", tensor.shape);
    json.member("data_offsets", std::vector<uint64_t>{at, *end}).endObject();
    sizes.push_back(bytes);
    at = *end;
  }
  json.endObject();
  std::string text = json.take();
  text.append((8 - text.size() % 8) % 8, ' '); // the data begins aligned
  if (text.size() > limits::kSafetensorsHeaderBytes)
    return invalidInput("safetensors header of ", text.size(), " bytes, more than the limit of ",
                        limits::kSafetensorsHeaderBytes);
  std::string length;
  for (unsigned i = 0; i < 8; ++i)
    length.push_back(static_cast<char>(text.size() >> (8 * i) & 0xFF));
  return length + text;
}

} // namespace

TensorToWrite tensorFromMemory(std::string name, DType dtype, std::vector<int64_t> shape,
                               const void *data) {
  uint64_t bytes = checkedProduct(shape).value_or(0) * dtypeSize(dtype);
  return {std::move(name), dtype, std::move(shape), [data, bytes](ByteSink &sink) {
            return bytes ? sink.write(data, bytes) : absl::OkStatus();
          }};
}

Status writeSafetensors(ByteSink &sink, std::vector<TensorToWrite> tensors,
                        const SafetensorsMetadata &metadata) {
  if (tensors.size() > limits::kTensors)
    return invalidInput(tensors.size(), " tensors, more than the limit of ", limits::kTensors);
  std::sort(tensors.begin(), tensors.end(), [](const TensorToWrite &a, const TensorToWrite &b) {
    uint64_t sizeA = dtypeSize(a.dtype), sizeB = dtypeSize(b.dtype);
    return sizeA != sizeB ? sizeA > sizeB : a.name < b.name;
  });
  std::vector<std::string_view> names;
  for (const TensorToWrite &tensor : tensors)
    names.push_back(tensor.name);
  std::sort(names.begin(), names.end());
  if (auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
    return invalidInput("tensor ", jsonString(*twice), " is there twice");

  std::vector<uint64_t> sizes;
  HEDDLE_ASSIGN_OR_RETURN(std::string header, makeHeader(tensors, metadata, sizes));
  HEDDLE_RETURN_IF_ERROR(sink.write(header.data(), header.size()));
  for (size_t i = 0; i < tensors.size(); ++i) {
    CountingSink counting(sink);
    HEDDLE_RETURN_IF_ERROR(
        withContext(tensors[i].write(counting), "tensor " + jsonString(tensors[i].name)));
    if (counting.count() != sizes[i])
      return absl::InternalError(absl::StrCat("tensor ", jsonString(tensors[i].name), ": ",
                                              counting.count(), " bytes written, expected ",
                                              sizes[i]));
  }
  return absl::OkStatus();
}

Status writeSafetensorsFile(FileLayer &layer, const std::string &path,
                            std::vector<TensorToWrite> tensors,
                            const SafetensorsMetadata &metadata) {
  HEDDLE_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(layer, path));
  if (Status status = writeSafetensors(file, std::move(tensors), metadata); !status.ok())
    return withContext(status, path);
  return file.commit();
}

} // namespace heddle::runtime
