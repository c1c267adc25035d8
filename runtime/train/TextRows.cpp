// SPDX-License-Identifier: Apache-2.0
#include "runtime/train/TextRows.h"

#include <algorithm>

#include "runtime/text/Tokenizer.h"

namespace heddle::runtime {
namespace {

int64_t specialCount(const TextFrame &frame) {
  return std::count_if(frame.begin(), frame.end(),
                       [](const FramePart &part) { return part.kind == FramePart::Kind::Token; });
}

/// How many tokens two texts keep of a room for both: the longer one gives way first, then both.
void shareRoom(size_t room, size_t &first, size_t &second) {
  size_t &shorter = first <= second ? first : second;
  size_t &longer = first <= second ? second : first;
  if (shorter + longer <= room)
    return;
  longer = shorter > room ? shorter : std::max(shorter, room - shorter);
  if (shorter + longer <= room)
    return;
  shorter = room / 2;
  longer = shorter + room % 2;
}

} // namespace

TextFramer::TextFramer(const Tokenizer &tokenizer, int64_t seq, bool strict)
    : tokenizer_(&tokenizer), single_(tokenizer.frame(false)), pair_(tokenizer.frame(true)),
      seq_(seq), strict_(strict) {}

StatusOr<TextFramer> TextFramer::create(const Tokenizer &tokenizer, int64_t seq, bool strict) {
  TextFramer framer(tokenizer, seq, strict);
  if (framer.room(false) < 1)
    return invalidInput("--seq ", seq, ": the tokenizer's ", specialCount(framer.single_),
                        " special tokens leave no room for text");
  return framer;
}

int64_t TextFramer::room(bool pair) const { return seq_ - specialCount(pair ? pair_ : single_); }

StatusOr<std::vector<int32_t>> TextFramer::encode(std::string_view text,
                                                  const std::string &place) const {
  auto ids = tokenizer_->encode(text, Framing::None);
  return ids.ok() ? std::move(ids) : withContext(ids.status(), place);
}

Status TextFramer::countCut(uint64_t tokens, const std::string &place) {
  if (strict_)
    return invalidInput(place, ": ", tokens, " tokens, the sequence takes ", seq_,
                        "; without --strict it is cut");
  ++cut_;
  return absl::OkStatus();
}

FramedTexts TextFramer::assemble(const TextFrame &frame, const std::vector<int32_t> &first,
                                 const std::vector<int32_t> &second) {
  FramedTexts framed{{}, 0, first.size(), 0, second.size()};
  Example &example = framed.example;
  for (const FramePart &part : frame) {
    if (part.kind == FramePart::Kind::Token) {
      example.ids.push_back(part.id);
    } else {
      const bool isFirst = part.kind == FramePart::Kind::First;
      const std::vector<int32_t> &text = isFirst ? first : second;
      (isFirst ? framed.firstAt : framed.secondAt) = example.ids.size();
      example.ids.insert(example.ids.end(), text.begin(), text.end());
    }
    example.types.resize(example.ids.size(), part.type);
  }
  return framed;
}

StatusOr<FramedTexts> TextFramer::frame(std::vector<int32_t> first, const std::string &place) {
  const auto longest = static_cast<size_t>(room(false));
  if (first.size() > longest) {
    HEDDLE_RETURN_IF_ERROR(
        countCut(first.size() + single_.size() - 1, place)); // all but the text are tokens
    first.resize(longest);
  }
  return assemble(single_, first, {});
}

StatusOr<FramedTexts> TextFramer::frame(std::vector<int32_t> first, std::vector<int32_t> second,
                                        const std::string &place, bool onlySecond) {
  if (pair_.empty())
    return invalidInput(place, ": the tokenizer does not say how two texts stand together (key "
                               "\"post_processor.pair\")");
  const int64_t longest = room(true);
  if (longest < 2)
    return invalidInput("--seq ", seq_, ": the tokenizer's ", specialCount(pair_),
                        " special tokens leave no room for two texts");
  size_t keptFirst = first.size(), keptSecond = second.size();
  if (onlySecond && keptFirst < static_cast<size_t>(longest))
    keptSecond = std::min(keptSecond, static_cast<size_t>(longest) - keptFirst);
  else
    shareRoom(static_cast<size_t>(longest), keptFirst, keptSecond);
  if (keptFirst < first.size() || keptSecond < second.size())
    HEDDLE_RETURN_IF_ERROR(
        countCut(first.size() + second.size() + static_cast<uint64_t>(specialCount(pair_)), place));
  first.resize(keptFirst);
  second.resize(keptSecond);
  return assemble(pair_, first, second);
}

} // namespace heddle::runtime
