// SPDX-License-Identifier: Apache-2.0
// SIGINT and SIGTERM as a request to stop at the next good moment.

#ifndef HEDDLE_RUNTIME_TRAIN_INTERRUPT_H
#define HEDDLE_RUNTIME_TRAIN_INTERRUPT_H

#include <csignal>

namespace heddle::runtime {

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
