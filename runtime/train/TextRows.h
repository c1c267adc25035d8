// SPDX-License-Identifier: Apache-2.0
// Texts as rows of T tokens: framed by the tokenizer's special tokens, cut where they are too long.

#ifndef HEDDLE_RUNTIME_TRAIN_TEXTROWS_H
#define HEDDLE_RUNTIME_TRAIN_TEXTROWS_H

#include <string_view>

#include "runtime/train/RowData.h"

namespace heddle::runtime {

class Tokenizer;

/// A row, and where its texts' tokens stand in it.
struct FramedTexts {
  Example example;
  size_t firstAt = 0, firstSize = 0, secondAt = 0, secondSize = 0;
};

/// Makes rows of one length with one tokenizer, and counts those that were cut.
class TextFramer {
public:
  /// InvalidArgument where the special tokens alone fill `seq` tokens.
  static StatusOr<TextFramer> create(const Tokenizer &tokenizer, int64_t seq, bool strict);

  /// The ids of a text alone. `place` is for messages.
  StatusOr<std::vector<int32_t>> encode(std::string_view text, const std::string &place) const;

  /// One text, or two, within `seq` tokens. Where they are longer the end of the longer one goes
  /// (InvalidArgument when strict), with `onlySecond` that of the second.
  StatusOr<FramedTexts> frame(std::vector<int32_t> first, const std::string &place);
  StatusOr<FramedTexts> frame(std::vector<int32_t> first, std::vector<int32_t> second,
                              const std::string &place, bool onlySecond = false);

  /// How many tokens are left for texts.
  int64_t room(bool pair) const;
  int64_t seq() const { return seq_; }
  uint64_t cut() const { return cut_; }
  /// Counts a row as cut, or refuses it when strict.
  Status countCut(uint64_t tokens, const std::string &place);
  const TextFrame &single() const { return single_; }

private:
  TextFramer(const Tokenizer &tokenizer, int64_t seq, bool strict);
  static FramedTexts assemble(const TextFrame &frame, const std::vector<int32_t> &first,
                              const std::vector<int32_t> &second);

  const Tokenizer *tokenizer_;
  TextFrame single_, pair_;
  int64_t seq_;
  bool strict_;
  uint64_t cut_ = 0;
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TRAIN_TEXTROWS_H
