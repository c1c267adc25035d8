// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_RUNTIME_TOKENIZER_PRETOKENIZER_H
#define HEDDLE_RUNTIME_TOKENIZER_PRETOKENIZER_H

#include <memory>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "runtime/io/Json.h"
#include "runtime/tokenizer/Workspace.h"

namespace heddle::runtime {

/// A stretch of text between two tokens that may not be crossed.
struct Piece {
  std::string_view text; // UTF-8
  bool front = false;    // does it begin where the input begins?
};

using PieceSink = absl::FunctionRef<Status(Piece)>;

/// One step of "pre_tokenizer": cuts a piece into smaller ones, and may change their text. Pieces
/// go on as they are made, so that a long text needs no list of them; their text lives until the
/// sink returns. Empty ones are left out. Immutable: safe on all threads.
class PreTokenizer {
public:
  virtual ~PreTokenizer() = default;
  virtual Status apply(Piece piece, Workspace &workspace, PieceSink sink) const = 0;
};

/// The error names the key and value that are not supported.
StatusOr<std::unique_ptr<PreTokenizer>> readPreTokenizer(const JsonRef &json);

/// GPT-2's words, spelled in the byte alphabet.
StatusOr<std::unique_ptr<PreTokenizer>> makeByteLevelPreTokenizer(bool addPrefixSpace,
                                                                  bool splitsWords);

/// Metaspace's prepend_scheme.
enum class PrependScheme { Always, First, Never };
/// Of a pre-tokenizer or decoder; older files say add_prefix_space.
StatusOr<PrependScheme> readPrependScheme(const JsonRef &json);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TOKENIZER_PRETOKENIZER_H
