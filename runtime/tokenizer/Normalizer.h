// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_RUNTIME_TOKENIZER_NORMALIZER_H
#define HEDDLE_RUNTIME_TOKENIZER_NORMALIZER_H

#include <memory>
#include <string>

#include "runtime/io/Json.h"
#include "runtime/tokenizer/Workspace.h"

namespace heddle::runtime {

/// A text may become this many times as long, and this many bytes longer.
inline constexpr uint64_t kNormalizedGrowth = 64;
inline constexpr uint64_t kNormalizedBytes = 1 << 20;

/// Text on its way through the normalizers.
struct NormalizedText {
  std::string text; // UTF-8
  /// Does it still begin where the input began? Some pre-tokenizers treat the front differently.
  bool front = true;
  /// Of what the text may become, in bytes: steps that each make it a little longer make it endless
  /// together.
  size_t limit = kNormalizedGrowth * text.size() + kNormalizedBytes;
};

/// One step of "normalizer". Immutable: safe on all threads.
class Normalizer {
public:
  virtual ~Normalizer() = default;
  virtual Status apply(NormalizedText &text, Workspace &workspace) const = 0;
};

/// The error names the key and value that are not supported.
StatusOr<std::unique_ptr<Normalizer>> readNormalizer(const JsonRef &json);

/// Normalization by the table that SentencePiece compiles into its models ("Precompiled").
StatusOr<std::unique_ptr<Normalizer>> readCharsMap(const JsonRef &json);

enum class UnicodeForm { NFC, NFD, NFKC, NFKD };
/// In time linear in the text, but for sorting runs of combining marks.
std::string normalizeUnicode(std::string_view text, UnicodeForm form);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TOKENIZER_NORMALIZER_H
