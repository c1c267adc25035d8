// SPDX-License-Identifier: Apache-2.0
// Text to token ids and back.

#ifndef HEDDLE_RUNTIME_TEXT_TOKENIZER_H
#define HEDDLE_RUNTIME_TEXT_TOKENIZER_H

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/Status.h"

namespace heddle::runtime {

class FileLayer;

/// The file that holds one of our tokenizers, in model folders and executables.
inline constexpr char kTokenizerFile[] = "tokenizer.heddle.json";

/// Immutable: safe on all threads.
class Tokenizer {
public:
  virtual ~Tokenizer() = default;
  /// What --tokenizer calls it: "bytes", "char".
  virtual std::string kind() const = 0;
  /// Ids are in [0, vocabSize()).
  virtual int64_t vocabSize() const = 0;
  /// InvalidArgument that names what cannot be encoded and its byte offset.
  virtual StatusOr<std::vector<int32_t>> encode(std::string_view text) const = 0;
  /// Ids that stand for nothing (a model's vocabulary may be larger) become U+FFFD.
  virtual std::string decode(const std::vector<int32_t> &ids) const = 0;
  /// The content of kTokenizerFile.
  virtual std::string toJson() const = 0;
};

/// Ids are bytes: 256 of them, any text.
std::unique_ptr<Tokenizer> makeByteTokenizer();

/// Ids number the distinct characters (Unicode code points) of `text` in their order. Text that is
/// not UTF-8 is an error with its byte offset, an empty one too. `name` is for messages.
StatusOr<std::unique_ptr<Tokenizer>> makeCharTokenizer(std::string_view text,
                                                       const std::string &name);

/// What toJson() wrote; `file` is its name for messages.
StatusOr<std::unique_ptr<Tokenizer>> parseTokenizer(std::string_view json, const std::string &file);

/// What --tokenizer names: "bytes", a file made by toJson(), or a folder with one. "char" needs
/// text: see makeCharTokenizer. "bpe:N", and files of vocabulary tokenizers (tokenizer.json,
/// tokenizer.model, vocab.json), are errors that say that they are not supported yet.
StatusOr<std::unique_ptr<Tokenizer>> openTokenizer(FileLayer &layer, const std::string &name);

/// The error for a model that brings a vocabulary tokenizer. `file` names it.
Status vocabularyTokenizerError(const std::string &file);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TEXT_TOKENIZER_H
