// SPDX-License-Identifier: Apache-2.0
#include "frontend/ConfigFamily.h"

#include <algorithm>

namespace heddle::frontend {

using runtime::JsonRef;

namespace {

StatusOr<const proto::Family *> familyOfType(const JsonRef &config, const Families &families) {
  HEDDLE_ASSIGN_OR_RETURN(std::string type, config.getString(kModelType));
  const proto::Family *family = families.find(type);
  if (!family)
    return invalidInput(config.file(), ": key \"", kModelType, "\": \"", type,
                        "\" is not supported; supported: ", families.known(),
                        " (another family can be added with --family)");
  return family;
}

void dropKey(proto::Family &family, const std::string &name) {
  auto &keys = *family.mutable_keys();
  keys.erase(std::remove_if(keys.begin(), keys.end(),
                            [&](const proto::ConfigKey &key) { return key.key() == name; }),
             keys.end());
}

/// The family with what the variant adds that "architectures" names.
StatusOr<proto::Family> withArchitecture(const JsonRef &config, const proto::Family &family) {
  proto::Family whole = family;
  whole.clear_variants();
  for (const proto::Architecture &variant : family.variants())
    whole.mutable_architectures()->MergeFrom(variant.names());
  std::optional<JsonRef> list = config.find(kArchitectures);
  if (!list)
    return whole;
  HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> names, list->asArray());
  if (names.empty())
    return whole;
  if (names.size() > 1 && !family.variants().empty())
    return list->error(absl::StrCat("names ", names.size(), " architectures, expected one"));
  HEDDLE_ASSIGN_OR_RETURN(std::string name, names.front().asString());
  for (const proto::Architecture &variant : family.variants()) {
    if (std::find(variant.names().begin(), variant.names().end(), name) == variant.names().end())
      continue;
    whole.mutable_definition()->MergeFrom(variant.definition());
    for (const std::string &replaced : variant.replaced_keys())
      dropKey(whole, replaced);
    whole.mutable_keys()->MergeFrom(variant.keys());
    whole.mutable_ignored_tensors()->MergeFrom(variant.ignored_tensors());
    whole.mutable_optional_parts()->MergeFrom(variant.optional_parts());
    if (variant.has_encoder_alone())
      whole.set_encoder_alone(variant.encoder_alone());
  }
  return whole;
}

} // namespace

StatusOr<proto::Family> familyOf(const JsonRef &config, const Families &families) {
  HEDDLE_ASSIGN_OR_RETURN(const proto::Family *family, familyOfType(config, families));
  return withArchitecture(config, *family);
}

} // namespace heddle::frontend
