// SPDX-License-Identifier: Apache-2.0
#include "frontend/ValidateNames.h"

#include <map>

#include "google/protobuf/descriptor.h"

#include "frontend/LayerNames.h"
#include "runtime/base/Utf8.h"

namespace heddle::frontend {
namespace {

bool isPlainText(const std::string &text) {
  for (unsigned char c : text)
    if (c < 0x20 || c == 0x7F)
      return false;
  return isValidUtf8(text) && text.size() <= kMaxModuleName;
}

bool isOfLayer(const std::string &field) {
  return field != "token_embedding" && field != "position_embedding" && field != "final_norm" &&
         field != "head" && field != "prefix" && field != "other_prefixes";
}

} // namespace

std::optional<FieldError> findNameError(const proto::ModelDef &definition) {
  const proto::ParameterNames &names = definition.names();
  const auto *reflection = names.GetReflection();
  const auto *descriptor = names.GetDescriptor();
  std::map<std::string, std::string> fieldOf; // by name
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const auto *field = descriptor->field(i);
    if (field->is_repeated())
      continue;
    std::string value = reflection->GetString(names, field), path = "names." + field->name();
    if (!isPlainText(value))
      return FieldError{path,
                        absl::StrCat("expected plain text of at most ", kMaxModuleName, " bytes")};
    bool marked = value.find(kLayerMark) != std::string::npos;
    if (field->name() == "prefix")
      continue;
    if (value.empty())
      return FieldError{path, "is empty"};
    if (isOfLayer(field->name()) && !marked)
      return FieldError{path, absl::StrCat("\"", value, "\" has no {layer}: every layer needs ",
                                           "names of its own")};
    if (!isOfLayer(field->name()) && marked)
      return FieldError{path, absl::StrCat("\"", value, "\" has {layer} but is in no layer")};
    auto [other, added] = fieldOf.emplace(value, path);
    if (!added)
      return FieldError{path, absl::StrCat("\"", value, "\" is ", other->second, " too")};
  }
  for (const std::string &prefix : names.other_prefixes())
    if (!isPlainText(prefix))
      return FieldError{"names.other_prefixes",
                        absl::StrCat("expected plain text of at most ", kMaxModuleName, " bytes")};
  return std::nullopt;
}

} // namespace heddle::frontend
