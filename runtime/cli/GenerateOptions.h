// SPDX-License-Identifier: Apache-2.0
// From the flags of `generate` to what the generator takes.

#ifndef HEDDLE_RUNTIME_CLI_GENERATEOPTIONS_H
#define HEDDLE_RUNTIME_CLI_GENERATEOPTIONS_H

#include "runtime/cli/Flags.h"
#include "runtime/cli/GenerationConfig.h"
#include "runtime/generate/Generator.h"

namespace heddle::runtime {

/// Of --max-new-tokens.
inline constexpr int64_t kNewTokens = 1 << 24;

/// InvalidArgument that names a flag out of range, one without effect, or two that contradict each
/// other. Knows neither model nor executable: call it before anything that takes time.
Status checkGenerateFlags(const GenerateFlags &flags);

/// Flags that passed the check, and what the model says where a flag is not given. The ids that
/// begin and end an answer are the model's.
GenerateOptions generateOptions(const GenerateFlags &flags, const GenerationConfig &model = {});

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_CLI_GENERATEOPTIONS_H
