// SPDX-License-Identifier: Apache-2.0
#include "runtime/text/Tokenizer.h"

#include "runtime/base/Limits.h"
#include "runtime/io/FileLayer.h"
#include "runtime/io/Json.h"
#include "runtime/io/WholeFile.h"
#include "runtime/text/CharTokenizer.h"

namespace heddle::runtime {
namespace {

constexpr const char *kVocabularyFiles[] = {"tokenizer.json", "tokenizer.model", "vocab.json"};

class ByteTokenizer : public Tokenizer {
public:
  std::string kind() const override { return "bytes"; }
  int64_t vocabSize() const override { return 256; }
  StatusOr<std::vector<int32_t>> encode(std::string_view text) const override {
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

} // namespace

std::unique_ptr<Tokenizer> makeByteTokenizer() { return std::make_unique<ByteTokenizer>(); }

StatusOr<std::unique_ptr<Tokenizer>> parseTokenizer(std::string_view json,
                                                    const std::string &file) {
  HEDDLE_ASSIGN_OR_RETURN(JsonDocument document,
                          parseJson(json, file, limits::kTokenizerJsonBytes));
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

Status vocabularyTokenizerError(const std::string &file) {
  return invalidInput(file,
                      ": vocabulary tokenizers are not supported yet; give --tokenizer bytes, "
                      "or token ids instead of text");
}

StatusOr<std::unique_ptr<Tokenizer>> openTokenizer(FileLayer &layer, const std::string &name) {
  if (name == "bytes")
    return makeByteTokenizer();
  if (name == "char")
    return invalidInput("--tokenizer char: makes its characters from the training text, so it goes "
                        "with train; a trained model carries its own");
  if (name.rfind("bpe:", 0) == 0)
    return invalidInput("--tokenizer ", name,
                        ": vocabulary tokenizers are not supported yet, expected bytes or char");
  std::string path = name;
  HEDDLE_ASSIGN_OR_RETURN(bool folder, layer.isFolder(name));
  if (folder) {
    path = joinPath(name, kTokenizerFile);
    HEDDLE_ASSIGN_OR_RETURN(bool ours, layer.exists(path));
    for (const char *file : kVocabularyFiles) {
      HEDDLE_ASSIGN_OR_RETURN(bool theirs, layer.exists(joinPath(name, file)));
      if (!ours && theirs)
        return vocabularyTokenizerError(joinPath(name, file));
    }
  } else {
    for (const char *file : kVocabularyFiles)
      if (baseName(name) == file)
        return vocabularyTokenizerError(name);
  }
  HEDDLE_ASSIGN_OR_RETURN(bool there, layer.exists(path));
  if (!there)
    return invalidInput("--tokenizer ", name, ": expected bytes, char, or a folder or file with a ",
                        kTokenizerFile);
  HEDDLE_ASSIGN_OR_RETURN(std::string json,
                          readSmallFile(layer, path, limits::kTokenizerJsonBytes));
  return parseTokenizer(json, path);
}

} // namespace heddle::runtime
