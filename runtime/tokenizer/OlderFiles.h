// SPDX-License-Identifier: Apache-2.0
// Tokenizers from before tokenizer.json, as the tokenizer.json that says the same.

#ifndef HEDDLE_RUNTIME_TOKENIZER_OLDERFILES_H
#define HEDDLE_RUNTIME_TOKENIZER_OLDERFILES_H

#include <functional>
#include <optional>
#include <string>

#include "runtime/base/Status.h"

namespace heddle::runtime {

/// tokenizer.model, spiece.model, vocab.json, merges.txt, vocab.txt.
bool isOlderTokenizerFile(const std::string &name);

using FileContent = std::function<StatusOr<std::optional<std::string>>(const std::string &name)>;

/// From the first of these among `files`, with what tokenizer_config.json says beside it; none
/// where there is no such file. `place` goes before the names of files in messages.
StatusOr<std::optional<std::string>> jsonOfOlderFiles(const FileContent &files,
                                                      const std::string &place);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TOKENIZER_OLDERFILES_H
