// SPDX-License-Identifier: Apache-2.0
#include "runtime/cli/Prompts.h"

#include <algorithm>
#include <bit>
#include <charconv>

#include "runtime/cli/OpenModel.h"

namespace heddle::runtime {
namespace {

StatusOr<std::vector<int32_t>> parseIds(const std::string &text, int64_t vocabSize) {
  std::vector<int32_t> ids;
  const char *at = text.data(), *end = at + text.size();
  while (true) {
    int32_t id = 0;
    auto [next, error] = std::from_chars(at, end, id);
    if (error != std::errc() || (next != end && *next != ','))
      return invalidInput("--prompt-ids ", text, ": expected numbers as 1,2,3");
    if (id < 0 || id >= vocabSize)
      return invalidInput("--prompt-ids: token ", id, " is outside the vocabulary of ", vocabSize);
    ids.push_back(id);
    if (next == end)
      return ids;
    at = next + 1;
  }
}

/// A cache for more new tokens than that must be asked for by --seq: it takes memory whether or not
/// an answer grows that long.
constexpr int64_t kMostRoom = 4096;

/// At most a quarter more than `tokens` beyond the first step.
int64_t roundedLength(int64_t tokens, int64_t longest) {
  constexpr uint64_t kLeastStep = 64;
  auto step =
      static_cast<int64_t>(std::max(kLeastStep, std::bit_floor(static_cast<uint64_t>(tokens)) / 4));
  int64_t rounded = (tokens + step - 1) / step * step;
  return longest > 0 ? std::min(rounded, longest) : rounded;
}

} // namespace

StatusOr<std::vector<std::vector<int32_t>>>
readPrompts(const GenerateFlags &flags, const Tokenizer *tokenizer, int64_t vocabSize) {
  std::vector<std::vector<int32_t>> prompts;
  for (size_t i = 0; i < flags.prompts.size(); ++i) {
    auto ids = tokenizer->encode(flags.prompts[i], Framing::Special);
    if (!ids.ok())
      return withContext(ids.status(), absl::StrCat("prompt ", i + 1));
    prompts.push_back(*std::move(ids));
  }
  for (const std::string &text : flags.promptIds) {
    HEDDLE_ASSIGN_OR_RETURN(std::vector<int32_t> ids, parseIds(text, vocabSize));
    prompts.push_back(std::move(ids));
  }
  return prompts;
}

StatusOr<BatchShape> promptShape(FileLayer &layer, const GenerateFlags &flags,
                                 const FileLookup &files, const PromptLimits &limits) {
  constexpr int64_t kMostRows = 16;
  std::unique_ptr<Tokenizer> tokenizer;
  if (!flags.prompts.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(tokenizer,
                            tokenizerToCompileFor(layer, flags.tokenizer, files, flags.model));
  }
  // Which ids the model knows is checked where they are used.
  HEDDLE_ASSIGN_OR_RETURN(auto prompts, readPrompts(flags, tokenizer.get(), INT32_MAX));
  int64_t longest = 1;
  for (const std::vector<int32_t> &prompt : prompts)
    longest = std::max(longest, static_cast<int64_t>(prompt.size()));
  BatchShape shape;
  shape.batch = flags.beams * std::min(static_cast<int64_t>(prompts.size()),
                                       std::max<int64_t>(1, kMostRows / flags.beams));
  if (limits.encoderDecoder) {
    shape.sourceSeq = roundedLength(longest, limits.sourceSeq);
    longest = 1; // the token that an answer starts from
  }
  shape.seq = roundedLength(longest + std::min(flags.maxNewTokens, kMostRoom), limits.seq);
  return shape;
}

} // namespace heddle::runtime
