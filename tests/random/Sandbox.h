// SPDX-License-Identifier: Apache-2.0
// Runs a check in a process of its own, so that a crash or a hang is a finding like any other.

#ifndef HEDDLE_TESTS_RANDOM_SANDBOX_H
#define HEDDLE_TESTS_RANDOM_SANDBOX_H

#include <functional>
#include <string>
#include <vector>

namespace heddle::random {

/// Why a graph failed. `kind` tells failures apart that look alike: "differs", an error's first
/// words, "signal 11", "no end".
struct Finding {
  std::string oracle;
  std::string kind;
  std::string text;
};

/// Passes what a check finds to the parent process.
class Reporter {
public:
  explicit Reporter(int pipe) : pipe_(pipe) {}
  /// Whatever happens from here on is this oracle's.
  void enter(const std::string &oracle);
  void report(const std::string &kind, const std::string &text);

private:
  void write(char tag, std::string text);
  int pipe_;
};

/// Forks, runs `check` in the child and returns what it found; an empty vector if nothing. A child
/// that takes longer than `seconds` is killed. With `quiet`, it has no stderr. The caller has no
/// other threads.
std::vector<Finding> runIsolated(const std::function<void(Reporter &)> &check, int seconds,
                                 bool quiet);

} // namespace heddle::random

#endif // HEDDLE_TESTS_RANDOM_SANDBOX_H
