// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <cstdio>
#include <new>

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

} // namespace

int runCommand(const std::function<StatusOr<int>()> &command) {
  reportMapFaults();
  signal(SIGXFSZ, SIG_IGN); // the write then fails with a reason
  return finish(runGuarded(command));
}

void remark(const std::string &text) { fprintf(stderr, "remark: %s\n", text.c_str()); }

} // namespace heddle::runtime
