// SPDX-License-Identifier: Apache-2.0
// The text of an answer while it grows: where it stops, and what of it is certain already.

#ifndef HEDDLE_RUNTIME_GENERATE_ANSWERTEXT_H
#define HEDDLE_RUNTIME_GENERATE_ANSWERTEXT_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace heddle::runtime {

class Tokenizer;

/// Of one prompt's answers. The tokenizer and the stop texts outlive it; without a tokenizer text
/// is the ids with commas between, and there are no stop texts.
class AnswerText {
public:
  AnswerText(const Tokenizer *tokenizer, const std::vector<int32_t> &prompt,
             const std::vector<std::string> &stopTexts);

  /// Whether a stop text is in what follows the prompt. It may begin and end within tokens.
  bool stopped(const std::vector<int32_t> &ids) const;
  /// Of the ids alone, cut before the first stop text; empty without a tokenizer.
  std::string alone(const std::vector<int32_t> &ids) const;
  /// As it follows the prompt's text, cut: with the space that some tokenizers drop at the start.
  std::string afterPrompt(const std::vector<int32_t> &ids) const;
  /// How much of `text`, which is afterPrompt(ids), the tokenizer will not change whatever ids
  /// follow.
  size_t settledLength(const std::vector<int32_t> &ids, const std::string &text) const;

private:
  std::string uncut(const std::vector<int32_t> &ids) const;

  const Tokenizer *tokenizer_;
  const std::vector<int32_t> &prompt_;
  const std::vector<std::string> &stopTexts_;
  std::string promptText_;
};

/// How much of the text no further token can change: all but a character not yet complete (as bytes
/// or as U+FFFD), and an end that may turn out to be the beginning of a stop text.
size_t certainLength(std::string_view text, const std::vector<std::string> &stopTexts);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_GENERATE_ANSWERTEXT_H
