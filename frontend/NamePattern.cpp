// SPDX-License-Identifier: Apache-2.0
#include "frontend/NamePattern.h"

namespace heddle::frontend {

bool matchesPattern(std::string_view pattern, std::string_view text) {
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
  while (p < pattern.size() && pattern[p] == '*')
    ++p;
  return p == pattern.size();
}

} // namespace heddle::frontend
