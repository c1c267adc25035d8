// SPDX-License-Identifier: Apache-2.0
#include "runtime/generate/AnswerText.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/text/Tokenizer.h"

namespace heddle::runtime {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

size_t firstStop(std::string_view text, const std::vector<std::string> &stopTexts) {
  size_t first = std::string_view::npos;
  for (const std::string &stop : stopTexts)
    first = std::min(first, text.find(stop));
  return first;
}

std::string cut(std::string text, const std::vector<std::string> &stopTexts) {
  if (size_t stop = firstStop(text, stopTexts); stop != std::string::npos)
    text.resize(stop);
  return text;
}

bool isContinuation(char c) { return (static_cast<uint8_t>(c) & 0xC0) == 0x80; }

/// Bytes that a character with this first byte has, as far as that byte tells.
size_t characterLength(char first) {
  auto lead = static_cast<uint8_t>(first);
  if (lead < 0xC2 || lead > 0xF4)
    return 1;
  return lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
}

/// Without a last character that more bytes would complete. Tokenizers that decode to valid UTF-8
/// have put U+FFFD in the place of such bytes, up to one for each of the three.
size_t completeLength(std::string_view text) {
  size_t end = text.size();
  for (int i = 0; i < 3 && text.substr(0, end).ends_with(kReplacement); ++i)
    end -= kReplacement.size();
  if (end < text.size())
    return end;
  for (size_t back = 1; back <= std::min<size_t>(3, end); ++back)
    if (!isContinuation(text[end - back]))
      return characterLength(text[end - back]) > back ? end - back : end;
  return end;
}

} // namespace

AnswerText::AnswerText(const Tokenizer *tokenizer, const std::vector<int32_t> &prompt,
                       const std::vector<std::string> &stopTexts)
    : tokenizer_(tokenizer), prompt_(prompt), stopTexts_(stopTexts),
      promptText_(tokenizer ? tokenizer->decode(prompt) : std::string()) {}

std::string AnswerText::uncut(const std::vector<int32_t> &ids) const {
  if (!tokenizer_) {
    std::string text;
    for (int32_t id : ids)
      absl::StrAppend(&text, text.empty() ? "" : ",", id);
    return text;
  }
  std::vector<int32_t> all = prompt_;
  all.insert(all.end(), ids.begin(), ids.end());
  std::string text = tokenizer_->decode(all);
  // A prompt of ids may end within a character, which the first new ids complete.
  return text.rfind(promptText_, 0) == 0 ? text.substr(promptText_.size())
                                         : tokenizer_->decode(ids);
}

bool AnswerText::stopped(const std::vector<int32_t> &ids) const {
  return !stopTexts_.empty() && firstStop(uncut(ids), stopTexts_) != std::string::npos;
}

std::string AnswerText::alone(const std::vector<int32_t> &ids) const {
  return tokenizer_ ? cut(tokenizer_->decode(ids), stopTexts_) : std::string();
}

std::string AnswerText::afterPrompt(const std::vector<int32_t> &ids) const {
  return cut(uncut(ids), stopTexts_);
}

size_t AnswerText::settledLength(const std::vector<int32_t> &ids, const std::string &text) const {
  size_t count = tokenizer_ ? tokenizer_->settled(ids) : ids.size();
  if (count == ids.size())
    return text.size();
  std::string settled = afterPrompt({ids.begin(), ids.begin() + static_cast<ptrdiff_t>(count)});
  size_t length = std::min(settled.size(), text.size());
  auto end = text.begin() + static_cast<ptrdiff_t>(length);
  return static_cast<size_t>(std::mismatch(text.begin(), end, settled.begin()).first -
                             text.begin());
}

size_t certainLength(std::string_view text, const std::vector<std::string> &stopTexts) {
  size_t complete = completeLength(text), certain = complete;
  for (const std::string &stop : stopTexts)
    for (size_t length = std::min(stop.size(), complete); length > 0; --length)
      if (text.substr(complete - length, length) == std::string_view(stop).substr(0, length)) {
        certain = std::min(certain, complete - length);
        break;
      }
  return certain;
}

} // namespace heddle::runtime
