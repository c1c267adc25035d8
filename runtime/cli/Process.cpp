// SPDX-License-Identifier: Apache-2.0
#include "runtime/cli/Process.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <new>
#include <string_view>
#include <unistd.h>

#include "runtime/io/MapFaults.h"
#include "runtime/train/Interrupt.h"

namespace heddle::runtime {
namespace {

/// Opened the wrong way round, so that reading and writing still fail.
void reserveStandardStreams() {
  for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(stream, F_GETFD) < 0 && errno == EBADF)
      // The lowest free descriptor: this stream, as those below it are taken by now.
      (void)open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

[[noreturn]] void exitForMemory() {
  // No unwinding: that needs memory too, and there is no telling through whose frames it would go.
  constexpr std::string_view kMessage = "error: not enough memory\n";
  (void)!write(STDERR_FILENO, kMessage.data(), kMessage.size());
  _exit(1);
}

} // namespace

void prepareProcess() {
  reserveStandardStreams();
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  reportMapFaults();
  if (!std::get_new_handler())
    std::set_new_handler(exitForMemory);
  exitOnInterrupt();
}

} // namespace heddle::runtime
