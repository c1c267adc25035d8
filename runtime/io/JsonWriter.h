// SPDX-License-Identifier: Apache-2.0
// Writing JSON that is the same for the same values: members in the order given, doubles in the
// fewest digits that read back as the same double, text escaped to valid UTF-8.

#ifndef HEDDLE_RUNTIME_IO_JSONWRITER_H
#define HEDDLE_RUNTIME_IO_JSONWRITER_H

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace heddle::runtime {

/// Shortest text that reads back as the same number ("0.1", "1e-05" written as 1e-05). JSON has no
/// NaN and no infinity: they become null.
std::string jsonNumber(double value);
std::string jsonNumber(float value);
/// With quotes. Bytes that are not UTF-8 become U+FFFD.
std::string jsonString(std::string_view text);

/// Puts commas, colons and, if asked, line breaks. The caller nests properly; a value at the top or
/// in an array goes without a key, a member is `key(...)` then its value, or `member(key, value)`.
class JsonWriter {
public:
  /// `indent` spaces a level; 0 puts everything on one line.
  explicit JsonWriter(int indent = 0) : indent_(indent) {}

  JsonWriter &beginObject() { return open('{'); }
  JsonWriter &endObject() { return close('}'); }
  JsonWriter &beginArray() { return open('['); }
  JsonWriter &endArray() { return close(']'); }
  JsonWriter &key(std::string_view key);

  JsonWriter &null() { return raw("null"); }
  JsonWriter &value(std::same_as<bool> auto v) { return raw(v ? "true" : "false"); }
  JsonWriter &value(double v) { return raw(jsonNumber(v)); }
  JsonWriter &value(float v) { return raw(jsonNumber(v)); }
  JsonWriter &value(std::string_view v) { return raw(jsonString(v)); }
  JsonWriter &value(const char *v) { return value(std::string_view(v)); }
  JsonWriter &value(const std::string &v) { return value(std::string_view(v)); }
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  JsonWriter &value(T v) {
    return raw(std::to_string(v));
  }
  template <typename T> JsonWriter &value(const std::vector<T> &values) {
    beginArray();
    for (const T &v : values)
      value(v);
    return endArray();
  }
  /// A value that is JSON already.
  JsonWriter &raw(std::string_view json);

  template <typename T> JsonWriter &member(std::string_view name, const T &v) {
    key(name);
    return value(v);
  }

  const std::string &text() const { return text_; }
  std::string take() { return std::move(text_); }

private:
  JsonWriter &open(char bracket);
  JsonWriter &close(char bracket);
  void separate();
  void breakLine();

  std::string text_;
  std::vector<bool> hasItems_; // one per open container
  bool afterKey_ = false;
  int indent_;
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_IO_JSONWRITER_H
