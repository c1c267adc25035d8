// SPDX-License-Identifier: Apache-2.0
#include "runtime/io/SafetensorsHeader.h"

#include <algorithm>
#include <tuple>

#include "absl/container/flat_hash_set.h"

#include "runtime/base/CheckedMath.h"
#include "runtime/base/Limits.h"
#include "runtime/base/Utf8.h"
#include "runtime/io/JsonEvents.h"
#include "runtime/io/JsonWriter.h"

namespace heddle::runtime {
namespace {

constexpr uint64_t kLengthBytes = 8;
// {"name": {"shape": [1]}}
constexpr int kHeaderDepth = 3;

std::string quoted(std::string_view name) { return jsonString(name.substr(0, 200)); }

/// Builds the list of tensors from the header's events, without a tree: a header may hold a
/// million.
class HeaderReader : public JsonEvents {
public:
  explicit HeaderReader(SafetensorsHeader &header) : header_(header) {}

  Status null() override { return unexpected("null"); }
  Status boolean(bool) override { return unexpected("a boolean"); }
  Status real(double) override { return unexpected("a number that is no integer"); }

  Status integer(int64_t value) override {
    if (place_ != Place::Shape && place_ != Place::Offsets)
      return unexpected("an integer");
    if (value < 0)
      return problem(absl::StrCat("negative number ", value));
    if (place_ == Place::Offsets) {
      if (offsets_ == 2)
        return problem("data_offsets has more than two numbers");
      (offsets_++ == 0 ? tensor_.begin : tensor_.end) = static_cast<uint64_t>(value);
      return absl::OkStatus();
    }
    if (tensor_.shape.size() == limits::kTensorRank)
      return problem(absl::StrCat("rank beyond the limit of ", limits::kTensorRank));
    tensor_.shape.push_back(value);
    return absl::OkStatus();
  }

  Status string(std::string &value) override {
    if (place_ == Place::Metadata) {
      header_.metadata.back().second = std::move(value);
      return absl::OkStatus();
    }
    if (place_ != Place::Tensor || field_ != Field::Dtype)
      return unexpected("a string");
    std::optional<DType> dtype = dtypeFromName(value);
    if (!dtype)
      return problem(absl::StrCat("dtype ", quoted(value),
                                  " is not supported, expected one of F32 F64 BF16 F16 I64 I32 I8 "
                                  "U8 BOOL"));
    tensor_.dtype = *dtype;
    return absl::OkStatus();
  }

  Status key(std::string &key) override {
    if (place_ == Place::Top)
      return beginEntry(key);
    if (place_ == Place::Metadata) {
      if (header_.metadata.size() == limits::kSafetensorsMetadataEntries)
        return invalidInput("more than the limit of ", limits::kSafetensorsMetadataEntries,
                            " metadata entries");
      if (!metadataKeys_.insert(key).second)
        return invalidInput("metadata key ", quoted(key), " is there twice");
      header_.metadata.emplace_back(std::move(key), std::string());
      return absl::OkStatus();
    }
    field_ = key == "dtype"          ? Field::Dtype
             : key == "shape"        ? Field::Shape
             : key == "data_offsets" ? Field::Offsets
                                     : Field::None;
    if (field_ == Field::None)
      return problem(absl::StrCat("unknown key ", quoted(key)));
    unsigned bit = 1u << static_cast<unsigned>(field_);
    if (seen_ & bit)
      return problem(absl::StrCat("key ", quoted(key), " is there twice"));
    seen_ |= bit;
    return absl::OkStatus();
  }

  Status beginObject() override {
    if (place_ == Place::Start)
      place_ = Place::Top;
    else if (place_ == Place::Top)
      place_ = isMetadata_ ? Place::Metadata : Place::Tensor;
    else
      return unexpected("an object");
    return absl::OkStatus();
  }

  Status endObject() override {
    if (place_ == Place::Tensor)
      HEDDLE_RETURN_IF_ERROR(endTensor());
    place_ = Place::Top; // the end of the whole header has nothing after it
    return absl::OkStatus();
  }

  Status beginArray() override {
    if (place_ != Place::Tensor || (field_ != Field::Shape && field_ != Field::Offsets))
      return unexpected("an array");
    place_ = field_ == Field::Shape ? Place::Shape : Place::Offsets;
    return absl::OkStatus();
  }

  Status endArray() override {
    if (place_ == Place::Offsets && offsets_ != 2)
      return problem("data_offsets has fewer than two numbers");
    place_ = Place::Tensor;
    return absl::OkStatus();
  }

private:
  enum class Place { Start, Top, Metadata, Tensor, Shape, Offsets };
  enum class Field { None, Dtype, Shape, Offsets };

  Status beginEntry(std::string &name) {
    isMetadata_ = name == "__metadata__";
    if (!isMetadata_)
      HEDDLE_RETURN_IF_ERROR(checkTensorName(name));
    if (!names_.insert(name).second)
      return invalidInput("tensor ", quoted(name), " is there twice");
    if (!isMetadata_ && header_.tensors.size() == limits::kTensors)
      return invalidInput("more than the limit of ", limits::kTensors, " tensors");
    tensor_ = {};
    tensor_.name = std::move(name);
    field_ = Field::None;
    seen_ = 0;
    offsets_ = 0;
    return absl::OkStatus();
  }

