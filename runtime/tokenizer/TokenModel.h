// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_RUNTIME_TOKENIZER_TOKENMODEL_H
#define HEDDLE_RUNTIME_TOKENIZER_TOKENMODEL_H

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/io/Json.h"
#include "runtime/tokenizer/Vocabulary.h"
#include "runtime/tokenizer/Workspace.h"

namespace heddle::runtime {

/// "model": a piece of text becomes ids. Immutable: safe on all threads.
class TokenModel {
public:
  explicit TokenModel(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}
  virtual ~TokenModel() = default;
  /// "BPE", "WordPiece" ...
  virtual const char *type() const = 0;
  const Vocabulary &vocabulary() const { return vocabulary_; }
  /// The size that the package counts added tokens from.
  virtual int64_t count() const { return vocabulary_.count(); }

  /// Appends the ids of a piece that is not empty. In time O(n log n) of its length, or O(n) times
  /// the longest token.
  Status tokenize(std::string_view piece, Workspace &workspace, std::vector<int32_t> &ids) const {
    if (const std::vector<int32_t> *known = workspace.words.find(piece)) {
      ids.insert(ids.end(), known->begin(), known->end());
      return absl::OkStatus();
    }
    size_t before = ids.size();
    HEDDLE_RETURN_IF_ERROR(tokenizeNew(piece, ids));
    workspace.words.add(piece, ids.data() + before, ids.size() - before);
    return absl::OkStatus();
  }

protected:
  virtual Status tokenizeNew(std::string_view piece, std::vector<int32_t> &ids) const = 0;
  /// The ids of "<0x00>" to "<0xFF>", kNone for those that are missing.
  std::vector<int32_t> byteIds() const;
  /// Appends the ids of the bytes of `text`, or nothing if one of them has none.
  static bool appendBytes(std::string_view text, const std::vector<int32_t> &byteIds,
                          std::vector<int32_t> &ids);
  Status noUnknown(std::string_view piece) const;

private:
  Vocabulary vocabulary_;
};

/// The error names the key and value that are not supported.
StatusOr<std::unique_ptr<TokenModel>> readTokenModel(const JsonRef &json);
StatusOr<std::unique_ptr<TokenModel>> readBytePairModel(const JsonRef &json);
StatusOr<std::unique_ptr<TokenModel>> readUnigramModel(const JsonRef &json);
/// WordPiece, and WordLevel, whose words are whole.
StatusOr<std::unique_ptr<TokenModel>> readWordPieceModel(const JsonRef &json);
StatusOr<std::unique_ptr<TokenModel>> readWordLevelModel(const JsonRef &json);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TOKENIZER_TOKENMODEL_H
