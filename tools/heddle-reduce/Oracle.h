// SPDX-License-Identifier: Apache-2.0
// Whether a candidate still shows the failure that is being reduced: a command run on it in a child
// process.

#ifndef HEDDLE_TOOLS_HEDDLEREDUCE_ORACLE_H
#define HEDDLE_TOOLS_HEDDLEREDUCE_ORACLE_H

#include <string>
#include <vector>

#include "runtime/base/Status.h"

namespace heddle::tools {

/// How a command ended. Two failures are the same when they have the same key.
struct Outcome {
  bool failed = false;
  /// "signal 11", "timeout", or the exit code with what the first error says, without the names and
  /// numbers in it, which change as the input shrinks.
  std::string key;
  std::string output; // standard error, its first part
};

struct OracleOptions {
  /// The command line; FILE in it stands for the candidate.
  std::vector<std::string> command;
  double timeoutSeconds = 20;
  /// Where not empty, a failure counts when standard error holds it, whatever its key.
  std::string match;
};

class Oracle {
public:
  static constexpr const char *kFile = "FILE";

  explicit Oracle(OracleOptions options) : options_(std::move(options)) {}

  /// Settles which failure is looked for. Bad input when the command does not fail on `text`.
  Status learn(const std::string &text);
  /// Whether the command fails on `text` in the way that was learned.
  StatusOr<bool> holds(const std::string &text);

  const Outcome &learned() const { return learned_; }
  int runs() const { return runs_; }

private:
  StatusOr<Outcome> run(const std::string &text);

  OracleOptions options_;
  Outcome learned_;
  int runs_ = 0;
};

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_HEDDLEREDUCE_ORACLE_H
