// SPDX-License-Identifier: Apache-2.0
// Text from files on its way to a terminal.

#ifndef HEDDLE_RUNTIME_BASE_PRINTABLETEXT_H
#define HEDDLE_RUNTIME_BASE_PRINTABLETEXT_H

#include <cstdio>
#include <string>

#include "runtime/base/Utf8.h"

namespace heddle {

/// What a message shows at most; names from files may be as long as the files.
inline constexpr size_t kPrintableBytes = 4096;

/// `text` without what a terminal would obey: control characters but line breaks (C0, DEL, C1) and
/// bytes that are no UTF-8 are written as \xNN. What is longer than kPrintableBytes ends in "...".
inline std::string printableText(std::string_view text) {
  std::string printable;
  for (size_t at = 0; at < text.size();) {
    if (printable.size() >= kPrintableBytes)
      return printable + "...";
    size_t length = utf8SequenceLength(text, at);
    auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
    bool control = length == 1   ? (byte(0) < 0x20 && byte(0) != '\n') || byte(0) == 0x7F
                   : length == 2 ? byte(0) == 0xC2 && byte(1) < 0xA0
                                 : length == 0;
    if (!control) {
      printable.append(text, at, length);
      at += length;
      continue;
    }
    for (size_t end = at + (length ? length : 1); at < end; ++at) {
      char escaped[8];
      snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned char>(text[at]));
      printable += escaped;
    }
  }
  return printable;
}

} // namespace heddle

#endif // HEDDLE_RUNTIME_BASE_PRINTABLETEXT_H
