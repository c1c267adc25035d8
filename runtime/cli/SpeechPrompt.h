// SPDX-License-Identifier: Apache-2.0
// What a decoder of speech reads before it writes: the language, the task, and that no timestamps
// are wanted (arXiv:2212.04356).

#ifndef HEDDLE_RUNTIME_CLI_SPEECHPROMPT_H
#define HEDDLE_RUNTIME_CLI_SPEECHPROMPT_H

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/Status.h"

namespace heddle::runtime {

class Executable;

/// What a folder says of it, in generation_config.json. All ids are tokens of the vocabulary.
struct SpeechTokens {
  bool multilingual = true;                 // is_multilingual
  std::map<std::string, int32_t> languages; // lang_to_id: by "<|en|>"
  std::map<std::string, int32_t> tasks;     // task_to_id: by "transcribe"
  std::optional<int32_t> noTimestamps;      // no_timestamps_token_id
  std::string language, task;               // what it asks for; "": nothing
  /// forced_decoder_ids from position 1 on, those of config.json where there are no others; none at
  /// a place that the language is for.
  std::vector<std::optional<int32_t>> forced;
};

/// From the files in the executable; empty where it has none. InvalidArgument names file and key.
StatusOr<SpeechTokens> speechTokens(const Executable &executable);

struct DecoderPrompt {
  std::vector<int32_t> tokens;
  /// If there are any: the likeliest of them belongs behind the first token.
  std::vector<int32_t> choices;
};

/// As Hugging Face transformers 5 makes it. `language` ("en", "<|en|>", "English") and `task` are
/// flags, which come before the folder's; "": not given. InvalidArgument lists what there is to
/// choose from.
StatusOr<DecoderPrompt> decoderPrompt(int32_t start, const SpeechTokens &folder,
                                      const std::string &language, const std::string &task);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_CLI_SPEECHPROMPT_H
