// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <map>
#include <sstream>

#include "codegen/cuda/Nvrtc.h"

namespace heddle::codegen {
namespace {

/// The lines of each file that `#line 1 "name"` begins.
std::map<std::string, std::vector<std::string>> linesOfFiles(const std::string &source,
                                                             const std::string &fileName) {
  std::map<std::string, std::vector<std::string>> files;
  std::string current = fileName;
  std::istringstream in(source);
  const std::string mark = "#line 1 \"";
  for (std::string line; std::getline(in, line);) {
    if (line.compare(0, mark.size(), mark) == 0)
      current = line.substr(mark.size(), line.rfind('"') - mark.size());
    else
      files[current].push_back(line);
  }
  return files;
}

/// "name(12): error" or "name:12:5: error" -> 12; 0 where the line names no place in `name`.
int lineNamed(const std::string &message, const std::string &name) {
  size_t at = message.find(name);
  if (at == std::string::npos || at + name.size() >= message.size())
    return 0;
  char after = message[at + name.size()];
  return after == '(' || after == ':' ? atoi(message.c_str() + at + name.size() + 1) : 0;
}

} // namespace

std::string logWithLines(const std::string &log, const std::string &source,
                         const std::string &fileName) {
  auto files = linesOfFiles(source, fileName);
  std::ostringstream out;
  std::istringstream in(log);
  for (std::string message; std::getline(in, message);) {
    out << message << "\n";
    for (const auto &[name, lines] : files) {
      int line = lineNamed(message, name);
      if (line <= 0 || line > static_cast<int>(lines.size()))
        continue;
      if (log.find(lines[line - 1]) != std::string::npos) // most compilers quote it themselves
        break;
      out << "  " << name << ":" << line << ": " << lines[line - 1] << "\n";
      break;
    }
  }
  return out.str();
}

} // namespace heddle::codegen
