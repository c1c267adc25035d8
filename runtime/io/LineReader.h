// SPDX-License-Identifier: Apache-2.0
// A file, or standard input, a line at a time.

#ifndef HEDDLE_RUNTIME_IO_LINEREADER_H
#define HEDDLE_RUNTIME_IO_LINEREADER_H

#include <optional>
#include <string>

#include "runtime/io/FileLayer.h"

namespace heddle::runtime {

/// Holds one line and one block in memory, whatever the file's size. Used by one thread.
class LineReader {
public:
  /// Lines of more than `limit` bytes (without the line break) are an error.
  LineReader(File file, uint64_t limit) : file_(std::move(file)), limit_(limit) {}

  /// The next line without its break, nothing at the end. A last line needs no break.
  StatusOr<std::optional<std::string>> next();

  /// "PATH: line N" of the line that next() returned last.
  std::string place() const { return absl::StrCat(file_.path(), ": line ", number_); }

private:
  File file_;
  uint64_t limit_;
  uint64_t number_ = 0;
  std::string block_;
  size_t at_ = 0; // in block_
};

/// Standard input as a file, pipes and terminals too. It is closed with the object: once a process.
File standardInput();

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_IO_LINEREADER_H
