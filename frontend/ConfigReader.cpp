// SPDX-License-Identifier: Apache-2.0
#include "frontend/ConfigReader.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"

#include "frontend/ConfigFamily.h"
#include "frontend/FieldPath.h"
#include "frontend/Stacks.h"
#include "frontend/Validate.h"
#include "runtime/base/NamePattern.h"

namespace heddle::frontend {
namespace {

using runtime::JsonRef;

/// A value as family files spell it: text without quotes, numbers in their shortest form.
std::string spelled(const JsonRef &ref) {
  const runtime::JsonValue &value = ref.value();
  if (const std::string *text = value.string())
    return *text;
  if (const bool *truth = value.boolean())
    return *truth ? "true" : "false";
  if (const double *number = value.real()) {
    char buffer[32];
    auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, *number);
    return std::string(buffer, end);
  }
  if (const auto *object = value.object(); object && object->members.empty())
    return "{}";
  return value.describe();
}

/// The number of members of an object where the key stands for that.
std::string spelled(const proto::ConfigKey &key, const JsonRef &ref) {
  const auto *object = ref.value().object();
  return key.members() && object ? absl::StrCat(object->members.size()) : spelled(ref);
}

/// The parts of a text, without the spaces around them.
std::vector<std::string> elementsOf(const std::string &text, const std::string &separator) {
  std::vector<std::string> elements = absl::StrSplit(text, separator, absl::SkipWhitespace());
  for (std::string &element : elements)
    element = std::string(absl::StripAsciiWhitespace(element));
  return elements;
}

class Reader {
public:
  Reader(const JsonRef &config, const proto::Family &family)
      : config_(config), family_(family), definition_(family.definition()) {}

  StatusOr<proto::ModelDef> run() {
    HEDDLE_RETURN_IF_ERROR(checkArchitectures());
    HEDDLE_RETURN_IF_ERROR(checkKnown(config_));
    for (const proto::ConfigKey &key : family_.keys())
      HEDDLE_RETURN_IF_ERROR(read(key));
    HEDDLE_RETURN_IF_ERROR(checkAllApply());
    if (std::optional<FieldError> error = findFieldError(definition_))
      return inWordsOfConfig(*error);
    return family_.encoder_alone() ? encoderOf(definition_) : definition_;
  }

private:
  Status checkArchitectures() const {
    std::optional<JsonRef> list = config_.find(kArchitectures);
    if (!list)
      return absl::OkStatus();
    HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> names, list->asArray());
    const auto &supported = family_.architectures();
    for (const JsonRef &name : names) {
      HEDDLE_ASSIGN_OR_RETURN(std::string text, name.asString());
      if (std::find(supported.begin(), supported.end(), text) == supported.end())
        return list->error(
            absl::StrCat("\"", text, "\" is not supported; supported: ", joined(supported)));
    }
    return absl::OkStatus();
  }

  template <typename List> static std::string joined(const List &list) {
    std::string text;
    for (const std::string &item : list)
      text += (text.empty() ? "" : ", ") + item;
    return text;
  }

  /// Every key below `object` is one that the family reads or ignores. Objects that the family
  /// looks into are checked inside.
  Status checkKnown(const JsonRef &object) const {
    HEDDLE_ASSIGN_OR_RETURN(auto members, object.asObject());
    for (const auto &[name, value] : members) {
      if (value.isNull() || isRead(value.path()) || isIgnored(value.path()) ||
          value.path() == kModelType || value.path() == kArchitectures)
        continue;
      if (value.value().object() && isLookedInto(value.path())) {
        HEDDLE_RETURN_IF_ERROR(checkKnown(value));
        continue;
      }
      return value.error(absl::StrCat("unknown to the family ", family_.model_type(),
                                      ", so its value ", value.value().describe(),
                                      " may change what the model computes; remove it, or say what "
                                      "it means in a family file (--family)"));
    }
    return absl::OkStatus();
  }

  template <typename Function> bool anySpelling(Function matches) const {
    for (const proto::ConfigKey &key : family_.keys()) {
      if (matches(key.key()))
        return true;
      for (const std::string &alias : key.aliases())
        if (matches(alias))
          return true;
    }
    return false;
  }
  bool isRead(const std::string &path) const {
    return anySpelling([&](const std::string &spelling) { return spelling == path; });
  }
  bool isLookedInto(const std::string &path) const {
    return anySpelling(
        [&](const std::string &spelling) { return spelling.rfind(path + ".", 0) == 0; });
  }
  bool isIgnored(const std::string &path) const {
    return std::any_of(family_.ignored_keys().begin(), family_.ignored_keys().end(),
                       [&](const std::string &pattern) { return matchesPattern(pattern, path); });
  }

  /// The value at a path; absent where any part is absent or null.
  std::optional<JsonRef> valueAt(const std::string &path) const {
    std::optional<JsonRef> at = config_;
    for (size_t begin = 0; at && begin <= path.size();) {
      size_t end = std::min(path.find('.', begin), path.size());
      if (!at->value().object())
        return std::nullopt;
      at = at->find(path.substr(begin, end - begin));
      begin = end + 1;
    }
    return at;
  }

