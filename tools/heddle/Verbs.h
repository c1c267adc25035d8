// SPDX-License-Identifier: Apache-2.0
// The verbs of `heddle`, one function each: flags in, exit code or error out.

#ifndef HEDDLE_TOOLS_HEDDLE_VERBS_H
#define HEDDLE_TOOLS_HEDDLE_VERBS_H

#include "runtime/base/Status.h"
#include "tools/heddle/Flags.h"

namespace heddle::tools {

StatusOr<int> compileVerb(const CompileFlags &flags, const CompilerFlags &compiler);
StatusOr<int> runVerb(const runtime::RunFlags &flags, const CompilerFlags &compiler);
StatusOr<int> trainVerb(const runtime::TrainFlags &flags, const CompilerFlags &compiler);
StatusOr<int> generateVerb(const runtime::GenerateFlags &flags, const CompilerFlags &compiler);
StatusOr<int> benchVerb(const runtime::BenchFlags &flags, const CompilerFlags &compiler);
StatusOr<int> verifyVerb(const VerifyFlags &flags, const CompilerFlags &compiler);
StatusOr<int> tokenizeVerb(const TokenizeFlags &flags, const CompilerFlags &compiler);
StatusOr<int> inspectVerb(const InspectFlags &flags, const CompilerFlags &compiler);

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_HEDDLE_VERBS_H
