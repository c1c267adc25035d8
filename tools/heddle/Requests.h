// SPDX-License-Identifier: Apache-2.0
// From the flags of a verb to a compile request, and to an executable in memory.

#ifndef HEDDLE_TOOLS_HEDDLE_REQUESTS_H
#define HEDDLE_TOOLS_HEDDLE_REQUESTS_H

#include "runtime/cli/Verbs.h"
#include "tools/driver/Compile.h"
#include "tools/driver/OpenSource.h"
#include "tools/heddle/Flags.h"

namespace heddle::tools {

/// B and T from the flags, else the defaults (1 sequence; the model's longest, at most 1,024), the
/// target, threads, demands. Errors name the flag.
StatusOr<CompileRequest> requestFor(const Source &source, const runtime::ModelFlags &flags,
                                    const CompilerFlags &compiler,
                                    std::vector<std::string> entries);

/// Compiled in memory, with the time it took. A `.heddle` source is loaded as it is.
struct ReadyExecutable {
  runtime::SharedExecutable executable;
  double compileMs = 0;
};
StatusOr<ReadyExecutable> executableFor(const Source &source, CompileRequest request);

/// Misses and fallbacks as remarks on standard error.
void printRemarks(const Compilation &compilation);

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_HEDDLE_REQUESTS_H
