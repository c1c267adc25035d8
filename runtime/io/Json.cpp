// SPDX-License-Identifier: Apache-2.0
#include "runtime/io/Json.h"

#include <algorithm>

#include "runtime/io/JsonWriter.h"

namespace heddle::runtime {

const JsonValue *JsonValue::find(std::string_view key) const {
  const Object *members = object();
  if (!members)
    return nullptr;
  auto at = std::lower_bound(
      members->byKey.begin(), members->byKey.end(), key,
      [&](uint32_t i, std::string_view k) { return members->members[i].first < k; });
  if (at == members->byKey.end() || members->members[*at].first != key)
    return nullptr;
  return &members->members[*at].second;
}

std::string JsonValue::describe() const {
  if (isNull())
    return "null";
  if (const bool *value = boolean())
    return *value ? "true" : "false";
  if (const int64_t *value = integer())
    return std::to_string(*value);
  if (const double *value = real())
    return jsonNumber(*value);
  if (const std::string *value = string())
    return value->size() <= 60 ? jsonString(*value) : jsonString(value->substr(0, 60)) + "...";
  return elements() ? "an array" : "an object";
}

Status JsonRef::error(const std::string &problem) const {
  if (path_.empty())
    return invalidInput(*file_, ": ", problem);
  return invalidInput(*file_, ": key \"", path_, "\": ", problem);
}

Status JsonRef::wrongType(const char *expected) const {
  return error(absl::StrCat("expected ", expected, ", found ", value_->describe()));
}

StatusOr<bool> JsonRef::asBool() const {
  if (const bool *value = value_->boolean())
    return *value;
  return wrongType("true or false");
}

StatusOr<int64_t> JsonRef::asInteger() const {
  if (const int64_t *value = value_->integer())
    return *value;
  // 1e4 and 12.0 are integers to many writers.
  if (const double *value = value_->real())
    if (*value >= -limits::kJsonInteger && *value <= limits::kJsonInteger &&
        *value == static_cast<double>(static_cast<int64_t>(*value)))
      return static_cast<int64_t>(*value);
  return wrongType("an integer");
}

StatusOr<int64_t> JsonRef::asInteger(int64_t low, int64_t high) const {
  HEDDLE_ASSIGN_OR_RETURN(int64_t value, asInteger());
  if (value < low || value > high)
    return error(absl::StrCat("expected an integer from ", low, " to ", high, ", found ", value));
  return value;
}

StatusOr<double> JsonRef::asNumber() const {
  if (const int64_t *value = value_->integer())
    return static_cast<double>(*value);
  if (const double *value = value_->real())
    return *value;
  return wrongType("a number");
}

StatusOr<std::string> JsonRef::asString() const {
  if (const std::string *value = value_->string())
    return *value;
  return wrongType("a string");
}

StatusOr<std::vector<JsonRef>> JsonRef::asArray() const {
  const JsonValue::Elements *elements = value_->elements();
  if (!elements)
    return wrongType("an array");
  std::vector<JsonRef> refs;
  refs.reserve(elements->size());
  for (size_t i = 0; i < elements->size(); ++i)
    refs.push_back(child((*elements)[i], absl::StrCat(path_, "[", i, "]")));
  return refs;
}

StatusOr<std::vector<std::pair<std::string, JsonRef>>> JsonRef::asObject() const {
  const JsonValue::Object *object = value_->object();
  if (!object)
    return wrongType("an object");
  std::vector<std::pair<std::string, JsonRef>> refs;
  refs.reserve(object->members.size());
  for (const auto &[key, value] : object->members)
    refs.emplace_back(key, child(value, path_.empty() ? key : absl::StrCat(path_, ".", key)));
  return refs;
}

JsonRef JsonRef::child(const JsonValue &value, std::string path) const {
  JsonRef ref(value, *file_);
  ref.path_ = std::move(path);
  return ref;
}

StatusOr<JsonRef> JsonRef::at(std::string_view key) const {
  if (!value_->object())
    return wrongType("an object");
  std::string name(key);
  if (const JsonValue *value = value_->find(key))
    return child(*value, path_.empty() ? name : absl::StrCat(path_, ".", name));
  return error(absl::StrCat("key \"", name, "\" is missing"));
}

std::optional<JsonRef> JsonRef::find(std::string_view key) const {
  const JsonValue *value = value_->find(key);
  if (!value || value->isNull())
    return std::nullopt;
  std::string name(key);
  return child(*value, path_.empty() ? name : absl::StrCat(path_, ".", name));
}

namespace {

template <typename T, typename Convert>
StatusOr<T> getAs(const JsonRef &object, std::string_view key, std::optional<T> &fallback,
                  Convert convert) {
  if (fallback && object.value().object()) {
    std::optional<JsonRef> found = object.find(key);
    return found ? convert(*found) : StatusOr<T>(*std::move(fallback));
  }
  HEDDLE_ASSIGN_OR_RETURN(JsonRef found, object.at(key));
  return convert(found);
}

} // namespace

StatusOr<bool> JsonRef::getBool(std::string_view key, std::optional<bool> fallback) const {
  return getAs<bool>(*this, key, fallback, [](const JsonRef &ref) { return ref.asBool(); });
}

StatusOr<int64_t> JsonRef::getInteger(std::string_view key, std::optional<int64_t> fallback) const {
  return getAs<int64_t>(*this, key, fallback, [](const JsonRef &ref) { return ref.asInteger(); });
}

StatusOr<double> JsonRef::getNumber(std::string_view key, std::optional<double> fallback) const {
  return getAs<double>(*this, key, fallback, [](const JsonRef &ref) { return ref.asNumber(); });
}

StatusOr<std::string> JsonRef::getString(std::string_view key,
                                         std::optional<std::string> fallback) const {
  return getAs<std::string>(*this, key, fallback,
                            [](const JsonRef &ref) { return ref.asString(); });
}

} // namespace heddle::runtime
