// SPDX-License-Identifier: Apache-2.0
// Which tokens may come next, whatever their probability.

#ifndef HEDDLE_RUNTIME_GENERATE_TOKENRULES_H
#define HEDDLE_RUNTIME_GENERATE_TOKENRULES_H

#include <cstdint>
#include <optional>
#include <vector>

namespace heddle::runtime {

/// As Hugging Face transformers 5 reads the keys of generation_config.json. All ids are tokens of
/// the vocabulary.
struct TokenRules {
  /// The only token permitted behind a prompt of one token, and as the last of the longest answer.
  std::optional<int32_t> forcedFirst, forcedLast;
  /// No end before prompt and answer together, or the answer alone, are as long. Where
  /// minNewTokens is above 0, minLength does not count.
  int64_t minLength = 0, minNewTokens = 0;
  /// No N tokens of prompt and answer come a second time in this order; 0: they may.
  int64_t noRepeatNgram = 0;
  std::vector<std::vector<int32_t>> badWords;       // never as a whole; none is empty
  std::vector<int32_t> suppressed, suppressedFirst; // never; not as the first new token
};

struct NextTokens {
  std::optional<int32_t> forced; // this one, whatever is forbidden
  std::vector<int32_t> forbidden;
};

/// Behind `history`, prompt and answer, of which the last `newTokens` are the answer, where it may
/// grow to `maxNewTokens`. `endIds` end an answer.
NextTokens nextTokens(const TokenRules &rules, const std::vector<int32_t> &endIds,
                      const std::vector<int32_t> &history, int64_t newTokens, int64_t maxNewTokens);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_GENERATE_TOKENRULES_H
