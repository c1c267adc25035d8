// SPDX-License-Identifier: Apache-2.0
// What a Hugging Face folder says of generation: generation_config.json, or config.json before
// there was one.

#ifndef HEDDLE_RUNTIME_CLI_GENERATIONCONFIG_H
#define HEDDLE_RUNTIME_CLI_GENERATIONCONFIG_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/Status.h"
#include "runtime/generate/BeamSearch.h"
#include "runtime/generate/Sampler.h"

namespace heddle::runtime {

class Executable;

inline constexpr char kGenerationFile[] = "generation_config.json";

struct GenerationConfig {
  std::vector<int32_t> endIds;         // eos_token_id, a number or a list of them
  std::optional<int32_t> decoderStart; // of encoder-decoders, as the forced tokens are
  TokenRules rules;
  /// What flags say too, for where they do not. All of `sampling` but the repetition penalty is for
  /// who `samples` (do_sample).
  SamplingOptions sampling;
  bool samples = false;
  double lengthPenalty = 1;
  EarlyStopping earlyStopping = EarlyStopping::WhenUnlikely;
  /// Keys that would change answers and are left out, and the file that has them.
  std::vector<std::string> notFollowed;
  std::string file;
};

/// "false", "true" or "never"; nothing for another text.
std::optional<EarlyStopping> earlyStoppingOf(std::string_view text);

/// From the files in the executable; empty where it has none. InvalidArgument names file and key.
StatusOr<GenerationConfig> generationConfig(const Executable &executable);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_CLI_GENERATIONCONFIG_H
