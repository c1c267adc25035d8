// SPDX-License-Identifier: Apache-2.0
// SIGINT and SIGTERM: the end at once, or a request to stop at the next good moment.

#ifndef HEDDLE_RUNTIME_TRAIN_INTERRUPT_H
#define HEDDLE_RUNTIME_TRAIN_INTERRUPT_H

#include <csignal>

namespace heddle::runtime {

/// Exit code of a process that was asked to stop and did.
inline constexpr int kInterrupted = 130;

/// From here on the two signals end the process with kInterrupted at once: what is on disk is safe
/// at any moment (see Checkpoint.h), and nothing else is worth waiting for.
void exitOnInterrupt();

/// While one lives, the two signals only set a flag, however often they come: a checkpoint that is
/// being written is finished. One at a time in a process; the old handlers return with the
/// destructor.
class InterruptGuard {
public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard &) = delete;
  InterruptGuard &operator=(const InterruptGuard &) = delete;

  static bool requested();

private:
  struct sigaction oldInterrupt_, oldTerminate_;
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TRAIN_INTERRUPT_H
