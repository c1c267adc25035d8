// SPDX-License-Identifier: Apache-2.0
// Writing the parts of a tokenizer.json that older files stand for.

#ifndef HEDDLE_RUNTIME_TOKENIZER_TOKENIZERJSON_H
#define HEDDLE_RUNTIME_TOKENIZER_TOKENIZERJSON_H

#include <string>
#include <utility>
#include <vector>

#include "runtime/base/Status.h"
#include "runtime/io/Json.h"

namespace heddle::runtime {

/// An entry of "added_tokens" that is special.
struct SpecialToken {
  std::string content;
  int64_t id;
  bool leftStrip = false;
};

/// Parts as JSON text; "null" where there is none.
struct TokenizerParts {
  std::vector<SpecialToken> special; // by ascending id
  std::string normalizer = "null", preTokenizer = "null", postProcessor = "null", decoder = "null",
              model = "null";
  std::string json() const;
};

/// How two texts stand together: `after` comes so often between them, and once behind. 0: nothing
/// stands around them.
struct PairTemplate {
  int separators = 0;
  int64_t type = 0; // of the second text
};

/// A template of the special tokens before and after a text.
std::string templateJson(const std::vector<SpecialToken> &before,
                         const std::vector<SpecialToken> &after, const PairTemplate &pair = {});

/// What tokenizer_config.json says; all of it may be left out.
struct TokenizerConfig {
  std::string tokenizerClass; // without "Fast" at the end; "" where it says none
  bool lowercase = true;
  bool lowercaseGiven = false; // does it say so itself?
  bool stripAccents = true;    // as `lowercase` where it says nothing
  bool ideographsApart = true;
  bool addPrefixSpace = false;
  bool keepAccents = false;
  bool addBos = false, addEos = false;
  bool legacy = false; // Llama: a space goes before every stretch of text, not the first alone
  int64_t extraIds = 100;
  /// The error that names a class whose rules are not known here.
  Status unknownClass(const std::string &known) const;
  std::string file; // its name for messages
};
StatusOr<TokenizerConfig> readTokenizerConfig(std::string_view json, const std::string &file);

/// From a SentencePiece model; `file` is its name for messages.
StatusOr<std::string> jsonOfSentencePiece(const std::string &bytes, const std::string &file,
                                          const TokenizerConfig &config);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TOKENIZER_TOKENIZERJSON_H
