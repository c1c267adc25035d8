// SPDX-License-Identifier: Apache-2.0
// Regular expressions of tokenizer.json, which are written for Oniguruma (Ruby's syntax), run by
// PCRE2's just-in-time compiler.

#ifndef HEDDLE_RUNTIME_TOKENIZER_REGEX_H
#define HEDDLE_RUNTIME_TOKENIZER_REGEX_H

#include <memory>
#include <string>
#include <string_view>

#include "runtime/base/Status.h"

namespace heddle::runtime {

/// `pattern` in PCRE2's syntax with the meaning that it has in Oniguruma: classes such as \s and \w
/// differ. What has no such form is an error that names it.
StatusOr<std::string> pcreFromOniguruma(std::string_view pattern);

/// A match, or none.
struct Match {
  bool found = false;
  size_t begin = 0, end = 0;
};

/// What matching writes to: one a thread.
class RegexScratch {
public:
  RegexScratch();
  ~RegexScratch();
  RegexScratch(RegexScratch &&) = delete;

private:
  friend class Regex;
  struct State;
  std::unique_ptr<State> state_;
};

/// Immutable: safe on all threads, each with its own scratch.
class Regex {
public:
  /// In Oniguruma's syntax. InvalidArgument says what is wrong with the pattern and where.
  static StatusOr<Regex> compile(std::string_view pattern);
  /// In PCRE2's own, for patterns of ours.
  static StatusOr<Regex> compilePcre(const std::string &pattern);

  /// The first match at or after `from` in `text`, which is UTF-8. InvalidArgument where matching
  /// takes more steps than a pattern that suits its text could.
  StatusOr<Match> find(std::string_view text, size_t from, RegexScratch &scratch) const;

private:
  explicit Regex(void *code);
  std::shared_ptr<void> code_;
  bool compiled_ = false; // to machine code
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TOKENIZER_REGEX_H
