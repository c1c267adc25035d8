// SPDX-License-Identifier: Apache-2.0
// Is this text UTF-8, as Unicode defines it: no overlong forms, no surrogates, nothing above
// U+10FFFF.

#ifndef HEDDLE_RUNTIME_BASE_UTF8_H
#define HEDDLE_RUNTIME_BASE_UTF8_H

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heddle {

/// The length (1 to 4) of the well-formed sequence at `at`, or 0 if there is none.
inline size_t utf8SequenceLength(std::string_view text, size_t at) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[at + i]); };
  auto continues = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  size_t left = text.size() - at;
  uint8_t lead = byte(0);
  if (lead < 0x80)
    return 1;
  if (lead < 0xC2 || lead > 0xF4)
    return 0;
  if (lead < 0xE0)
    return left >= 2 && continues(1) ? 2 : 0;
  if (left < 2)
    return 0;
  // The second byte is where overlong forms, surrogates and too large code points show.
  uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high)
    return 0;
  if (lead < 0xF0)
    return left >= 3 && continues(2) ? 3 : 0;
  return left >= 4 && continues(2) && continues(3) ? 4 : 0;
}

/// The offset of the first byte that is not part of well-formed UTF-8, or text.size().
inline size_t utf8ValidPrefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    size_t length = utf8SequenceLength(text, at);
    if (length == 0)
      return at;
    at += length;
  }
  return at;
}

inline bool isValidUtf8(std::string_view text) { return utf8ValidPrefix(text) == text.size(); }

} // namespace heddle

#endif // HEDDLE_RUNTIME_BASE_UTF8_H
