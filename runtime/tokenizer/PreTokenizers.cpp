// SPDX-License-Identifier: Apache-2.0
#include "runtime/tokenizer/ByteAlphabet.h"
#include "runtime/tokenizer/Characters.h"
#include "runtime/tokenizer/PreTokenizer.h"
#include "runtime/tokenizer/ReadHelpers.h"
#include "runtime/tokenizer/Segments.h"

namespace heddle::runtime {
namespace {

/// GPT-2's pattern, \s as in Oniguruma.
constexpr char kByteLevelPattern[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\p{Z}\\t-\\r\\x{85}\\p{L}\\p{N}]+|"
    "[\\p{Z}\\t-\\r\\x{85}]+(?![^\\p{Z}\\t-\\r\\x{85}])|[\\p{Z}\\t-\\r\\x{85}]+";

/// Words as Unicode's regular expressions have them, else runs of neither words nor spaces.
constexpr char kWhitespacePattern[] =
    "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}]+|"
    "[^\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}\\p{Z}\\t-\\r\\x{85}]+";

/// Sends the parts of `piece` that a merger makes of segments.
class PartSink {
public:
  PartSink(Piece piece, PieceSink sink) : piece_(piece), sink_(sink) {}
  Status operator()(size_t begin, size_t end) const {
    return sink_({piece_.text.substr(begin, end - begin), piece_.front && begin == 0});
  }

private:
  Piece piece_;
  PieceSink sink_;
};

class SplitPreTokenizer : public PreTokenizer {
public:
  SplitPreTokenizer(Pattern pattern, SplitBehavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}

  Status apply(Piece piece, Workspace &workspace, PieceSink sink) const override {
    PartSink parts(piece, sink);
    SegmentMerger merger(behavior_, parts);
    HEDDLE_RETURN_IF_ERROR(pattern_.segments(piece.text, workspace, [&](Segment segment) {
      segment.match = segment.match != invert_;
      return merger.add(segment);
    }));
    return merger.finish();
  }

private:
  Pattern pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

/// Each character of a class is a match of its own.
class ClassPreTokenizer : public PreTokenizer {
public:
  using Predicate = bool (*)(uint32_t code, uint32_t wanted);
  ClassPreTokenizer(Predicate matches, SplitBehavior behavior, uint32_t wanted = 0)
      : matches_(matches), behavior_(behavior), wanted_(wanted) {}

  Status apply(Piece piece, Workspace &, PieceSink sink) const override {
    PartSink parts(piece, sink);
    SegmentMerger merger(behavior_, parts);
    size_t done = 0;
    for (size_t at = 0; at < piece.text.size();) {
      Character c = characterAt(piece.text, at);
      if (matches_(c.code, wanted_)) {
        if (done < at)
          HEDDLE_RETURN_IF_ERROR(merger.add({done, at, false}));
        done = at + c.length;
        HEDDLE_RETURN_IF_ERROR(merger.add({at, done, true}));
      }
      at += c.length;
    }
    if (done < piece.text.size())
      HEDDLE_RETURN_IF_ERROR(merger.add({done, piece.text.size(), false}));
    return merger.finish();
  }

private:
  Predicate matches_;
  SplitBehavior behavior_;
  uint32_t wanted_;
};

class ByteLevelPreTokenizer : public PreTokenizer {
public:
  ByteLevelPreTokenizer(std::optional<Pattern> pattern, bool addPrefixSpace)
      : pattern_(std::move(pattern)), addPrefixSpace_(addPrefixSpace) {}

  Status apply(Piece piece, Workspace &workspace, PieceSink sink) const override {
    std::string prefixed;
    if (addPrefixSpace_ && !piece.text.starts_with(' ')) {
      prefixed = " ";
      prefixed += piece.text;
      piece.text = prefixed;
    }
    std::string spelled;
    auto give = [&](Segment segment) {
      spelled.clear();
      appendByteAlphabet(piece.text.substr(segment.begin, segment.end - segment.begin), spelled);
      return sink({spelled, piece.front && segment.begin == 0});
    };
    if (!pattern_)
      return give({0, piece.text.size(), true});
    return pattern_->segments(piece.text, workspace, give);
  }

private:
  std::optional<Pattern> pattern_;
  bool addPrefixSpace_;
};

class MetaspacePreTokenizer : public PreTokenizer {
public:
  MetaspacePreTokenizer(uint32_t replacement, PrependScheme scheme, bool split)
      : scheme_(scheme), split_(split) {
    appendCharacter(replacement, replacement_);
  }

