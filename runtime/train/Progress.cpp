// SPDX-License-Identifier: Apache-2.0
#include "runtime/train/Progress.h"

#include <cmath>
#include <cstdio>
#include <unistd.h>

namespace heddle::runtime {

std::string durationText(double seconds) {
  if (!(seconds >= 0) || seconds > 1e8)
    return "?";
  auto whole = static_cast<long>(std::ceil(seconds));
  char text[32];
  if (whole < 60)
    snprintf(text, sizeof text, "%lds", whole);
  else if (whole < 3600)
    snprintf(text, sizeof text, "%ldm%02lds", whole / 60, whole % 60);
  else
    snprintf(text, sizeof text, "%ldh%02ldm", whole / 3600, whole % 3600 / 60);
  return text;
}

ProgressLine::ProgressLine(bool enabled, uint64_t firstStep, uint64_t steps)
    : enabled_(enabled), terminal_(isatty(STDERR_FILENO)), firstStep_(firstStep), steps_(steps) {}

void ProgressLine::show(uint64_t step, float loss, double lr, double tokensPerSecond,
                        double secondsLeft) {
  auto now = Clock::now();
  bool edge = step == firstStep_ + 1 || step == steps_;
  if (!enabled_ || (!edge && now < next_))
    return;
  next_ = now + std::chrono::milliseconds(terminal_ ? 500 : 10000);
  char text[160];
  int length =
      snprintf(text, sizeof text, "step %llu/%llu  loss %.4f  lr %.3g  %.0f tokens/s  %s left",
               static_cast<unsigned long long>(step), static_cast<unsigned long long>(steps_), loss,
               lr, tokensPerSecond, durationText(secondsLeft).c_str());
  if (terminal_) {
    fprintf(stderr, "\r%-*s", static_cast<int>(width_), text);
    width_ = static_cast<size_t>(length);
  } else {
    fprintf(stderr, "%s\n", text);
  }
}

void ProgressLine::say(const std::string &line) {
  if (!enabled_)
    return;
  finish();
  fprintf(stderr, "%s\n", line.c_str());
}

void ProgressLine::finish() {
  if (width_ > 0)
    fputc('\n', stderr);
  width_ = 0;
}

} // namespace heddle::runtime
