// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_RUNTIME_TOKENIZER_TOKENDECODER_H
#define HEDDLE_RUNTIME_TOKENIZER_TOKENDECODER_H

#include <memory>
#include <string>
#include <vector>

#include "runtime/io/Json.h"
#include "runtime/tokenizer/Workspace.h"

namespace heddle::runtime {

/// One step of "decoder": tokens become other tokens, which in the end are text when they are
/// joined. Immutable: safe on all threads.
class TokenDecoder {
public:
  virtual ~TokenDecoder() = default;
  virtual void apply(std::vector<std::string> &tokens, Workspace &workspace) const = 0;
};

/// The byte that a token such as "<0x41>" stands for where bytes fall back on such tokens, or -1.
int fallbackByte(std::string_view token);
/// Does the decoder put these together? A run of them is text or not as a whole.
bool joinsFallbackBytes(const JsonRef &decoder);

/// The error names the key and value that are not supported.
StatusOr<std::unique_ptr<TokenDecoder>> readTokenDecoder(const JsonRef &json);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TOKENIZER_TOKENDECODER_H