  /// The value under any of the key's spellings, which must agree.
  StatusOr<std::optional<JsonRef>> lookUp(const proto::ConfigKey &key) const {
    std::optional<JsonRef> found = valueAt(key.key());
    for (const std::string &alias : key.aliases()) {
      std::optional<JsonRef> other = valueAt(alias);
      if (found && other && spelled(key, *found) != spelled(key, *other))
        return other->error(absl::StrCat("found ", other->value().describe(), ", but key \"",
                                         found->path(), "\" says ", found->value().describe()));
      if (!found)
        found = other;
    }
    return found;
  }

  /// The text of a key's value or default; empty where it has neither.
  StatusOr<std::string> textOf(const std::string &name) const {
    for (const proto::ConfigKey &key : family_.keys()) {
      if (key.key() != name)
        continue;
      HEDDLE_ASSIGN_OR_RETURN(std::optional<JsonRef> value, lookUp(key));
      return value ? spelled(key, *value) : textOfAbsent(key);
    }
    return std::string();
  }

  /// Whether the key or one of its other spellings is there with the value null.
  bool saysNull(const proto::ConfigKey &key) const {
    auto isNull = [&](const std::string &path) {
      const runtime::JsonValue *at = &config_.value();
      for (size_t begin = 0; at && begin <= path.size();) {
        size_t end = std::min(path.find('.', begin), path.size());
        at = at->find(path.substr(begin, end - begin));
        begin = end + 1;
      }
      return at && at->isNull();
    };
    return isNull(key.key()) || std::any_of(key.aliases().begin(), key.aliases().end(), isNull);
  }
  std::string textOfAbsent(const proto::ConfigKey &key) const {
    return key.has_null_value() && saysNull(key) ? key.null_value() : key.default_value();
  }

  StatusOr<bool> isPresent(const std::string &name) const {
    for (const proto::ConfigKey &key : family_.keys())
      if (key.key() == name) {
        HEDDLE_ASSIGN_OR_RETURN(std::optional<JsonRef> value, lookUp(key));
        return value.has_value();
      }
    return false;
  }

  StatusOr<bool> applies(const proto::ConfigKey &key) const {
    for (const proto::Condition &condition : key.when()) {
      if (condition.has_present()) {
        HEDDLE_ASSIGN_OR_RETURN(bool present, isPresent(condition.key()));
        if (present != condition.present())
          return false;
        continue;
      }
      HEDDLE_ASSIGN_OR_RETURN(std::string value, textOf(condition.key()));
      if (value != condition.equals())
        return false;
    }
    return true;
  }

  Status read(const proto::ConfigKey &key) {
    HEDDLE_ASSIGN_OR_RETURN(bool meant, applies(key));
    if (!meant)
      return absl::OkStatus();
    applied_.insert(key.key());
    HEDDLE_ASSIGN_OR_RETURN(std::optional<JsonRef> value, lookUp(key));
    if (!value && key.has_default_key())
      value = valueAt(key.default_key());
    if (value && isAbsentValue(key, *value))
      return absl::OkStatus();
    if (value)
      return take(key, *value);
    if (key.required())
      return config_.error(absl::StrCat("key \"", key.key(), "\" is missing"));
    const std::string text = textOfAbsent(key);
    return text.empty() ? absl::OkStatus() : takeText(key, text);
  }

  static bool isAbsentValue(const proto::ConfigKey &key, const JsonRef &value) {
    const auto &absent = key.absent_values();
    return std::find(absent.begin(), absent.end(), spelled(key, value)) != absent.end();
  }