  Status endTensor() {
    constexpr std::pair<Field, const char *> kNeeded[] = {
        {Field::Dtype, "dtype"}, {Field::Shape, "shape"}, {Field::Offsets, "data_offsets"}};
    for (auto [field, name] : kNeeded)
      if (!(seen_ & (1u << static_cast<unsigned>(field))))
        return problem(absl::StrCat("key \"", name, "\" is missing"));
    std::optional<uint64_t> bytes = checkedProduct(tensor_.shape);
    if (bytes)
      bytes = checkedMul(*bytes, dtypeSize(tensor_.dtype));
    if (!bytes)
      return problem(absl::StrCat("shape ", describeShape(tensor_.shape), " is too large"));
    if (tensor_.end < tensor_.begin || tensor_.end - tensor_.begin != *bytes)
      return problem(absl::StrCat("data_offsets [", tensor_.begin, ", ", tensor_.end,
                                  "] do not hold the ", *bytes, " bytes of ",
                                  describeTensor(tensor_.dtype, tensor_.shape)));
    header_.tensors.push_back(std::move(tensor_));
    return absl::OkStatus();
  }

  Status problem(const std::string &text) const {
    return invalidInput("tensor ", quoted(tensor_.name), ": ", text);
  }
  Status unexpected(const char *found) const {
    switch (place_) {
    case Place::Start:
      return invalidInput("expected an object, found ", found);
    case Place::Top:
      return problem(absl::StrCat("expected an object, found ", found));
    case Place::Metadata:
      return invalidInput("metadata key ",
                          quoted(header_.metadata.empty() ? "" : header_.metadata.back().first),
                          ": expected a string, found ", found);
    case Place::Tensor:
      return problem(absl::StrCat("expected ",
                                  field_ == Field::Dtype ? "a string" : "an array of integers",
                                  ", found ", found));
    case Place::Shape:
    case Place::Offsets:
      return problem(absl::StrCat("expected an integer, found ", found));
    }
    return absl::InternalError("no such place");
  }

  SafetensorsHeader &header_;
  absl::flat_hash_set<std::string> names_;
  absl::flat_hash_set<std::string> metadataKeys_;
  Place place_ = Place::Start;
  Field field_ = Field::None;
  bool isMetadata_ = false;
  unsigned seen_ = 0;
  int offsets_ = 0;
  TensorInfo tensor_;
};

/// Sorted by place, each tensor begins where the one before ends, and the last ends with the file.
Status checkCoverage(SafetensorsHeader &header, uint64_t dataBytes, const std::string &file) {
  std::sort(header.tensors.begin(), header.tensors.end(),
            [](const TensorInfo &a, const TensorInfo &b) {
              return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
            });
  uint64_t at = 0;
  for (const TensorInfo &tensor : header.tensors) {
    if (tensor.begin != at)
      return invalidInput(file, ": tensor ", quoted(tensor.name), ": data_offsets begin at ",
                          tensor.begin, ", expected ", at,
                          tensor.begin > at ? " (a hole before it)" : " (it overlaps another)");
    at = tensor.end;
    if (at > dataBytes)
      return invalidInput(file, ": tensor ", quoted(tensor.name), ": data_offsets end at ", at,
                          ", but the file holds ", dataBytes,
                          " bytes of tensors (is it cut short?)");
  }
  if (at != dataBytes)
    return invalidInput(file, ": byte ", header.dataStart + at, ": ", dataBytes - at,
                        " bytes after the last tensor");
  return absl::OkStatus();
}

} // namespace

Status checkTensorName(std::string_view name) {
  if (name.empty())
    return invalidInput("a tensor has an empty name");
  if (name.size() > limits::kTensorNameBytes)
    return invalidInput("tensor name of ", name.size(), " bytes, more than the limit of ",
                        limits::kTensorNameBytes, ": ", quoted(name));
  if (!isValidUtf8(name))
    return invalidInput("tensor name is not UTF-8: ", quoted(name));
  for (size_t i = 0; i < name.size(); ++i) {
    auto c = static_cast<unsigned char>(name[i]);
    // C0, DEL, and C1 (U+0080 to U+009F, which are C2 80 to C2 9F in UTF-8).
    if (c < 0x20 || c == 0x7F || (c == 0xC2 && static_cast<unsigned char>(name[i + 1]) < 0xA0))
      return invalidInput("tensor name with a control character: ", quoted(name));
  }
  return absl::OkStatus();
}

std::string describeShape(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    absl::StrAppend(&text, i ? ", " : "", shape[i]);
  return text + "]";
}

std::string describeTensor(DType dtype, const std::vector<int64_t> &shape) {
  return absl::StrCat(dtypeName(dtype), " ", describeShape(shape));
}

StatusOr<SafetensorsHeader> parseSafetensorsHeader(std::string_view bytes,
                                                   const std::string &file) {
  if (bytes.size() < kLengthBytes)
    return invalidInput(file, ": ", bytes.size(),
                        " bytes, too short for a safetensors file (its first 8 bytes are the "
                        "header's length)");
  uint64_t length = 0;
  for (unsigned i = 0; i < kLengthBytes; ++i)
    length |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  if (length > limits::kSafetensorsHeaderBytes)
    return invalidInput(file, ": header of ", length, " bytes, more than the limit of ",
                        limits::kSafetensorsHeaderBytes, " (is it a safetensors file?)");
  if (length > bytes.size() - kLengthBytes)
    return invalidInput(file, ": header of ", length, " bytes, but the file has only ",
                        bytes.size() - kLengthBytes, " after the length (is it cut short?)");
  std::string_view json = bytes.substr(kLengthBytes, length);
  if (json.empty() || json.front() != '{')
    return invalidInput(file, ": byte 8: a safetensors header begins with '{'");
  SafetensorsHeader header;
  header.dataStart = kLengthBytes + length;
  HeaderReader reader(header);
  HEDDLE_RETURN_IF_ERROR(readJsonEvents(json, file, kHeaderDepth, reader, kLengthBytes));
  HEDDLE_RETURN_IF_ERROR(checkCoverage(header, bytes.size() - header.dataStart, file));
  return header;
}

} // namespace heddle::runtime
