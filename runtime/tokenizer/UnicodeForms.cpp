// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "runtime/tokenizer/Characters.h"
#include "runtime/tokenizer/Normalizer.h"
#include "utf8proc.h"

namespace heddle::runtime {
namespace {

int combiningClass(int32_t code) { return utf8proc_get_property(code)->combining_class; }

/// Canonical order: within a run of marks, by class. (utf8proc's own sort is quadratic.)
void orderMarks(std::vector<int32_t> &codes) {
  for (size_t begin = 0; begin < codes.size(); ++begin) {
    if (codes[begin] < 0x300 || combiningClass(codes[begin]) == 0)
      continue;
    size_t end = begin + 1;
    while (end < codes.size() && combiningClass(codes[end]) != 0)
      ++end;
    std::stable_sort(codes.begin() + static_cast<ptrdiff_t>(begin),
                     codes.begin() + static_cast<ptrdiff_t>(end),
                     [](int32_t a, int32_t b) { return combiningClass(a) < combiningClass(b); });
    begin = end - 1;
  }
}

} // namespace

std::string normalizeUnicode(std::string_view text, UnicodeForm form) {
  if (isAscii(text))
    return std::string(text);
  bool compatible = form == UnicodeForm::NFKC || form == UnicodeForm::NFKD;
  bool composed = form == UnicodeForm::NFC || form == UnicodeForm::NFKC;
  auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE |
                                                (compatible ? UTF8PROC_COMPAT : 0));
  std::vector<int32_t> codes;
  codes.reserve(text.size());
  forEachCharacter(text, [&](Character c, size_t) {
    if (c.code < 0x80) {
      codes.push_back(static_cast<int32_t>(c.code));
      return;
    }
    utf8proc_int32_t parts[64]; // the longest decomposition has 18
    int boundary = 0;
    utf8proc_ssize_t count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c.code), parts,
                                                     64, options, &boundary);
    codes.insert(codes.end(), parts, parts + std::clamp<utf8proc_ssize_t>(count, 0, 64));
  });
  orderMarks(codes);
  auto count = static_cast<utf8proc_ssize_t>(codes.size());
  if (composed)
    count = utf8proc_normalize_utf32(
        codes.data(), count, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  std::string normalized;
  normalized.reserve(text.size());
  for (utf8proc_ssize_t i = 0; i < count; ++i)
    appendCharacter(static_cast<uint32_t>(codes[static_cast<size_t>(i)]), normalized);
  return normalized;
}

} // namespace heddle::runtime
