// SPDX-License-Identifier: Apache-2.0
#include "runtime/generate/TokenRules.h"

#include <algorithm>

namespace heddle::runtime {
namespace {

using Tokens = std::vector<int32_t>;

void append(Tokens &to, const Tokens &tokens) { to.insert(to.end(), tokens.begin(), tokens.end()); }

/// What would complete a second run of `length` tokens.
void forbidRepeats(int64_t length, const Tokens &history, Tokens &forbidden) {
  const auto size = static_cast<int64_t>(history.size());
  if (length == 0 || size + 1 < length)
    return;
  const auto tail = history.end() - (length - 1);
  for (int64_t first = 0; first + length <= size; ++first)
    if (std::equal(tail, history.end(), history.begin() + first))
      forbidden.push_back(history[first + length - 1]);
}

/// An end is no bad word by itself.
void forbidWords(const TokenRules &rules, const Tokens &endIds, const Tokens &history,
                 Tokens &forbidden) {
  for (const Tokens &word : rules.badWords) {
    const size_t before = word.size() - 1;
    if (before == 0 && std::find(endIds.begin(), endIds.end(), word[0]) != endIds.end())
      continue;
    if (before <= history.size() &&
        std::equal(word.begin(), word.end() - 1, history.end() - static_cast<ptrdiff_t>(before)))
      forbidden.push_back(word.back());
  }
}

bool mayEnd(const TokenRules &rules, int64_t length, int64_t newTokens) {
  return rules.minNewTokens > 0 ? newTokens >= rules.minNewTokens : length >= rules.minLength;
}

} // namespace

NextTokens nextTokens(const TokenRules &rules, const Tokens &endIds, const Tokens &history,
                      int64_t newTokens, int64_t maxNewTokens) {
  NextTokens next;
  if (newTokens == 0 && history.size() == 1)
    next.forced = rules.forcedFirst;
  if (rules.forcedLast && newTokens + 1 == maxNewTokens)
    next.forced = rules.forcedLast;
  const auto length = static_cast<int64_t>(history.size());
  forbidRepeats(rules.noRepeatNgram, history, next.forbidden);
  forbidWords(rules, endIds, history, next.forbidden);
  if (!mayEnd(rules, length, newTokens))
    append(next.forbidden, endIds);
  append(next.forbidden, rules.suppressed);
  // Behind a start token and a forced one comes the first that is the model's own.
  const bool second = rules.forcedFirst && length - newTokens == 1;
  if (newTokens == (second ? 1 : 0))
    append(next.forbidden, rules.suppressedFirst);
  return next;
}

} // namespace heddle::runtime
