// SPDX-License-Identifier: Apache-2.0
#include "runtime/io/LineReader.h"

#include <algorithm>
#include <unistd.h>

namespace heddle::runtime {

StatusOr<std::optional<std::string>> LineReader::next() {
  constexpr size_t kBlock = size_t{1} << 16;
  ++number_;
  std::string line;
  while (true) {
    if (at_ == block_.size()) {
      block_.resize(kBlock);
      HEDDLE_ASSIGN_OR_RETURN(size_t count, file_.readSome(block_.data(), kBlock));
      block_.resize(count);
      at_ = 0;
      if (count == 0)
        return line.empty() ? std::nullopt : std::optional<std::string>(std::move(line));
    }
    size_t end = std::min(block_.find('\n', at_), block_.size());
    if (line.size() + (end - at_) > limit_)
      return invalidInput(place(), ": more than the limit of ", limit_, " bytes");
    line.append(block_, at_, end - at_);
    at_ = std::min(end + 1, block_.size());
    if (end < block_.size())
      return std::optional<std::string>(std::move(line));
  }
}

File standardInput() { return File(FileCalls::system(), STDIN_FILENO, "standard input"); }

} // namespace heddle::runtime
