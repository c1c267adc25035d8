// SPDX-License-Identifier: Apache-2.0
#include "runtime/train/Interrupt.h"

#include <atomic>

namespace heddle::runtime {
namespace {

std::atomic<bool> stopRequested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler stores it");

void onSignal(int) { stopRequested.store(true, std::memory_order_relaxed); }

} // namespace

InterruptGuard::InterruptGuard() {
  stopRequested = false;
  struct sigaction action = {};
  action.sa_handler = onSignal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &oldInterrupt_);
  sigaction(SIGTERM, &action, &oldTerminate_);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &oldInterrupt_, nullptr);
  sigaction(SIGTERM, &oldTerminate_, nullptr);
}

bool InterruptGuard::requested() { return stopRequested.load(std::memory_order_relaxed); }

} // namespace heddle::runtime
