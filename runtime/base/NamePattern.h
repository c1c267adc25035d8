// SPDX-License-Identifier: Apache-2.0
// Patterns of names: of tensors, parameters and keys.

#ifndef HEDDLE_RUNTIME_BASE_NAMEPATTERN_H
#define HEDDLE_RUNTIME_BASE_NAMEPATTERN_H

#include <string_view>

namespace heddle {

/// Whether `text` is `pattern`, in which each `*` stands for any text.
inline bool matchesPattern(std::string_view pattern, std::string_view text) {
  // Greedy with one point to go back to: the last star takes one more character.
  size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

} // namespace heddle

#endif // HEDDLE_RUNTIME_BASE_NAMEPATTERN_H
