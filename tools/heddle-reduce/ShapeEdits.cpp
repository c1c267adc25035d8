// SPDX-License-Identifier: Apache-2.0
// Shrinking axes, on text: one size occurs in the types of many values and in the attributes that
// speak of them, and all have to change at once.
#include <algorithm>
#include <charconv>
#include <functional>
#include <set>

#include "tools/heddle-reduce/Edits.h"

namespace heddle::tools {
namespace {

bool isDigit(char c) { return c >= '0' && c <= '9'; }

/// Calls `visit(begin, end)` for each number that is an axis of a tensor type (it stands behind '<'
/// or 'x' and before 'x') or an element of an i64 array.
void eachAxis(const std::string &text, const std::function<void(size_t, size_t)> &visit) {
  for (llvm::StringRef opening : {"tensor<", "array<i64:"}) {
    const bool type = opening == "tensor<";
    for (size_t at = text.find(opening); at != std::string::npos; at = text.find(opening, at)) {
      at += opening.size();
      while (at < text.size() && text[at] != '>') {
        size_t end = at;
        while (end < text.size() && isDigit(text[end]))
          ++end;
        if (end > at && (!type || (end < text.size() && text[end] == 'x')))
          visit(at, end);
        if (type && (end == at || text[end] != 'x'))
          break; // the element type
        at = end + 1;
      }
    }
  }
}

int64_t numberAt(const std::string &text, size_t begin, size_t end) {
  int64_t value = -1;
  std::from_chars(text.data() + begin, text.data() + end, value);
  return value;
}

} // namespace

std::vector<int64_t> axisSizes(const std::string &text) {
  std::set<int64_t, std::greater<>> sizes;
  eachAxis(text, [&](size_t begin, size_t end) { sizes.insert(numberAt(text, begin, end)); });
  return {sizes.begin(), sizes.end()};
}

std::optional<std::string> shrinkAxis(const std::string &text, int64_t size, int64_t smaller) {
  std::vector<std::pair<size_t, size_t>> places;
  eachAxis(text, [&](size_t begin, size_t end) {
    if (numberAt(text, begin, end) == size)
      places.emplace_back(begin, end);
  });
  if (places.empty())
    return std::nullopt;
  std::sort(places.begin(), places.end());
  std::string result;
  size_t done = 0;
  for (auto [begin, end] : places) {
    result.append(text, done, begin - done).append(std::to_string(smaller));
    done = end;
  }
  return result.append(text, done, std::string::npos);
}

} // namespace heddle::tools