  Status apply(Piece piece, Workspace &, PieceSink sink) const override {
    std::string text;
    text.reserve(piece.text.size() + 16);
    bool prepend =
        scheme_ == PrependScheme::Always || (scheme_ == PrependScheme::First && piece.front);
    if (prepend && !piece.text.starts_with(' ') && !piece.text.starts_with(replacement_))
      text += replacement_;
    for (char byte : piece.text)
      if (byte == ' ')
        text += replacement_;
      else
        text += byte;
    if (!split_)
      return sink({text, piece.front});
    // Each replacement begins a piece.
    for (size_t begin = 0; begin < text.size();) {
      size_t end = std::min(text.find(replacement_, begin + 1), text.size());
      HEDDLE_RETURN_IF_ERROR(
          sink({std::string_view(text).substr(begin, end - begin), piece.front && begin == 0}));
      begin = end;
    }
    return absl::OkStatus();
  }

private:
  std::string replacement_;
  PrependScheme scheme_;
  bool split_;
};

class PreTokenizerSequence : public PreTokenizer {
public:
  explicit PreTokenizerSequence(std::vector<std::unique_ptr<PreTokenizer>> steps)
      : steps_(std::move(steps)) {}
  Status apply(Piece piece, Workspace &workspace, PieceSink sink) const override {
    return applyFrom(0, piece, workspace, sink);
  }

private:
  Status applyFrom(size_t step, Piece piece, Workspace &workspace, PieceSink sink) const {
    if (step == steps_.size())
      return sink(piece);
    return steps_[step]->apply(
        piece, workspace, [&](Piece part) { return applyFrom(step + 1, part, workspace, sink); });
  }
  std::vector<std::unique_ptr<PreTokenizer>> steps_;
};

bool isDigit(uint32_t code, uint32_t) { return isNumeric(code); }
bool isMarkOfPunctuation(uint32_t code, uint32_t) { return isPunctuation(code); }
bool isWhite(uint32_t code, uint32_t) { return isSpace(code); }
bool isSame(uint32_t code, uint32_t wanted) { return code == wanted; }

StatusOr<std::unique_ptr<PreTokenizer>> readSequenceOfPreTokenizers(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type", "pretokenizers"}));
  HEDDLE_ASSIGN_OR_RETURN(JsonRef member, json.at("pretokenizers"));
  HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> elements, member.asArray());
  std::vector<std::unique_ptr<PreTokenizer>> steps;
  for (const JsonRef &element : elements) {
    HEDDLE_ASSIGN_OR_RETURN(auto step, readPreTokenizer(element));
    steps.push_back(std::move(step));
  }
  // Each piece goes through all steps before the next: they are calls within calls.
  if (steps.size() > limits::kPreTokenizers)
    return member.error(absl::StrCat(steps.size(), " pre-tokenizers, more than the limit of ",
                                     limits::kPreTokenizers));
  return std::make_unique<PreTokenizerSequence>(std::move(steps));
}

StatusOr<std::unique_ptr<PreTokenizer>> readByteLevel(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(
      expectKeys(json, {"type", "add_prefix_space", "trim_offsets", "use_regex"}));
  HEDDLE_ASSIGN_OR_RETURN(bool prefix, json.getBool("add_prefix_space"));
  HEDDLE_ASSIGN_OR_RETURN(bool useRegex, json.getBool("use_regex", true));
  return makeByteLevelPreTokenizer(prefix, useRegex);
}

StatusOr<std::unique_ptr<PreTokenizer>> readMetaspace(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(
      json, {"type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"}));
  HEDDLE_ASSIGN_OR_RETURN(uint32_t replacement, getCharacter(json, "replacement"));
  HEDDLE_ASSIGN_OR_RETURN(PrependScheme scheme, readPrependScheme(json));
  HEDDLE_ASSIGN_OR_RETURN(bool split, json.getBool("split", true));
  return std::make_unique<MetaspacePreTokenizer>(replacement, scheme, split);
}

StatusOr<std::unique_ptr<PreTokenizer>> readSplit(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type", "pattern", "behavior", "invert"}));
  HEDDLE_ASSIGN_OR_RETURN(JsonRef member, json.at("pattern"));
  HEDDLE_ASSIGN_OR_RETURN(Pattern pattern, Pattern::read(member));
  HEDDLE_ASSIGN_OR_RETURN(SplitBehavior behavior, readBehavior(json, "behavior"));
  HEDDLE_ASSIGN_OR_RETURN(bool invert, json.getBool("invert", false));
  return std::make_unique<SplitPreTokenizer>(std::move(pattern), behavior, invert);
}

StatusOr<std::unique_ptr<PreTokenizer>> readDigits(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type", "individual_digits"}));
  HEDDLE_ASSIGN_OR_RETURN(bool individual, json.getBool("individual_digits", false));
  return std::make_unique<ClassPreTokenizer>(isDigit, individual ? SplitBehavior::Isolated
                                                                 : SplitBehavior::Contiguous);
}

StatusOr<std::unique_ptr<PreTokenizer>> readPunctuation(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type", "behavior"}));
  HEDDLE_ASSIGN_OR_RETURN(SplitBehavior behavior,
                          readBehavior(json, "behavior", SplitBehavior::Isolated));
  return std::make_unique<ClassPreTokenizer>(isMarkOfPunctuation, behavior);
}

StatusOr<std::unique_ptr<PreTokenizer>> readDelimiter(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type", "delimiter"}));
  HEDDLE_ASSIGN_OR_RETURN(uint32_t delimiter, getCharacter(json, "delimiter"));
  return std::make_unique<ClassPreTokenizer>(isSame, SplitBehavior::Removed, delimiter);
}

} // namespace

