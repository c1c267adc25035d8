// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_RUNTIME_TOKENIZER_BYTEPAIRTRAINER_H
#define HEDDLE_RUNTIME_TOKENIZER_BYTEPAIRTRAINER_H

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/Status.h"

namespace heddle::runtime {

/// One token a byte.
inline constexpr int64_t kSmallestBytePairs = 256;

/// Trains a byte-level BPE of at most `size` tokens on `text` and returns its tokenizer.json:
/// GPT-2's words, line by line, without a space put before them. The merges are those that the
/// trainer of the `tokenizers` package finds in the same text with the byte alphabet as its initial
/// one: the most frequent pair first, of equals that with the smaller ids. What is not UTF-8 counts
/// as U+FFFD. Fewer tokens where the text has no more pairs.
StatusOr<std::string> trainBytePairs(std::string_view text, int64_t size);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TOKENIZER_BYTEPAIRTRAINER_H
