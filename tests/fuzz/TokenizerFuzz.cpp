// SPDX-License-Identifier: Apache-2.0
// A tokenizer's file; the same bytes are text for a character tokenizer of their own.
#include <numeric>

#include "runtime/io/FileLayer.h"
#include "runtime/text/Tokenizer.h"
#include "tests/fuzz/Harness.h"
#include "tests/fuzz/MemoryFiles.h"

namespace heddle::fuzz {
namespace {

using namespace runtime;

constexpr char kFile[] = "model/tokenizer.heddle.json";

void checkTokenizer(const Tokenizer &tokenizer) {
  require(tokenizer.vocabSize() > 0, "a tokenizer without ids");
  std::vector<int32_t> ids(static_cast<size_t>(tokenizer.vocabSize()));
  std::iota(ids.begin(), ids.end(), 0);
  StatusOr<std::vector<int32_t>> again = tokenizer.encode(tokenizer.decode(ids));
  require(again.ok() && *again == ids, "decoding and encoding changes ids");
  tokenizer.decode({-1, INT32_MIN, INT32_MAX, static_cast<int32_t>(tokenizer.vocabSize())});
  auto parsed = parseTokenizer(tokenizer.toJson(), "printed");
  require(parsed.ok() && (*parsed)->toJson() == tokenizer.toJson(), "printing changes a tokenizer");
}

} // namespace

void runInput(std::string_view bytes) {
  MemoryFiles calls({{kFile, std::string(bytes)}});
  FileLayer layer(calls);
  for (const char *name : {kFile, "model"})
    if (auto tokenizer = openTokenizer(layer, name); accepted(tokenizer)) {
      checkTokenizer(**tokenizer);
      accepted((*tokenizer)->encode(bytes));
    }
  auto own = makeCharTokenizer(bytes, "the text");
  if (!accepted(own))
    return;
  checkTokenizer(**own);
  auto ids = (*own)->encode(bytes);
  require(ids.ok() && (*own)->decode(*ids) == bytes, "a text does not survive its own tokenizer");
}

} // namespace heddle::fuzz
