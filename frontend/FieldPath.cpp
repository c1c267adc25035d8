// SPDX-License-Identifier: Apache-2.0
#include "frontend/FieldPath.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "google/protobuf/descriptor.h"

namespace heddle::frontend {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

/// All of `text` as a number of type T.
template <typename T> std::optional<T> parseNumber(const std::string &text) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

} // namespace

StatusOr<FieldPath> FieldPath::find(const google::protobuf::Descriptor &descriptor,
                                    const std::string &path) {
  return findAny(descriptor, path, /*repeated=*/false);
}

StatusOr<FieldPath> FieldPath::findRepeated(const google::protobuf::Descriptor &descriptor,
                                            const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(FieldPath field, findAny(descriptor, path, /*repeated=*/true));
  const FieldDescriptor::CppType type = field.fields_.back()->cpp_type();
  if (type != FieldDescriptor::CPPTYPE_BOOL && type != FieldDescriptor::CPPTYPE_ENUM)
    return invalidInput("\"", path, "\" is no list of true and false or of names");
  return field;
}

void FieldPath::clear(Message &message) const {
  Message &at = parent(message);
  at.GetReflection()->ClearField(&at, fields_.back());
}

Status FieldPath::addText(Message &message, const std::string &text) const {
  const FieldDescriptor *field = fields_.back();
  const bool truth = field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL;
  const auto *name = truth ? nullptr : field->enum_type()->FindValueByName(text);
  if (truth ? text != "true" && text != "false" : !name)
    return invalidInput("\"", text, "\" is no element of the field ", field->full_name());
  Message &at = parent(message);
  if (truth)
    at.GetReflection()->AddBool(&at, field, text == "true");
  else
    at.GetReflection()->AddEnum(&at, field, name);
  return absl::OkStatus();
}

StatusOr<FieldPath> FieldPath::findAny(const google::protobuf::Descriptor &descriptor,
                                       const std::string &path, bool repeated) {
  FieldPath result;
  const google::protobuf::Descriptor *message = &descriptor;
  for (size_t begin = 0; begin <= path.size();) {
    size_t end = std::min(path.find('.', begin), path.size());
    std::string name = path.substr(begin, end - begin);
    const FieldDescriptor *field = message ? message->FindFieldByName(name) : nullptr;
    const bool last = end == path.size();
    if (!field || field->is_repeated() != (repeated && last))
      return invalidInput("\"", path, "\" is no ", repeated ? "repeated" : "single", " field of a ",
                          descriptor.name());
    result.fields_.push_back(field);
    message = field->message_type();
    begin = end + 1;
  }
  if (message)
    return invalidInput("\"", path, "\" is a message, not a field");
  return result;
}

Message &FieldPath::parent(Message &message) const {
  Message *at = &message;
  for (size_t i = 0; i + 1 < fields_.size(); ++i)
    at = at->GetReflection()->MutableMessage(at, fields_[i]);
  return *at;
}

Status FieldPath::setText(Message &message, const std::string &text) const {
  Message &at = parent(message);
  const FieldDescriptor *field = fields_.back();
  const auto *reflection = at.GetReflection();
  switch (field->cpp_type()) {
  case FieldDescriptor::CPPTYPE_INT64:
    if (std::optional<int64_t> value = parseNumber<int64_t>(text)) {
      reflection->SetInt64(&at, field, *value);
      return absl::OkStatus();
    }
    break;
  case FieldDescriptor::CPPTYPE_DOUBLE:
    if (std::optional<double> value = parseNumber<double>(text)) {
      reflection->SetDouble(&at, field, *value);
      return absl::OkStatus();
    }
    break;
  case FieldDescriptor::CPPTYPE_BOOL:
    if (text == "true" || text == "false") {
      reflection->SetBool(&at, field, text == "true");
      return absl::OkStatus();
    }
    break;
  case FieldDescriptor::CPPTYPE_ENUM:
    if (const auto *value = field->enum_type()->FindValueByName(text)) {
      reflection->SetEnum(&at, field, value);
      return absl::OkStatus();
    }
    break;
  case FieldDescriptor::CPPTYPE_STRING:
    reflection->SetString(&at, field, text);
    return absl::OkStatus();
  default:
    break;
  }
  return invalidInput("\"", text, "\" is no value of the field ", field->full_name());
}

Status FieldPath::setJson(Message &message, const runtime::JsonRef &value) const {
  Message &at = parent(message);
  const FieldDescriptor *field = fields_.back();
  const auto *reflection = at.GetReflection();
  switch (field->cpp_type()) {
  case FieldDescriptor::CPPTYPE_INT64: {
    HEDDLE_ASSIGN_OR_RETURN(int64_t number, value.asInteger());
    reflection->SetInt64(&at, field, number);
    return absl::OkStatus();
  }
  case FieldDescriptor::CPPTYPE_DOUBLE: {
    HEDDLE_ASSIGN_OR_RETURN(double number, value.asNumber());
    reflection->SetDouble(&at, field, number);
    return absl::OkStatus();
  }
  case FieldDescriptor::CPPTYPE_BOOL: {
    HEDDLE_ASSIGN_OR_RETURN(bool truth, value.asBool());
    reflection->SetBool(&at, field, truth);
    return absl::OkStatus();
  }
  default: {
    HEDDLE_ASSIGN_OR_RETURN(std::string text, value.asString());
    Status set = setText(message, text);
    return set.ok() ? set : value.error(std::string(set.message()));
  }
  }
}

} // namespace heddle::frontend
