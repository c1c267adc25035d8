// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_RUNTIME_TEXT_VOCABULARYTOKENIZER_H
#define HEDDLE_RUNTIME_TEXT_VOCABULARYTOKENIZER_H

#include "runtime/io/Json.h"
#include "runtime/text/Tokenizer.h"

namespace heddle::runtime {

/// The tokenizer that a tokenizer.json describes: `json` is its text, `document` the same parsed.
StatusOr<std::unique_ptr<Tokenizer>> makeVocabularyTokenizer(std::string json,
                                                             const JsonDocument &document);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TEXT_VOCABULARYTOKENIZER_H
