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

namespace heddle::runtime {

class Executable;

struct GenerationConfig {
  std::vector<int32_t> endIds; // eos_token_id, a number or a list of them
  /// Of encoder-decoders.
  std::optional<int32_t> decoderStart, forcedFirst, forcedLast;
  /// Keys of generation_config.json that would change answers in a way that no flag has.
  std::vector<std::string> notFollowed;
};

/// From the files in the executable; empty where it has none. InvalidArgument names file and key.
StatusOr<GenerationConfig> generationConfig(const Executable &executable);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_CLI_GENERATIONCONFIG_H
