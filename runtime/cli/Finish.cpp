// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "runtime/base/PrintableText.h"
#include "runtime/cli/Verbs.h"

namespace heddle::runtime {

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

void remark(const std::string &text) {
  fprintf(stderr, "remark: %s\n", printableText(text).c_str());
}

} // namespace heddle::runtime
