// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <new>
#include <unistd.h>

#include "runtime/cli/Verbs.h"
#include "runtime/io/MapFaults.h"

namespace heddle::runtime {
namespace {

int finish(const StatusOr<int> &result) {
  // Results that did not reach their reader are a failure too.
  bool written = fflush(stdout) == 0;
  if (!result.ok()) {
    fprintf(stderr, "error: %s\n", std::string(result.status().message()).c_str());
    return exitCode(result.status());
  }
  if (!written) {
    fprintf(stderr, "error: cannot write to standard output\n");
    return 1;
  }
  return *result;
}

/// We throw nothing; the standard library has no other way to say that there is no memory.
StatusOr<int> runGuarded(const std::function<StatusOr<int>()> &command) {
  try {
    return command();
  } catch (const std::bad_alloc &) {
    return absl::ResourceExhaustedError("out of memory");
  } catch (const std::exception &problem) {
    return absl::InternalError(absl::StrCat("unexpected: ", problem.what()));
  }
}

/// Whoever started us may have closed standard output: the next file opened, a training log say,
/// would take its number, and our results would go there. Writing to what stands in fails.
void holdStandardStreams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
      return; // not even that: every file will fail to open, with a reason
}

} // namespace

int runCommand(const std::function<StatusOr<int>()> &command) {
  holdStandardStreams();
  reportMapFaults();
  signal(SIGXFSZ, SIG_IGN); // the write then fails with a reason
  return finish(runGuarded(command));
}

void remark(const std::string &text) { fprintf(stderr, "remark: %s\n", text.c_str()); }

} // namespace heddle::runtime
