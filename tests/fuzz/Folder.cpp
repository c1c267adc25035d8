// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/Folder.h"

#include <algorithm>
#include <optional>

namespace heddle::fuzz {
namespace {

constexpr std::string_view kBefore = "-- ", kAfter = " --";
constexpr size_t kLongestName = 255;

/// The name in a line `-- NAME --`.
std::optional<std::string_view> nameIn(std::string_view line) {
  if (line.size() <= kBefore.size() + kAfter.size() || !line.starts_with(kBefore) ||
      !line.ends_with(kAfter))
    return std::nullopt;
  return line.substr(kBefore.size(), line.size() - kBefore.size() - kAfter.size());
}

bool isPath(std::string_view name) {
  if (name.size() > kLongestName || name.find('\0') != std::string_view::npos)
    return false;
  for (size_t begin = 0; begin <= name.size();) {
    size_t end = std::min(name.find('/', begin), name.size());
    std::string_view part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..")
      return false;
    begin = end + 1;
  }
  return true;
}

} // namespace

Folder parseFolder(std::string_view text) {
  Folder folder;
  std::string name = "input";
  size_t begin = 0; // of the current file's content
  auto close = [&](size_t end) {
    if (isPath(name) && (name != "input" || end > begin))
      folder[name] = text.substr(begin, std::max(end, begin) - begin);
  };
  for (size_t line = 0; line < text.size();) {
    size_t end = std::min(text.find('\n', line), text.size());
    if (auto found = nameIn(text.substr(line, end - line))) {
      close(line > 0 ? line - 1 : 0);
      name = *found;
      begin = std::min(end + 1, text.size());
    }
    line = end + 1;
  }
  close(text.size());
  return folder;
}

std::string printFolder(const Folder &folder) {
  std::string text;
  for (const auto &[name, content] : folder) {
    if (!text.empty())
      text += '\n';
    text += std::string(kBefore) + name + std::string(kAfter) + '\n' + content;
  }
  return text;
}

} // namespace heddle::fuzz
