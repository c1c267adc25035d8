// SPDX-License-Identifier: Apache-2.0
#include "runtime/tokenizer/Characters.h"

#include <algorithm>
#include <cstring>

#include "runtime/base/Utf8.h"
#include "utf8proc.h"

namespace heddle::runtime {
namespace {

utf8proc_category_t categoryOf(uint32_t code) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code));
}

/// How many bytes at `at`, where no character begins, are the beginning of one that was cut; at
/// least 1.
size_t brokenLength(std::string_view text, size_t at) {
  // A cut character is whole once the right bytes follow.
  for (size_t length = std::min<size_t>(3, text.size() - at); length > 1; --length)
    for (size_t missing = 1; length + missing <= 4; ++missing)
      for (char follower : {'\x80', '\x90', '\xBF'}) {
        std::string whole(text.substr(at, length));
        whole.append(missing, follower);
        if (utf8SequenceLength(whole, 0) == whole.size())
          return length;
      }
  return 1;
}

} // namespace

void appendCharacter(uint32_t code, std::string &text) {
  utf8proc_uint8_t bytes[4];
  utf8proc_ssize_t length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code), bytes);
  text.append(reinterpret_cast<char *>(bytes), static_cast<size_t>(length));
}

size_t countCharacters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<uint8_t>(byte) & 0xC0) != 0x80;
  }));
}

bool isAscii(std::string_view text) {
  size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    uint64_t bytes;
    std::memcpy(&bytes, text.data() + at, 8);
    if (bytes & 0x8080808080808080)
      return false;
  }
  return std::all_of(text.begin() + static_cast<ptrdiff_t>(at), text.end(),
                     [](char byte) { return static_cast<uint8_t>(byte) < 0x80; });
}

std::string lossyUtf8(std::string_view text) {
  std::string whole;
  whole.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    size_t valid = utf8ValidPrefix(text.substr(at));
    whole.append(text.substr(at, valid));
    at += valid;
    if (at == text.size())
      break;
    appendCharacter(kReplacementCharacter, whole);
    at += brokenLength(text, at);
  }
  return whole;
}

bool isSpace(uint32_t code) {
  if (code < 0x80)
    return code == ' ' || (code >= 9 && code <= 13);
  utf8proc_category_t category = categoryOf(code);
  return code == 0x85 || category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
         category == UTF8PROC_CATEGORY_ZP;
}

bool isNumeric(uint32_t code) {
  if (code < 0x80)
    return code >= '0' && code <= '9';
  utf8proc_category_t category = categoryOf(code);
  return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL ||
         category == UTF8PROC_CATEGORY_NO;
}

bool isPunctuation(uint32_t code) {
  if (code < 0x80)
    return (code >= '!' && code <= '/') || (code >= ':' && code <= '@') ||
           (code >= '[' && code <= '`') || (code >= '{' && code <= '~');
  utf8proc_category_t category = categoryOf(code);
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

bool isControl(uint32_t code) {
  utf8proc_category_t category = categoryOf(code);
  return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF ||
         category == UTF8PROC_CATEGORY_CO;
}

bool isMark(uint32_t code) {
  utf8proc_category_t category = categoryOf(code);
  return category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME;
}

bool isNonspacingMark(uint32_t code) { return categoryOf(code) == UTF8PROC_CATEGORY_MN; }

bool isBertIdeograph(uint32_t code) {
  static constexpr uint32_t kBlocks[][2] = {
      {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},  {0x20000, 0x2A6DF},
      {0x2A700, 0x2B81F}, {0x2B920, 0x2CEAF}, {0x2F800, 0x2FA1F}};
  return code >= 0x3400 && std::any_of(std::begin(kBlocks), std::end(kBlocks), [&](auto &block) {
           return code >= block[0] && code <= block[1];
         });
}

void appendLowercase(uint32_t code, std::string &text) {
  // The one character whose lower case is two, in every language (Unicode's SpecialCasing).
  if (code == 0x130)
    text += "i\xCC\x87";
  else
    appendCharacter(static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code))),
                    text);
}

} // namespace heddle::runtime
