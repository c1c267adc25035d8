// SPDX-License-Identifier: Apache-2.0
#include "runtime/text/Tokenizer.h"

#include "runtime/base/Limits.h"
#include "runtime/io/Json.h"
#include "runtime/text/CharTokenizer.h"
#include "runtime/text/VocabularyTokenizer.h"

namespace heddle::runtime {
namespace {

class ByteTokenizer : public Tokenizer {
public:
  std::string kind() const override { return "bytes"; }
  int64_t vocabSize() const override { return 256; }
  StatusOr<std::vector<int32_t>> encode(std::string_view text, Framing) const override {
    std::vector<int32_t> ids(text.size());
    for (size_t i = 0; i < text.size(); ++i)
      ids[i] = static_cast<uint8_t>(text[i]);
    return ids;
  }
  std::string decode(const std::vector<int32_t> &ids) const override {
    std::string text;
    for (int32_t id : ids)
      if (id >= 0 && id < 256)
        text.push_back(static_cast<char>(id));
      else
        text += "\xEF\xBF\xBD";
    return text;
  }
  std::string toJson() const override { return "{\"type\": \"bytes\"}\n"; }
};

/// Does the text have the shape of a tokenizer.json rather than of one of our files?
bool hasModel(const JsonDocument &document) { return document.root.find("model") != nullptr; }

} // namespace

TextFrame Tokenizer::frame(bool pair) const {
  using enum FramePart::Kind;
  return pair ? TextFrame{{First}, {Second, 0, 1}} : TextFrame{{First}};
}

std::unique_ptr<Tokenizer> makeByteTokenizer() { return std::make_unique<ByteTokenizer>(); }

StatusOr<std::unique_ptr<Tokenizer>> parseTokenizer(std::string_view json,
                                                    const std::string &file) {
  HEDDLE_ASSIGN_OR_RETURN(JsonDocument document,
                          parseJson(json, file, limits::kTokenizerJsonBytes));
  if (hasModel(document) || file.ends_with(kVocabularyFile))
    return makeVocabularyTokenizer(std::string(json), document);
  HEDDLE_ASSIGN_OR_RETURN(std::string type, document.ref().getString("type"));
  if (type == "bytes")
    return makeByteTokenizer();
  if (type != "char")
    return invalidInput(file, ": key \"type\": \"", type,
                        "\" is no tokenizer, expected bytes or char");
  HEDDLE_ASSIGN_OR_RETURN(std::string characters, document.ref().getString("characters"));
  HEDDLE_ASSIGN_OR_RETURN(auto tokenizer, CharTokenizer::create(characters, file));
  if (tokenizer->characters() != characters)
    return invalidInput(file, ": key \"characters\": not distinct and in ascending order");
  return std::unique_ptr<Tokenizer>(std::move(tokenizer));
}

} // namespace heddle::runtime
