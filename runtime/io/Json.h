// SPDX-License-Identifier: Apache-2.0
// Bounded reading of JSON from outside. Refused: more bytes than the caller's limit, nesting deeper
// than 32, more than 2,000,000 values, a key twice in one object, NaN and Infinity, numbers too
// large for a double, integers beyond 2^53, text after the value, text that is not UTF-8. Syntax
// errors name the file and the byte; wrong types and missing keys name the file and the key:
//   config.json: key "n_head": expected an integer, found "abc"

#ifndef HEDDLE_RUNTIME_IO_JSON_H
#define HEDDLE_RUNTIME_IO_JSON_H

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/base/Limits.h"
#include "runtime/io/FileLayer.h"

namespace heddle::runtime {

/// One JSON value; objects keep the order of the file and find a key in O(log n).
class JsonValue {
public:
  using Elements = std::vector<JsonValue>;
  using Members = std::vector<std::pair<std::string, JsonValue>>;
  struct Object {
    Members members;
    std::vector<uint32_t> byKey; // indices of members, sorted by key
    /// Rebuilds byKey; the members' keys are distinct.
    void index();
  };

  JsonValue() = default; // null
  template <typename T> explicit JsonValue(T value) : value_(std::move(value)) {}

  bool isNull() const { return std::holds_alternative<std::monostate>(value_); }
  /// Null where the value is of another kind.
  const bool *boolean() const { return std::get_if<bool>(&value_); }
  const int64_t *integer() const { return std::get_if<int64_t>(&value_); }
  const double *real() const { return std::get_if<double>(&value_); }
  const std::string *string() const { return std::get_if<std::string>(&value_); }
  const Elements *elements() const { return std::get_if<Elements>(&value_); }
  const Object *object() const { return std::get_if<Object>(&value_); }
  Elements *elements() { return std::get_if<Elements>(&value_); }
  Object *object() { return std::get_if<Object>(&value_); }
  /// Become an empty container.
  Elements &makeArray() { return value_.emplace<Elements>(); }
  Object &makeObject() { return value_.emplace<Object>(); }

  /// A member of an object; null if absent or if this is no object.
  const JsonValue *find(std::string_view key) const;

  /// For messages: `"abc"`, `12`, `null`, `an array`; long strings are cut.
  std::string describe() const;

private:
  std::variant<std::monostate, bool, int64_t, double, std::string, Elements, Object> value_;
};

/// A value and the way to it, for typed access with errors in the user's words. A view: the
/// document outlives it.
class JsonRef {
public:
  JsonRef(const JsonValue &value, const std::string &file) : value_(&value), file_(&file) {}

  const JsonValue &value() const { return *value_; }
  const std::string &file() const { return *file_; }
  /// "rope_scaling.factor", "layers[3]"; empty at the top.
  const std::string &path() const { return path_; }
  bool isNull() const { return value_->isNull(); }

  StatusOr<bool> asBool() const;
  StatusOr<int64_t> asInteger() const;
  /// An integer within [low, high].
  StatusOr<int64_t> asInteger(int64_t low, int64_t high) const;
  /// Any number.
  StatusOr<double> asNumber() const;
  StatusOr<std::string> asString() const;
  StatusOr<std::vector<JsonRef>> asArray() const;
  StatusOr<std::vector<std::pair<std::string, JsonRef>>> asObject() const;

  /// A member. Absent, or no object here: an error.
  StatusOr<JsonRef> at(std::string_view key) const;
  /// A member that may be absent; null counts as absent, as it does in Hugging Face's configs.
  std::optional<JsonRef> find(std::string_view key) const;

  /// at(key) or find(key) with a conversion: without a fallback the key must be there.
  StatusOr<bool> getBool(std::string_view key, std::optional<bool> fallback = {}) const;
  StatusOr<int64_t> getInteger(std::string_view key, std::optional<int64_t> fallback = {}) const;
  StatusOr<double> getNumber(std::string_view key, std::optional<double> fallback = {}) const;
  StatusOr<std::string> getString(std::string_view key,
                                  std::optional<std::string> fallback = {}) const;

  /// InvalidArgument: `file: key "path": problem`.
  Status error(const std::string &problem) const;

private:
  JsonRef child(const JsonValue &value, std::string path) const;
  Status wrongType(const char *expected) const;
  const JsonValue *value_;
  const std::string *file_;
  std::string path_;
};

/// A parsed file. Immutable: safe to read on all threads.
struct JsonDocument {
  std::string file;
  JsonValue root;
  JsonRef ref() const { return JsonRef(root, file); }
};

/// `file` is the name for messages.
StatusOr<JsonDocument> parseJson(std::string_view text, const std::string &file,
                                 uint64_t limit = limits::kConfigJsonBytes);
StatusOr<JsonDocument> readJsonFile(FileLayer &layer, const std::string &path,
                                    uint64_t limit = limits::kConfigJsonBytes);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_IO_JSON_H
