// SPDX-License-Identifier: Apache-2.0
// How far training is, on stderr.

#ifndef HEDDLE_RUNTIME_TRAIN_PROGRESS_H
#define HEDDLE_RUNTIME_TRAIN_PROGRESS_H

#include <chrono>
#include <cstdint>
#include <string>

namespace heddle::runtime {

/// On a terminal one line that is rewritten every half second; elsewhere a line every ten seconds,
/// the first and the last.
class ProgressLine {
public:
  ProgressLine(bool enabled, uint64_t firstStep, uint64_t steps);
  /// An error message that follows begins on a fresh line.
  ~ProgressLine() { finish(); }

  void show(uint64_t step, float loss, double lr, double tokensPerSecond, double secondsLeft);
  /// A line of its own that stays.
  void say(const std::string &line);
  /// Leaves the cursor on a fresh line.
  void finish();

private:
  using Clock = std::chrono::steady_clock;
  bool enabled_, terminal_;
  uint64_t firstStep_, steps_;
  Clock::time_point next_{}; // of the next line
  size_t width_ = 0;         // of the line on the terminal
};

/// "45s", "2m05s", "3h12m".
std::string durationText(double seconds);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TRAIN_PROGRESS_H