StatusOr<std::unique_ptr<PreTokenizer>> makeByteLevelPreTokenizer(bool addPrefixSpace,
                                                                  bool splitsWords) {
  std::optional<Pattern> pattern;
  if (splitsWords) {
    HEDDLE_ASSIGN_OR_RETURN(Regex regex, Regex::compilePcre(kByteLevelPattern));
    pattern = Pattern(std::move(regex));
  }
  return std::make_unique<ByteLevelPreTokenizer>(std::move(pattern), addPrefixSpace);
}

StatusOr<PrependScheme> readPrependScheme(const JsonRef &json) {
  auto member = json.find("prepend_scheme");
  if (!member) {
    HEDDLE_ASSIGN_OR_RETURN(bool prefix, json.getBool("add_prefix_space", true));
    return prefix ? PrependScheme::Always : PrependScheme::Never;
  }
  HEDDLE_ASSIGN_OR_RETURN(std::string name, member->asString());
  if (name == "always")
    return PrependScheme::Always;
  if (name == "first")
    return PrependScheme::First;
  if (name == "never")
    return PrependScheme::Never;
  return member->error(absl::StrCat(member->value().describe(),
                                    " is not supported, expected always, first or never"));
}

StatusOr<std::unique_ptr<PreTokenizer>> readPreTokenizer(const JsonRef &json) {
  HEDDLE_ASSIGN_OR_RETURN(std::string type, typeOf(json));
  if (type == "Sequence")
    return readSequenceOfPreTokenizers(json);
  if (type == "ByteLevel")
    return readByteLevel(json);
  if (type == "Metaspace")
    return readMetaspace(json);
  if (type == "Split")
    return readSplit(json);
  if (type == "Digits")
    return readDigits(json);
  if (type == "Punctuation")
    return readPunctuation(json);
  if (type == "CharDelimiterSplit")
    return readDelimiter(json);
  std::unique_ptr<PreTokenizer> made;
  if (type == "Whitespace") {
    HEDDLE_ASSIGN_OR_RETURN(Regex regex, Regex::compilePcre(kWhitespacePattern));
    made = std::make_unique<SplitPreTokenizer>(Pattern(std::move(regex)), SplitBehavior::Removed,
                                               true);
  } else if (type == "WhitespaceSplit") {
    made = std::make_unique<ClassPreTokenizer>(isWhite, SplitBehavior::Removed);
  } else if (type == "BertPreTokenizer") {
    std::vector<std::unique_ptr<PreTokenizer>> steps;
    steps.push_back(std::make_unique<ClassPreTokenizer>(isWhite, SplitBehavior::Removed));
    steps.push_back(
        std::make_unique<ClassPreTokenizer>(isMarkOfPunctuation, SplitBehavior::Isolated));
    made = std::make_unique<PreTokenizerSequence>(std::move(steps));
  }
  if (!made)
    return unknownType(json, "pre-tokenizer",
                       "ByteLevel, Split, Digits, Punctuation, Whitespace, WhitespaceSplit, "
                       "BertPreTokenizer, Metaspace, CharDelimiterSplit, Sequence");
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type"}));
  return made;
}

} // namespace heddle::runtime
