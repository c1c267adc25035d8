// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>

#include "runtime/base/PrintableText.h"
#include "runtime/cli/Verbs.h"

namespace heddle::runtime {
namespace {

int finish(const StatusOr<int> &result) {
  // Results that did not reach their reader are a failure too.
  bool flushed = fflush(stdout) == 0;
  bool written = flushed && !ferror(stdout); // an earlier write may be what failed
  if (!result.ok()) {
    fprintf(stderr, "error: %s\n", printableText(std::string(result.status().message())).c_str());
    return exitCode(result.status());
  }
  if (!written) {
    fprintf(stderr, "error: cannot write to standard output\n");
    return 1;
  }
  return *result;
}

/// We throw nothing; the standard library has no other way to say that a size is absurd.
StatusOr<int> runGuarded(const std::function<StatusOr<int>()> &command) {
  try {
    return command();
  } catch (const std::exception &problem) {
    return absl::InternalError(absl::StrCat("unexpected: ", problem.what()));
  }
}

} // namespace

int runCommand(const std::function<StatusOr<int>()> &command) {
  return finish(runGuarded(command));
}

void remark(const std::string &text) {
  fprintf(stderr, "remark: %s\n", printableText(text).c_str());
}

} // namespace heddle::runtime
