// SPDX-License-Identifier: Apache-2.0
// Text to token ids and back.

#ifndef HEDDLE_RUNTIME_TEXT_TOKENIZER_H
#define HEDDLE_RUNTIME_TEXT_TOKENIZER_H

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/Status.h"
#include "runtime/tokenizer/TextFrame.h"

namespace heddle::runtime {

class FileLayer;

/// The file that holds a byte or character tokenizer, in model folders and executables.
inline constexpr char kTokenizerFile[] = "tokenizer.heddle.json";
/// That of all others, as Hugging Face's `tokenizers` writes it.
inline constexpr char kVocabularyFile[] = "tokenizer.json";

/// What comes with the ids of the text itself, where the tokenizer has such rules.
enum class Framing {
  None,    // nothing: the text is a part of something longer
  Special, // the special tokens of a whole input, such as [CLS] or <s>
  Full,    // these, and cut and padded as the tokenizer's file says
};

/// Immutable: safe on all threads.
class Tokenizer {
public:
  virtual ~Tokenizer() = default;
  /// "bytes", "char", "bpe", "wordpiece", "wordlevel", "unigram".
  virtual std::string kind() const = 0;
  /// Ids are in [0, vocabSize()).
  virtual int64_t vocabSize() const = 0;
  /// InvalidArgument that names what cannot be encoded and where.
  virtual StatusOr<std::vector<int32_t>> encode(std::string_view text,
                                                Framing framing = Framing::None) const = 0;
  /// Without special tokens. Of ids that stand for nothing (a model's vocabulary may be larger)
  /// bytes and characters make U+FFFD; the others leave them out, as `tokenizers` does.
  virtual std::string decode(const std::vector<int32_t> &ids) const = 0;
  /// How many of `ids`, from the front, stand for text that is the same whatever ids follow.
  virtual size_t settled(const std::vector<int32_t> &ids) const { return ids.size(); }
  /// Where the ids of one text, or of two, stand in a whole input. Empty where the tokenizer does
  /// not say where a second text stands.
  virtual TextFrame frame(bool pair) const;
  /// The id of a token as it is written; none where no token is.
  virtual std::optional<int32_t> idOf(std::string_view) const { return std::nullopt; }
  /// Does the id stand for no text, as [CLS] does?
  virtual bool isSpecial(int32_t) const { return false; }
  /// kTokenizerFile or kVocabularyFile.
  virtual std::string fileName() const { return kTokenizerFile; }
  /// The content of that file.
  virtual std::string toJson() const = 0;
};

/// Ids are bytes: 256 of them, any text.
std::unique_ptr<Tokenizer> makeByteTokenizer();

/// Ids number the distinct characters (Unicode code points) of `text` in their order. Text that is
/// not UTF-8 is an error with its byte offset, an empty one too. `name` is for messages.
StatusOr<std::unique_ptr<Tokenizer>> makeCharTokenizer(std::string_view text,
                                                       const std::string &name);

/// What toJson() wrote for bytes and characters, or any tokenizer.json; `file` is its name for
/// messages, which also name the key and value of a tokenizer.json that are not supported.
StatusOr<std::unique_ptr<Tokenizer>> parseTokenizer(std::string_view json, const std::string &file);

/// Is this --tokenizer made from the training text: "char" or "bpe:N"?
bool isMadeFromText(const std::string &name);
/// Makes it. `file` names the text.
StatusOr<std::unique_ptr<Tokenizer>>
makeTextTokenizer(const std::string &name, std::string_view text, const std::string &file);

/// A file of a model by its name; none where the model has no such file.
using FileLookup = std::function<StatusOr<std::optional<std::string>>(const std::string &name)>;

/// The tokenizer among a model's files, the first of: ours, tokenizer.json, tokenizer.model and
/// spiece.model (SentencePiece), vocab.json with merges.txt, vocab.txt. Null where there is none.
/// `place` goes before the file's name in messages.
StatusOr<std::unique_ptr<Tokenizer>> tokenizerAmong(const FileLookup &files,
                                                    const std::string &place);
/// Is this the name of a file that tokenizerAmong would open?
bool isTokenizerFile(const std::string &name);

/// The tokenizer that a folder carries; null if it has none.
StatusOr<std::unique_ptr<Tokenizer>> folderTokenizer(FileLayer &layer, const std::string &folder);

/// What --tokenizer names: "bytes", a folder, or one of the files that tokenizerAmong knows. Those
/// made from text are errors here: see makeTextTokenizer.
StatusOr<std::unique_ptr<Tokenizer>> openTokenizer(FileLayer &layer, const std::string &name);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TEXT_TOKENIZER_H
