// SPDX-License-Identifier: Apache-2.0
#include <functional>

#include "runtime/tokenizer/ByteAlphabet.h"
#include "runtime/tokenizer/Characters.h"
#include "runtime/tokenizer/Normalizer.h"
#include "runtime/tokenizer/ReadHelpers.h"
#include "runtime/tokenizer/Segments.h"

namespace heddle::runtime {
namespace {

/// A normalizer that never fails, as a function.
class SimpleNormalizer : public Normalizer {
public:
  using Function = std::function<void(NormalizedText &)>;
  explicit SimpleNormalizer(Function function) : function_(std::move(function)) {}
  Status apply(NormalizedText &text, Workspace &) const override {
    function_(text);
    return absl::OkStatus();
  }

private:
  Function function_;
};

std::unique_ptr<Normalizer> simple(SimpleNormalizer::Function function) {
  return std::make_unique<SimpleNormalizer>(std::move(function));
}

/// Each character becomes what fn(code, out) appends, which may be nothing.
template <typename Function> void mapCharacters(NormalizedText &text, Function fn) {
  std::string mapped;
  mapped.reserve(text.text.size());
  forEachCharacter(text.text, [&](Character c, size_t at) {
    fn(c.code, mapped);
    if (at == 0 && mapped.empty())
      text.front = false;
  });
  text.text = std::move(mapped);
}

void lowercase(NormalizedText &text) {
  mapCharacters(text, [](uint32_t code, std::string &out) {
    if (code < 0x80)
      out += static_cast<char>(code >= 'A' && code <= 'Z' ? code + 32 : code);
    else
      appendLowercase(code, out);
  });
}

template <typename Predicate> void removeCharacters(NormalizedText &text, Predicate drop) {
  mapCharacters(text, [&](uint32_t code, std::string &out) {
    if (!drop(code))
      appendCharacter(code, out);
  });
}

void cleanForBert(NormalizedText &text) {
  mapCharacters(text, [](uint32_t code, std::string &out) {
    bool layout = code == '\t' || code == '\n' || code == '\r';
    if (code == 0 || code == kReplacementCharacter || (isControl(code) && !layout))
      return;
    if (isSpace(code))
      out += ' ';
    else
      appendCharacter(code, out);
  });
}

void setIdeographsApart(NormalizedText &text) {
  mapCharacters(text, [](uint32_t code, std::string &out) {
    bool apart = isBertIdeograph(code);
    out += apart ? " " : "";
    appendCharacter(code, out);
    out += apart ? " " : "";
  });
}

void strip(NormalizedText &text, bool left, bool right) {
  std::string &s = text.text;
  size_t begin = 0, end = s.size();
  while (right && end > begin) {
    Character c = characterBefore(s, end);
    if (!isSpace(c.code))
      break;
    end -= c.length;
  }
  while (left && begin < end) {
    Character c = characterAt(s, begin);
    if (!isSpace(c.code))
      break;
    begin += c.length;
  }
  text.front = text.front && begin == 0;
  s = s.substr(begin, end - begin);
}

/// The clean-up of SentencePiece's nmt_* normalizations.
void cleanForTranslation(NormalizedText &text) {
  mapCharacters(text, [](uint32_t code, std::string &out) {
    bool removed = (code >= 0x1 && code <= 0x8) || code == 0xB || (code >= 0xE && code <= 0x1F) ||
                   code == 0x7F || code == 0x8F || code == 0x9F;
    bool space = code == 0x9 || code == 0xA || code == 0xC || code == 0xD || code == 0x1680 ||
                 (code >= 0x200B && code <= 0x200F) || code == 0x2028 || code == 0x2029 ||
                 code == 0x2581 || code == 0xFEFF || code == kReplacementCharacter;
    if (space)
      out += ' ';
    else if (!removed)
      appendCharacter(code, out);
  });
}

class ReplaceNormalizer : public Normalizer {
public:
  ReplaceNormalizer(Pattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  Status apply(NormalizedText &text, Workspace &workspace) const override {
    return pattern_.replace(text.text, content_, text.front, text.limit, workspace);
  }

private:
  Pattern pattern_;
  std::string content_;
};

class NormalizerSequence : public Normalizer {
public:
  explicit NormalizerSequence(std::vector<std::unique_ptr<Normalizer>> steps)
      : steps_(std::move(steps)) {}
  Status apply(NormalizedText &text, Workspace &workspace) const override {
    for (const auto &step : steps_)
      HEDDLE_RETURN_IF_ERROR(step->apply(text, workspace));
    return absl::OkStatus();
  }

private:
  std::vector<std::unique_ptr<Normalizer>> steps_;
};

StatusOr<std::unique_ptr<Normalizer>> readBert(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(
      json, {"type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"}));
  HEDDLE_ASSIGN_OR_RETURN(bool clean, json.getBool("clean_text"));
  HEDDLE_ASSIGN_OR_RETURN(bool ideographs, json.getBool("handle_chinese_chars"));
  HEDDLE_ASSIGN_OR_RETURN(bool lower, json.getBool("lowercase"));
  HEDDLE_ASSIGN_OR_RETURN(bool accents, json.getBool("strip_accents", lower));
  return simple([=](NormalizedText &text) {
    if (clean)
      cleanForBert(text);
    if (ideographs)
      setIdeographsApart(text);
    if (accents && !isAscii(text.text)) {
      text.text = normalizeUnicode(text.text, UnicodeForm::NFD);
      removeCharacters(text, isNonspacingMark);
    }
    if (lower)
      lowercase(text);
  });
}

StatusOr<std::unique_ptr<Normalizer>> readReplaceNormalizer(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type", "pattern", "content"}));
  HEDDLE_ASSIGN_OR_RETURN(JsonRef member, json.at("pattern"));
  HEDDLE_ASSIGN_OR_RETURN(Pattern pattern, Pattern::read(member));
  HEDDLE_ASSIGN_OR_RETURN(std::string content, json.getString("content"));
  return std::make_unique<ReplaceNormalizer>(std::move(pattern), std::move(content));
}

StatusOr<std::unique_ptr<Normalizer>> readSequenceOfNormalizers(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type", "normalizers"}));
  HEDDLE_ASSIGN_OR_RETURN(JsonRef member, json.at("normalizers"));
  HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> elements, member.asArray());
  std::vector<std::unique_ptr<Normalizer>> steps;
  for (const JsonRef &element : elements) {
    HEDDLE_ASSIGN_OR_RETURN(auto step, readNormalizer(element));
    steps.push_back(std::move(step));
  }
  return std::make_unique<NormalizerSequence>(std::move(steps));
}

StatusOr<std::unique_ptr<Normalizer>> readStripNormalizer(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type", "strip_left", "strip_right"}));
  HEDDLE_ASSIGN_OR_RETURN(bool left, json.getBool("strip_left"));
  HEDDLE_ASSIGN_OR_RETURN(bool right, json.getBool("strip_right"));
  return simple([=](NormalizedText &text) { strip(text, left, right); });
}

StatusOr<std::unique_ptr<Normalizer>> readPrepend(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type", "prepend"}));
  HEDDLE_ASSIGN_OR_RETURN(std::string prefix, json.getString("prepend"));
  return simple([=](NormalizedText &text) {
    if (!text.text.empty())
      text.text.insert(0, prefix);
  });
}

void spellBytes(NormalizedText &text) {
  std::string mapped;
  appendByteAlphabet(text.text, mapped);
  text.text = std::move(mapped);
}

} // namespace

