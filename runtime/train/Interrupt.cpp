// SPDX-License-Identifier: Apache-2.0
#include "runtime/train/Interrupt.h"

#include <atomic>
#include <string_view>
#include <unistd.h>

namespace heddle::runtime {
namespace {

std::atomic<bool> stopRequested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler stores it");

void remember(int) { stopRequested.store(true, std::memory_order_relaxed); }

void leave(int) {
  constexpr std::string_view kMessage = "interrupted\n";
  (void)!write(STDERR_FILENO, kMessage.data(), kMessage.size());
  _exit(kInterrupted);
}

struct sigaction actionFor(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  return action;
}

} // namespace

void exitOnInterrupt() {
  struct sigaction action = actionFor(leave);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

InterruptGuard::InterruptGuard() {
  stopRequested = false;
  struct sigaction action = actionFor(remember);
  sigaction(SIGINT, &action, &oldInterrupt_);
  sigaction(SIGTERM, &action, &oldTerminate_);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &oldInterrupt_, nullptr);
  sigaction(SIGTERM, &oldTerminate_, nullptr);
  stopRequested = false; // what comes next was not asked to stop
}

bool InterruptGuard::requested() { return stopRequested.load(std::memory_order_relaxed); }

} // namespace heddle::runtime
