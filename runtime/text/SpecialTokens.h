// SPDX-License-Identifier: Apache-2.0
// Tokens with a part to play: which one masks, which one pads.

#ifndef HEDDLE_RUNTIME_TEXT_SPECIALTOKENS_H
#define HEDDLE_RUNTIME_TEXT_SPECIALTOKENS_H

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/text/Tokenizer.h"

namespace heddle::runtime {

struct SpecialTokens {
  std::optional<int32_t> mask, pad, end; // end: of a text, "</s>"
};

/// As tokenizer_config.json or special_tokens_map.json among `files` says ("mask_token"), else the
/// tokenizer's special tokens of the usual names ("[MASK]", "<mask>"). A token that is named and
/// not there is an error; `place` goes before file names.
StatusOr<SpecialTokens> specialTokensOf(const Tokenizer &tokenizer, const FileLookup &files,
                                        const std::string &place);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TEXT_SPECIALTOKENS_H
