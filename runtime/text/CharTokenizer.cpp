// SPDX-License-Identifier: Apache-2.0
#include "runtime/text/CharTokenizer.h"

#include <algorithm>

#include "runtime/base/Utf8.h"
#include "runtime/io/JsonWriter.h"

namespace heddle::runtime {
namespace {

constexpr uint32_t kCodePoints = 0x110000;

/// The code point of a well-formed sequence of `length` bytes at `at`.
uint32_t codePointAt(std::string_view text, size_t at, size_t length) {
  auto lead = static_cast<uint8_t>(text[at]);
  if (length == 1)
    return lead;
  uint32_t value = lead & (0x7F >> length);
  for (size_t i = 1; i < length; ++i)
    value = value << 6 | (static_cast<uint8_t>(text[at + i]) & 0x3F);
  return value;
}

void appendUtf8(uint32_t c, std::string &text) {
  auto put = [&](uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

/// Calls fn(code point, byte offset) for each character; false stops.
template <typename Function>
Status forEachCharacter(std::string_view text, const std::string &name, Function fn) {
  for (size_t at = 0; at < text.size();) {
    size_t length = utf8SequenceLength(text, at);
    if (length == 0)
      return invalidInput(name, ": not UTF-8 at byte ", at, "; use --tokenizer bytes");
    if (!fn(codePointAt(text, at, length), at, length))
      return absl::OkStatus();
    at += length;
  }
  return absl::OkStatus();
}

} // namespace

StatusOr<std::unique_ptr<CharTokenizer>> CharTokenizer::create(std::string_view text,
                                                               const std::string &name) {
  std::vector<bool> seen(kCodePoints);
  uint32_t end = 0; // of what was seen
  HEDDLE_RETURN_IF_ERROR(forEachCharacter(text, name, [&](uint32_t c, size_t, size_t) {
    seen[c] = true;
    end = std::max(end, c + 1);
    return true;
  }));
  auto tokenizer = std::make_unique<CharTokenizer>();
  for (uint32_t c = 0; c < end; ++c)
    if (seen[c]) {
      tokenizer->idOf_.resize(c + 1, -1);
      tokenizer->idOf_[c] = static_cast<int32_t>(tokenizer->codePoints_.size());
      tokenizer->codePoints_.push_back(c);
    }
  if (tokenizer->codePoints_.empty())
    return invalidInput(name, ": no characters for a tokenizer");
  return tokenizer;
}

StatusOr<std::vector<int32_t>> CharTokenizer::encode(std::string_view text, Framing) const {
  std::vector<int32_t> ids;
  ids.reserve(text.size());
  Status unknown;
  HEDDLE_RETURN_IF_ERROR(
      forEachCharacter(text, "the text", [&](uint32_t c, size_t at, size_t length) {
        int32_t id = c < idOf_.size() ? idOf_[c] : -1;
        if (id < 0)
          unknown =
              invalidInput("the character ", jsonString(text.substr(at, length)), " at byte ", at,
                           " is not among the ", vocabSize(), " characters of the tokenizer");
        ids.push_back(id);
        return id >= 0;
      }));
  if (!unknown.ok())
    return unknown;
  return ids;
}

std::string CharTokenizer::decode(const std::vector<int32_t> &ids) const {
  std::string text;
  for (int32_t id : ids)
    appendUtf8(id >= 0 && id < vocabSize() ? codePoints_[id] : 0xFFFD, text);
  return text;
}

std::string CharTokenizer::characters() const {
  std::string text;
  for (uint32_t c : codePoints_)
    appendUtf8(c, text);
  return text;
}

std::string CharTokenizer::toJson() const {
  JsonWriter json;
  json.beginObject().member("type", "char").member("characters", characters()).endObject();
  return json.take() + "\n";
}

StatusOr<std::unique_ptr<Tokenizer>> makeCharTokenizer(std::string_view text,
                                                       const std::string &name) {
  HEDDLE_ASSIGN_OR_RETURN(auto tokenizer, CharTokenizer::create(text, name));
  return std::unique_ptr<Tokenizer>(std::move(tokenizer));
}

} // namespace heddle::runtime
