// SPDX-License-Identifier: Apache-2.0
// "Precompiled": a table from short byte strings to their replacements, as a double-array trie and
// the replacements behind one another, each ended by a zero byte.
#include <array>
#include <cstring>

#include "runtime/base/Utf8.h"
#include "runtime/tokenizer/Characters.h"
#include "runtime/tokenizer/Normalizer.h"
#include "runtime/tokenizer/ReadHelpers.h"
#include "utf8proc.h"

namespace heddle::runtime {
namespace {

// The package that this must equal looks up no longer grapheme as a whole.
constexpr size_t kLongestGrapheme = 5;

class CharsMap : public Normalizer {
public:
  CharsMap(std::vector<uint32_t> units, std::string replacements)
      : units_(std::move(units)), replacements_(std::move(replacements)) {}

  Status apply(NormalizedText &text, Workspace &) const override {
    std::string mapped;
    mapped.reserve(text.text.size());
    std::string_view rest = text.text;
    while (!rest.empty()) {
      size_t length = graphemeLength(rest);
      put(rest.substr(0, length), mapped);
      if (rest.size() == text.text.size() && mapped.empty())
        text.front = false;
      rest.remove_prefix(length);
    }
    text.text = std::move(mapped);
    return absl::OkStatus();
  }

private:
  static size_t graphemeLength(std::string_view text) {
    Character c = characterAt(text, 0);
    size_t length = c.length;
    utf8proc_int32_t state = 0;
    while (length < text.size()) {
      Character next = characterAt(text, length);
      if (c.code >= 0x20 && c.code < 0x7F && next.code < 0x80)
        break;
      if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(c.code),
                                           static_cast<utf8proc_int32_t>(next.code), &state))
        break;
      length += next.length;
      c = next;
    }
    return length;
  }

  void put(std::string_view grapheme, std::string &mapped) const {
    if (grapheme.size() <= kLongestGrapheme)
      if (const char *replacement = find(grapheme)) {
        mapped += replacement;
        return;
      }
    forEachCharacter(grapheme, [&](Character c, size_t at) {
      std::string_view character = grapheme.substr(at, c.length);
      if (const char *replacement = find(character))
        mapped += replacement;
      else
        mapped += character;
    });
  }

  /// Of the shortest beginning of `key` that is in the table: as the package does it. Null where
  /// there is none.
  const char *find(std::string_view key) const {
    // A unit: its label, whether a value hangs on it, and by what to go on.
    auto offset = [](uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); };
    size_t at = 0;
    uint32_t unit = units_[0];
    at ^= offset(unit);
    for (char byte : key) {
      auto label = static_cast<uint8_t>(byte);
      if (label == 0)
        return nullptr;
      at ^= label;
      if (at >= units_.size())
        return nullptr;
      unit = units_[at];
      if ((unit & ((1u << 31) | 0xFF)) != label)
        return nullptr;
      at ^= offset(unit);
      if (at >= units_.size())
        return nullptr;
      if ((unit >> 8) & 1) {
        uint32_t value = units_[at] & 0x7FFFFFFF;
        bool begins = value < replacements_.size() &&
                      (static_cast<uint8_t>(replacements_[value]) & 0xC0) != 0x80;
        return begins ? replacements_.c_str() + value : nullptr;
      }
    }
    return nullptr;
  }

  std::vector<uint32_t> units_; // one at least
  std::string replacements_;
};

StatusOr<std::string> decodeBase64(const JsonRef &json, const std::string &text) {
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  std::string_view body = text;
  while (body.ends_with("="))
    body.remove_suffix(1);
  for (char c : body) {
    int value = c >= 'A' && c <= 'Z'   ? c - 'A'
                : c >= 'a' && c <= 'z' ? c - 'a' + 26
                : c >= '0' && c <= '9' ? c - '0' + 52
                : c == '+'             ? 62
                : c == '/'             ? 63
                                       : -1;
    if (value < 0)
      return json.error("not base64");
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push_back(static_cast<char>(bits >> count & 0xFF));
    }
  }
  return bytes;
}

} // namespace

StatusOr<std::unique_ptr<Normalizer>> readCharsMap(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type", "precompiled_charsmap"}));
  HEDDLE_ASSIGN_OR_RETURN(JsonRef member, json.at("precompiled_charsmap"));
  HEDDLE_ASSIGN_OR_RETURN(std::string text, member.asString());
  HEDDLE_ASSIGN_OR_RETURN(std::string bytes, decodeBase64(member, text));
  uint32_t size = 0;
  if (bytes.size() >= 4)
    std::memcpy(&size, bytes.data(), 4);
  if (bytes.size() < 8 || size % 4 != 0 || size < 4 || size > bytes.size() - 4)
    return member.error(
        absl::StrCat("its table of ", size, " bytes does not fit into ", bytes.size()));
  std::vector<uint32_t> units(size / 4);
  std::memcpy(units.data(), bytes.data() + 4, size);
  std::string replacements = bytes.substr(4 + size);
  if (!isValidUtf8(replacements))
    return member.error("its replacements are not UTF-8");
  return std::make_unique<CharsMap>(std::move(units), std::move(replacements));
}

} // namespace heddle::runtime
