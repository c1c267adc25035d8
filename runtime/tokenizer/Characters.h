// SPDX-License-Identifier: Apache-2.0
// Characters of well-formed UTF-8 and the classes that tokenizers ask for, from utf8proc's tables.

#ifndef HEDDLE_RUNTIME_TOKENIZER_CHARACTERS_H
#define HEDDLE_RUNTIME_TOKENIZER_CHARACTERS_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace heddle::runtime {

inline constexpr uint32_t kReplacementCharacter = 0xFFFD;

struct Character {
  uint32_t code;
  uint32_t length; // bytes
};

/// The character at `at`, where one begins.
inline Character characterAt(std::string_view text, size_t at) {
  auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(text[at + i])); };
  uint32_t lead = byte(0);
  if (lead < 0x80)
    return {lead, 1};
  if (lead < 0xE0)
    return {(lead & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (lead < 0xF0)
    return {(lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  return {(lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F),
          4};
}

/// The character that ends right before `end` > 0.
inline Character characterBefore(std::string_view text, size_t end) {
  size_t at = end - 1;
  while (at > 0 && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80)
    --at;
  return characterAt(text, at);
}

/// Calls fn(Character, byte offset) for each character.
template <typename Function> void forEachCharacter(std::string_view text, Function fn) {
  for (size_t at = 0; at < text.size();) {
    Character c = characterAt(text, at);
    fn(c, at);
    at += c.length;
  }
}

void appendCharacter(uint32_t code, std::string &text);
size_t countCharacters(std::string_view text);
bool isAscii(std::string_view text);

/// `text` with U+FFFD for each maximal part that is not UTF-8, as Unicode recommends it and as
/// Python's and Rust's own lossy decoders do it.
std::string lossyUtf8(std::string_view text);

/// Unicode's White_Space.
bool isSpace(uint32_t code);
/// Any number: Nd, Nl, No.
bool isNumeric(uint32_t code);
/// P*, and what ASCII calls punctuation.
bool isPunctuation(uint32_t code);
/// Cc, Cf, Co.
bool isControl(uint32_t code);
/// Mn, Mc, Me.
bool isMark(uint32_t code);
/// Mn.
bool isNonspacingMark(uint32_t code);
/// The blocks that BERT sets apart with spaces.
bool isBertIdeograph(uint32_t code);
/// Unicode's Lowercase, all of it: one character may become two.
void appendLowercase(uint32_t code, std::string &text);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TOKENIZER_CHARACTERS_H