  /// Each element of an array, or of a text with separators, by the key's values.
  Status takeList(const proto::ConfigKey &key, const JsonRef &value) {
    std::vector<std::pair<std::string, JsonRef>> elements; // and where they stand
    if (key.has_separator() && value.value().string()) {
      for (const std::string &element : elementsOf(*value.value().string(), key.separator()))
        elements.emplace_back(element, value);
    } else {
      HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> array, value.asArray());
      for (const JsonRef &element : array)
        elements.emplace_back(spelled(element), element);
    }
    HEDDLE_ASSIGN_OR_RETURN(FieldPath field,
                            FieldPath::findRepeated(*proto::ModelDef::descriptor(), key.field()));
    if (key.has_length_key()) {
      HEDDLE_ASSIGN_OR_RETURN(std::string length, textOf(key.length_key()));
      if (length != std::to_string(elements.size()))
        return value.error(absl::StrCat("expected ", length, " elements, as \"", key.length_key(),
                                        "\" says, found ", elements.size()));
    }
    field.clear(definition_);
    for (const auto &[element, place] : elements) {
      const proto::Value *option = optionOf(key, element);
      if (!option && !place.value().string())
        return withSupported(key, place, invalidInput("not among the values"));
      if (!option)
        return place.error(absl::StrCat("\"", element, "\"", kNotSupported, supportedBy(key)));
      HEDDLE_RETURN_IF_ERROR(field.addText(definition_, option->to()));
    }
    return absl::OkStatus();
  }

  /// The key's element of an array; what is no array stands for all.
  static StatusOr<JsonRef> elementOf(const proto::Element &element, const JsonRef &value) {
    const StatusOr<std::vector<JsonRef>> elements = value.asArray();
    if (!elements.ok())
      return value;
    if (static_cast<int64_t>(elements->size()) != element.count())
      return value.error(
          absl::StrCat("expected ", element.count(), " elements, found ", elements->size()));
    return elements->at(element.index());
  }

  Status take(const proto::ConfigKey &key, const JsonRef &whole) {
    if (key.list())
      return takeList(key, whole);
    JsonRef value = whole;
    if (key.has_element()) {
      HEDDLE_ASSIGN_OR_RETURN(value, elementOf(key.element(), whole));
    }
    if (!key.values().empty())
      return withSupported(key, value, takeText(key, spelled(value)));
    if (key.has_checked_as()) {
      proto::ModelDef scratch;
      HEDDLE_ASSIGN_OR_RETURN(FieldPath field,
                              FieldPath::find(*proto::ModelDef::descriptor(), key.checked_as()));
      return field.setJson(scratch, value);
    }
    if (!key.has_field())
      return absl::OkStatus();
    if (key.members() && value.value().object())
      return takeText(key, spelled(key, value));
    HEDDLE_ASSIGN_OR_RETURN(FieldPath field, fieldOf(key));
    return field.setJson(definition_, value);
  }

  static Status withSupported(const proto::ConfigKey &key, const JsonRef &value, Status taken) {
    if (taken.ok())
      return taken;
    return value.error(absl::StrCat(value.value().describe(), kNotSupported, supportedBy(key)));
  }

  static constexpr char kNotSupported[] = " is not supported; supported: ";
  static std::string supportedBy(const proto::ConfigKey &key) {
    std::vector<std::string> supported;
    for (const proto::Value &option : key.values())
      supported.push_back(option.from());
    return joined(supported);
  }

  static const proto::Value *optionOf(const proto::ConfigKey &key, const std::string &text) {
    auto option = std::find_if(key.values().begin(), key.values().end(),
                               [&](const proto::Value &value) { return value.from() == text; });
    return option == key.values().end() ? nullptr : &*option;
  }

  /// A default, or one of the key's values.
  Status takeText(const proto::ConfigKey &key, const std::string &text) {
    std::string to = text;
    if (!key.values().empty()) {
      const proto::Value *option = optionOf(key, text);
      if (!option)
        return invalidInput("not among the values");
      if (!option->has_to())
        return absl::OkStatus();
      to = option->to();
    }
    if (!key.has_field())
      return absl::OkStatus();
    HEDDLE_ASSIGN_OR_RETURN(FieldPath field, fieldOf(key));
    return field.setText(definition_, to);
  }

  static StatusOr<FieldPath> fieldOf(const proto::ConfigKey &key) {
    return FieldPath::find(*proto::ModelDef::descriptor(), key.field());
  }

  /// A key that is there but has no meaning beside the others was meant to change something.
  Status checkAllApply() const {
    for (const proto::ConfigKey &key : family_.keys()) {
      if (applied_.count(key.key()))
        continue;
      HEDDLE_ASSIGN_OR_RETURN(std::optional<JsonRef> value, lookUp(key));
      if (!value)
        continue;
      const proto::Condition &condition = key.when(0);
      if (condition.has_present())
        return value->error(absl::StrCat("has no meaning where \"", condition.key(), "\" is ",
                                         condition.present() ? "absent" : "there"));
      HEDDLE_ASSIGN_OR_RETURN(std::string found, textOf(condition.key()));
      return value->error(
          absl::StrCat("has no meaning where \"", condition.key(), "\" is \"", found, "\""));
    }
    return absl::OkStatus();
  }

  /// The user knows the keys, not our fields.
  Status inWordsOfConfig(const FieldError &error) const {
    std::string field = error.field;
    const proto::ConfigKey *key = keyOf(field);
    // What a second stack is not told it has from the model.
    for (std::string_view stack : {"encoder.", "image."})
      if (!key && field.starts_with(stack))
        key = keyOf(field.substr(stack.size()));
    if (!key)
      return config_.error(absl::StrCat(field, ": ", error.problem));
    StatusOr<std::optional<JsonRef>> value = lookUp(*key);
    if (value.ok() && *value)
      return (*value)->error(error.problem);
    return config_.error(absl::StrCat("key \"", key->key(), "\": ", error.problem));
  }

  /// The key that was read for a field; null if there is none.
  const proto::ConfigKey *keyOf(const std::string &field) const {
    for (const proto::ConfigKey &key : family_.keys())
      if (key.field() == field && applied_.count(key.key()))
        return &key;
    return nullptr;
  }

  const JsonRef &config_;
  const proto::Family &family_;
  proto::ModelDef definition_;
  std::set<std::string> applied_;
};

} // namespace

StatusOr<proto::ModelDef> readConfig(const JsonRef &config, const proto::Family &family) {
  return Reader(config, family).run();
}

} // namespace heddle::frontend
