// SPDX-License-Identifier: Apache-2.0
// A log with one JSON object a line.

#ifndef HEDDLE_RUNTIME_IO_JSONLOG_H
#define HEDDLE_RUNTIME_IO_JSONLOG_H

#include <functional>
#include <string>

#include "runtime/io/FileLayer.h"

namespace heddle::runtime {

/// Appends lines, each in one write so that a reader never sees half of one while we live. Move
/// only; one thread at a time.
class JsonLog {
public:
  /// Goes on at the end of an existing log; makes the file if there is none. The file's name is
  /// durable afterwards, its lines are after sync().
  static StatusOr<JsonLog> append(FileLayer &layer, const std::string &path);
  /// An existing log is emptied.
  static StatusOr<JsonLog> start(FileLayer &layer, const std::string &path);

  /// `json` without line breaks, at most limits::kLogLineBytes.
  Status write(const std::string &json);
  Status sync() { return file_.sync(); }

private:
  explicit JsonLog(File file) : file_(std::move(file)) {}
  File file_;
};

/// Cuts a log back: keeps the lines from the top for which `keep` says true and ends the file
/// before the first other one, or before a last line that a crash left unfinished. No file is no
/// error.
Status cutLog(FileLayer &layer, const std::string &path,
              const std::function<bool(std::string_view line)> &keep);

/// cutLog for a training log: drops what was logged from `step` on, that is lines whose "step" is
/// `step` or more, and anything that is not a JSON object with a "step".
Status cutLogAtStep(FileLayer &layer, const std::string &path, uint64_t step);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_IO_JSONLOG_H