StatusOr<std::unique_ptr<Normalizer>> readNormalizer(const JsonRef &json) {
  HEDDLE_ASSIGN_OR_RETURN(std::string type, typeOf(json));
  if (type == "BertNormalizer")
    return readBert(json);
  if (type == "Replace")
    return readReplaceNormalizer(json);
  if (type == "Sequence")
    return readSequenceOfNormalizers(json);
  if (type == "Strip")
    return readStripNormalizer(json);
  if (type == "Prepend")
    return readPrepend(json);
  if (type == "Precompiled")
    return readCharsMap(json);
  static constexpr std::pair<const char *, UnicodeForm> kForms[] = {{"NFC", UnicodeForm::NFC},
                                                                    {"NFD", UnicodeForm::NFD},
                                                                    {"NFKC", UnicodeForm::NFKC},
                                                                    {"NFKD", UnicodeForm::NFKD}};
  std::unique_ptr<Normalizer> normalizer;
  for (auto [name, form] : kForms)
    if (type == name)
      normalizer = simple(
          [form = form](NormalizedText &text) { text.text = normalizeUnicode(text.text, form); });
  if (type == "Lowercase")
    normalizer = simple(lowercase);
  else if (type == "StripAccents")
    normalizer = simple([](NormalizedText &text) { removeCharacters(text, isMark); });
  else if (type == "Nmt")
    normalizer = simple(cleanForTranslation);
  else if (type == "ByteLevel")
    normalizer = simple(spellBytes);
  if (!normalizer)
    return unknownType(json, "normalizer",
                       "NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, BertNormalizer, Replace, "
                       "Prepend, Strip, Nmt, Precompiled, ByteLevel, Sequence");
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type"}));
  return normalizer;
}

} // namespace heddle::runtime
