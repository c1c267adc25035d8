// SPDX-License-Identifier: Apache-2.0
// Tokenizers by the names of files, and made from text.
#include <algorithm>
#include <charconv>

#include "runtime/base/Limits.h"
#include "runtime/io/FileLayer.h"
#include "runtime/io/WholeFile.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/tokenizer/BytePairTrainer.h"
#include "runtime/tokenizer/OlderFiles.h"

namespace heddle::runtime {
namespace {

constexpr char kBytePairName[] = "bpe:";

/// N of "bpe:N".
StatusOr<int64_t> bytePairSize(const std::string &name) {
  const char *begin = name.data() + sizeof kBytePairName - 1, *end = name.data() + name.size();
  int64_t size = 0;
  auto [stop, error] = std::from_chars(begin, end, size);
  if (error != std::errc() || stop != end || size < kSmallestBytePairs ||
      size > limits::kTrainedVocabulary)
    return invalidInput("--tokenizer ", name, ": expected bpe:N with N from ", kSmallestBytePairs,
                        " (one a byte) to ", limits::kTrainedVocabulary);
  return size;
}

} // namespace

bool isMadeFromText(const std::string &name) {
  return name == "char" || name.starts_with(kBytePairName);
}

StatusOr<std::unique_ptr<Tokenizer>>
makeTextTokenizer(const std::string &name, std::string_view text, const std::string &file) {
  if (name == "char")
    return makeCharTokenizer(text, file);
  HEDDLE_ASSIGN_OR_RETURN(int64_t size, bytePairSize(name));
  HEDDLE_ASSIGN_OR_RETURN(std::string json, trainBytePairs(text, size));
  return parseTokenizer(json, kVocabularyFile);
}

bool isTokenizerFile(const std::string &name) {
  return name == kTokenizerFile || name == kVocabularyFile || isOlderTokenizerFile(name);
}

StatusOr<std::unique_ptr<Tokenizer>> tokenizerAmong(const FileLookup &files,
                                                    const std::string &place) {
  for (const char *name : {kTokenizerFile, kVocabularyFile}) {
    HEDDLE_ASSIGN_OR_RETURN(std::optional<std::string> json, files(name));
    if (json)
      return parseTokenizer(*json, place + name);
  }
  HEDDLE_ASSIGN_OR_RETURN(std::optional<std::string> json, jsonOfOlderFiles(files, place));
  if (!json)
    return std::unique_ptr<Tokenizer>();
  return parseTokenizer(*json, absl::StrCat(place, kVocabularyFile, " made from the files there"));
}

StatusOr<std::unique_ptr<Tokenizer>> folderTokenizer(FileLayer &layer, const std::string &folder) {
  return tokenizerAmong(
      [&](const std::string &name) -> StatusOr<std::optional<std::string>> {
        std::string path = joinPath(folder, name);
        HEDDLE_ASSIGN_OR_RETURN(bool there, layer.exists(path));
        if (!there)
          return std::optional<std::string>();
        HEDDLE_ASSIGN_OR_RETURN(std::string content,
                                readSmallFile(layer, path, limits::kTokenizerJsonBytes));
        return std::optional<std::string>(std::move(content));
      },
      joinPath(folder, ""));
}

StatusOr<std::unique_ptr<Tokenizer>> openTokenizer(FileLayer &layer, const std::string &name) {
  if (name == "bytes")
    return makeByteTokenizer();
  if (isMadeFromText(name))
    return invalidInput("--tokenizer ", name,
                        ": is made from the training text, so it goes with "
                        "train; a trained model carries its own");
  HEDDLE_ASSIGN_OR_RETURN(bool folder, layer.isFolder(name));
  HEDDLE_ASSIGN_OR_RETURN(bool there, layer.exists(name));
  if (folder) {
    HEDDLE_ASSIGN_OR_RETURN(auto tokenizer, folderTokenizer(layer, name));
    if (tokenizer)
      return tokenizer;
  } else if (there && isOlderTokenizerFile(baseName(name))) {
    // Such a file needs those beside it.
    return folderTokenizer(layer, parentFolder(name));
  } else if (there) {
    HEDDLE_ASSIGN_OR_RETURN(std::string json,
                            readSmallFile(layer, name, limits::kTokenizerJsonBytes));
    return parseTokenizer(json, name);
  }
  return invalidInput("--tokenizer ", name,
                      ": expected bytes, char, bpe:N, or a folder or file "
                      "with a ",
                      kVocabularyFile, " or ", kTokenizerFile);
}

} // namespace heddle::runtime
