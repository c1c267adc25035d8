// SPDX-License-Identifier: Apache-2.0
#include "frontend/Families.h"

#include <algorithm>
#include <map>

#include "frontend/FieldPath.h"
#include "runtime/base/Limits.h"
#include "runtime/io/Textproto.h"
#include "runtime/io/WholeFile.h"

namespace heddle::frontend {
namespace {

constexpr char kCommonFile[] = "common.textproto";
constexpr std::string_view kPartEnding = ".part.textproto";

bool hasKey(const proto::Family &family, const std::string &key) {
  return std::any_of(
      family.keys().begin(), family.keys().end(), [&](const proto::ConfigKey &entry) {
        return entry.key() == key || std::find(entry.aliases().begin(), entry.aliases().end(),
                                               key) != entry.aliases().end();
      });
}

/// What a family says itself goes before what all have in common.
void addCommon(proto::Family &family, const proto::Family &common) {
  const proto::Family own = family;
  for (const proto::ValueTable &table : common.tables())
    *family.add_tables() = table;
  std::vector<std::string> places = {""};
  for (const std::string &configuration : own.configurations())
    places.push_back(configuration + ".");
  for (const std::string &place : places) {
    for (proto::ConfigKey key : common.keys()) {
      key.set_key(place + key.key());
      if (!hasKey(own, key.key()))
        *family.add_keys() = key;
    }
    for (const std::string &key : common.ignored_keys())
      if (!hasKey(own, place + key))
        family.add_ignored_keys(place + key);
  }
}

/// The parts that a family includes go before what it says itself, less what it says in their
/// place.
Status addParts(proto::Family &family) {
  const proto::Family own = family;
  family.clear_keys();
  for (const std::string &name : own.includes()) {
    const EmbeddedText *end = kEmbeddedFamilies + kEmbeddedFamilyCount;
    const EmbeddedText *file = std::find_if(
        kEmbeddedFamilies, end, [&](const EmbeddedText &text) { return text.file == name; });
    if (std::count(own.includes().begin(), own.includes().end(), name) > 1)
      return invalidInput("includes \"", name, "\" twice");
    if (file == end || !name.ends_with(kPartEnding))
      return invalidInput("includes \"", name, "\", which is no part of families");
    proto::Family part;
    HEDDLE_RETURN_IF_ERROR(runtime::parseTextproto(file->text, file->file, part));
    for (const proto::ConfigKey &key : part.keys())
      if (!hasKey(own, key.key()))
        *family.add_keys() = key;
    family.mutable_tables()->MergeFrom(part.tables());
    family.mutable_ignored_keys()->MergeFrom(part.ignored_keys());
    family.mutable_ignored_tensors()->MergeFrom(part.ignored_tensors());
  }
  family.mutable_keys()->MergeFrom(own.keys());
  return absl::OkStatus();
}

/// Whether what keys bring along is little enough to resolve: a table is said once, and costs as
/// much for each key that names it.
Status checkValues(const proto::Family &family) {
  std::map<std::string_view, int64_t> sizes;
  for (const proto::ValueTable &table : family.tables())
    sizes.emplace(table.name(), table.values_size());
  int64_t values = 0;
  auto count = [&](const google::protobuf::RepeatedPtrField<proto::ConfigKey> &keys) {
    for (const proto::ConfigKey &key : keys) {
      auto table = sizes.find(key.table());
      values += key.values_size() + key.aliases_size() + key.when_size();
      values += table == sizes.end() ? 0 : table->second;
    }
  };
  count(family.keys());
  for (const proto::Architecture &variant : family.variants())
    count(variant.keys());
  if (values > kMaxFamilyValues)
    return invalidInput("its keys have ", values,
                        " values, aliases and conditions, more than the limit of ",
                        kMaxFamilyValues);
  return absl::OkStatus();
}

/// Tables become values of the keys that name them.
Status resolveTable(proto::ConfigKey &key, const proto::Family &family) {
  if (!key.has_table())
    return absl::OkStatus();
  for (const proto::ValueTable &table : family.tables())
    if (table.name() == key.table()) {
      key.mutable_values()->MergeFrom(table.values());
      key.clear_table();
      return absl::OkStatus();
    }
  return invalidInput("there is no table \"", key.table(), "\"");
}

Status checkKey(const proto::ConfigKey &key, const proto::Family &family) {
  if (key.key().empty())
    return invalidInput("a key without a name");
  for (const proto::Condition &condition : key.when())
    if (!hasKey(family, condition.key()))
      return invalidInput("its condition reads \"", condition.key(), "\", which is no key");
  if (key.has_default_key() && !hasKey(family, key.default_key()))
    return invalidInput("its default reads \"", key.default_key(), "\", which is no key");
  if (key.has_length_key() && !hasKey(family, key.length_key()))
    return invalidInput("its length reads \"", key.length_key(), "\", which is no key");
  if (key.has_element() &&
      (key.element().index() < 0 || key.element().index() >= key.element().count()))
    return invalidInput("element ", key.element().index(), " of ", key.element().count());
  if (key.list()) {
    proto::ModelDef scratch;
    HEDDLE_ASSIGN_OR_RETURN(FieldPath field,
                            FieldPath::findRepeated(*proto::ModelDef::descriptor(), key.field()));
    for (const proto::Value &value : key.values())
      HEDDLE_RETURN_IF_ERROR(field.addText(scratch, value.to()));
    return absl::OkStatus();
  }
  if (key.has_checked_as()) {
    HEDDLE_RETURN_IF_ERROR(
        FieldPath::find(*proto::ModelDef::descriptor(), key.checked_as()).status());
    if (key.has_field() || !key.values().empty())
      return invalidInput("checked_as does not go with a field or values");
  }
  if (key.has_field()) {
    proto::ModelDef scratch;
    HEDDLE_ASSIGN_OR_RETURN(FieldPath field,
                            FieldPath::find(*proto::ModelDef::descriptor(), key.field()));
    for (const proto::Value &value : key.values())
      if (value.has_to())
        HEDDLE_RETURN_IF_ERROR(field.setText(scratch, value.to()));
    if (key.has_default_value() && key.values().empty())
      HEDDLE_RETURN_IF_ERROR(field.setText(scratch, key.default_value()));
    if (!key.null_value().empty() && key.values().empty())
      HEDDLE_RETURN_IF_ERROR(field.setText(scratch, key.null_value()));
  }
  if (key.has_default_value() && !key.values().empty() &&
      std::none_of(key.values().begin(), key.values().end(),
                   [&](const proto::Value &value) { return value.from() == key.default_value(); }))
    return invalidInput("its default \"", key.default_value(), "\" is not among its values");
  return absl::OkStatus();
}

Status checkKeys(google::protobuf::RepeatedPtrField<proto::ConfigKey> &keys,
                 const proto::Family &family, const std::string &file) {
  for (proto::ConfigKey &key : keys) {
    Status good = resolveTable(key, family);
    if (good.ok())
      good = checkKey(key, family);
    if (!good.ok())
      return withContext(good, absl::StrCat(file, ": key \"", key.key(), "\""));
  }
  return absl::OkStatus();
}

Status checkOptionalParts(const google::protobuf::RepeatedPtrField<proto::OptionalPart> &parts,
                          const std::string &file) {
  for (const proto::OptionalPart &part : parts) {
    const auto *field = proto::ModelDef::descriptor()->FindFieldByName(part.field());
    if (!field || field->is_repeated() || !field->message_type() || part.tensor().empty())
      return invalidInput(file, ": field \"optional_parts\": tensor \"", part.tensor(), "\" of \"",
                          part.field(), "\", which is no message of ModelDef");
  }
  return absl::OkStatus();
}

} // namespace

Status Families::add(const std::string &text, const std::string &file,
                     const proto::Family &common) {
  proto::Family family;
  HEDDLE_RETURN_IF_ERROR(runtime::parseTextproto(text, file, family));
  if (family.model_type().empty())
    return invalidInput(file, ": field \"model_type\": is missing");
  int keys = family.keys_size();
  for (const proto::Architecture &variant : family.variants())
    keys += variant.keys_size();
  if (keys > kMaxFamilyKeys)
    return invalidInput(file, ": ", keys, " keys, more than the limit of ", kMaxFamilyKeys);
  HEDDLE_RETURN_IF_ERROR(withContext(addParts(family), file));
  addCommon(family, common);
  HEDDLE_RETURN_IF_ERROR(withContext(checkValues(family), file));
  HEDDLE_RETURN_IF_ERROR(checkKeys(*family.mutable_keys(), family, file));
  HEDDLE_RETURN_IF_ERROR(checkOptionalParts(family.optional_parts(), file));
  for (proto::Architecture &variant : *family.mutable_variants()) {
    HEDDLE_RETURN_IF_ERROR(checkOptionalParts(variant.optional_parts(), file));
    if (variant.names().empty())
      return invalidInput(file, ": field \"variants\": one without names");
    proto::Family whole = family;
    whole.mutable_keys()->MergeFrom(variant.keys());
    HEDDLE_RETURN_IF_ERROR(checkKeys(*variant.mutable_keys(), whole, file));
  }
  std::erase_if(families_, [&](const proto::Family &other) {
    return other.model_type() == family.model_type();
  });
  families_.push_back(std::move(family));
  return absl::OkStatus();
}

StatusOr<Families> Families::load(runtime::FileLayer &layer,
                                  const std::optional<std::string> &extraFile) {
  Families result;
  proto::Family common;
  for (size_t i = 0; i < kEmbeddedFamilyCount; ++i)
    if (kEmbeddedFamilies[i].file == std::string_view(kCommonFile))
      HEDDLE_RETURN_IF_ERROR(
          runtime::parseTextproto(kEmbeddedFamilies[i].text, kEmbeddedFamilies[i].file, common));
  for (size_t i = 0; i < kEmbeddedFamilyCount; ++i)
    if (std::string_view file = kEmbeddedFamilies[i].file;
        file != kCommonFile && !file.ends_with(kPartEnding))
      HEDDLE_RETURN_IF_ERROR(
          result.add(kEmbeddedFamilies[i].text, kEmbeddedFamilies[i].file, common));
  if (extraFile) {
    HEDDLE_ASSIGN_OR_RETURN(std::string text,
                            runtime::readSmallFile(layer, *extraFile, limits::kTextprotoBytes));
    HEDDLE_RETURN_IF_ERROR(result.add(text, *extraFile, common));
  }
  return result;
}

const proto::Family *Families::find(std::string_view modelType) const {
  for (const proto::Family &family : families_)
    if (family.model_type() == modelType)
      return &family;
  return nullptr;
}

std::string Families::known() const {
  std::string names;
  for (const proto::Family &family : families_)
    names += (names.empty() ? "" : ", ") + family.model_type();
  return names;
}

} // namespace heddle::frontend
