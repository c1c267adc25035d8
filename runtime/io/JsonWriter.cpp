// SPDX-License-Identifier: Apache-2.0
#include "runtime/io/JsonWriter.h"

#include <charconv>
#include <cmath>

#include "runtime/base/Limits.h"
#include "runtime/base/Utf8.h"

namespace heddle::runtime {
namespace {

template <typename T> std::string shortest(T value) {
  if (!std::isfinite(value))
    return "null";
  // As an integer it would lose its sign.
  if (value == 0 && std::signbit(value))
    return "-0.0";
  // Without an exponent it would be an integer that readers refuse.
  bool large = std::abs(value) > static_cast<T>(limits::kJsonInteger);
  char buffer[32];
  auto [end, error] =
      large ? std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific)
            : std::to_chars(buffer, buffer + sizeof(buffer), value);
  return std::string(buffer, end);
}

} // namespace

std::string jsonNumber(double value) { return shortest(value); }
std::string jsonNumber(float value) { return shortest(value); }

std::string jsonString(std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "\"";
  for (size_t at = 0; at < text.size();) {
    size_t length = utf8SequenceLength(text, at);
    unsigned char c = static_cast<unsigned char>(text[at]);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      length = 1;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c < 0x20 || c == 0x7F) {
      out += "\\u00";
      out += kDigits[c >> 4];
      out += kDigits[c & 15];
    } else {
      out.append(text, at, length);
    }
    at += length;
  }
  out += '"';
  return out;
}

void JsonWriter::breakLine() {
  if (indent_ == 0)
    return;
  text_ += '\n';
  text_.append(hasItems_.size() * static_cast<size_t>(indent_), ' ');
}

void JsonWriter::separate() {
  if (afterKey_) {
    afterKey_ = false;
    return;
  }
  if (hasItems_.empty())
    return;
  if (hasItems_.back())
    text_ += ',';
  hasItems_.back() = true;
  breakLine();
}

JsonWriter &JsonWriter::key(std::string_view key) {
  separate();
  text_ += jsonString(key);
  text_ += indent_ ? ": " : ":";
  afterKey_ = true;
  return *this;
}

JsonWriter &JsonWriter::raw(std::string_view json) {
  separate();
  text_ += json;
  return *this;
}

JsonWriter &JsonWriter::open(char bracket) {
  separate();
  text_ += bracket;
  hasItems_.push_back(false);
  return *this;
}

JsonWriter &JsonWriter::close(char bracket) {
  bool any = !hasItems_.empty() && hasItems_.back();
  if (!hasItems_.empty())
    hasItems_.pop_back();
  if (any)
    breakLine();
  text_ += bracket;
  return *this;
}

} // namespace heddle::runtime
