// SPDX-License-Identifier: Apache-2.0
// A tokenizer's file, ours or a tokenizer.json; the same bytes are a SentencePiece model, an older
// vocabulary, text for a character tokenizer of their own, and text for the tokenizer in them.
#include <numeric>

#include "runtime/base/Utf8.h"
#include "runtime/io/FileLayer.h"
#include "runtime/text/Tokenizer.h"
#include "tests/fuzz/Harness.h"
#include "tests/fuzz/MemoryFiles.h"

namespace heddle::fuzz {
namespace {

using namespace runtime;

constexpr char kFile[] = "model/tokenizer.heddle.json";
constexpr const char *kOtherFolders[] = {"json", "spiece", "vocab"};

/// Text that meets what tokenizers are made of.
constexpr char kText[] = "Hello, it's  wörld e\u0301 ﬁ 你好 ١٢ 123 \t\r\n 😀\xff<s>▁a</s>\xe4\xbd";

void checkTokenizer(const Tokenizer &tokenizer) {
  require(tokenizer.vocabSize() > 0, "a tokenizer without ids");
  std::vector<int32_t> ids(static_cast<size_t>(std::min<int64_t>(tokenizer.vocabSize(), 1 << 16)));
  std::iota(ids.begin(), ids.end(), 0);
  std::string text = tokenizer.decode(ids);
  bool plain = tokenizer.fileName() == kTokenizerFile;
  StatusOr<std::vector<int32_t>> again = tokenizer.encode(text);
  if (plain)
    require(again.ok() && *again == ids, "decoding and encoding changes ids");
  else
    require(isValidUtf8(text), "decoded text that is not UTF-8");
  tokenizer.decode({-1, INT32_MIN, INT32_MAX, static_cast<int32_t>(tokenizer.vocabSize())});
  require(tokenizer.settled(ids) <= ids.size(), "more is settled than there is");
  auto parsed = parseTokenizer(tokenizer.toJson(), plain ? "printed" : kVocabularyFile);
  require(parsed.ok() && (*parsed)->toJson() == tokenizer.toJson(), "printing changes a tokenizer");
}

/// Ids are within the vocabulary, and the same each time.
void checkText(const Tokenizer &tokenizer, std::string_view text) {
  for (Framing framing : {Framing::None, Framing::Special}) {
    auto ids = tokenizer.encode(text, framing);
    if (!accepted(ids))
      return;
    for (int32_t id : *ids)
      require(id >= 0 && id < tokenizer.vocabSize(), "an id beyond the vocabulary");
    auto again = tokenizer.encode(text, framing);
    require(again.ok() && *again == *ids, "other ids for the same text");
    tokenizer.decode(*ids);
  }
}

} // namespace

void runInput(std::string_view bytes) {
  std::string content(bytes);
  MemoryFiles calls({{kFile, content},
                     {"json/tokenizer.json", content},
                     {"spiece/spiece.model", content},
                     {"vocab/vocab.txt", content}});
  FileLayer layer(calls);
  for (const char *name : {kFile, "model"})
    if (auto tokenizer = openTokenizer(layer, name); accepted(tokenizer)) {
      checkTokenizer(**tokenizer);
      accepted((*tokenizer)->encode(bytes));
    }
  for (const char *folder : kOtherFolders)
    if (auto tokenizer = openTokenizer(layer, folder); accepted(tokenizer)) {
      checkTokenizer(**tokenizer);
      checkText(**tokenizer, kText);
      checkText(**tokenizer, bytes);
    }
  auto own = makeCharTokenizer(bytes, "the text");
  if (!accepted(own))
    return;
  checkTokenizer(**own);
  auto ids = (*own)->encode(bytes);
  require(ids.ok() && (*own)->decode(*ids) == bytes, "a text does not survive its own tokenizer");
}

} // namespace heddle::fuzz
