// SPDX-License-Identifier: Apache-2.0
// The tokenizers of tests/goldens/tokenizers (make_tokenizer_goldens.py): the ids and texts that
// the `tokenizers` package makes.
#include <iterator>

#include "runtime/base/Utf8.h"
#include "runtime/io/FileLayer.h"
#include "runtime/io/Json.h"
#include "runtime/text/Tokenizer.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;

std::string golden(const std::string &name) {
  return std::string(std::getenv("HEDDLE_SOURCE_DIR")) + "/tests/goldens/tokenizers/" + name;
}

std::vector<std::string> linesOf(const std::string &name) {
  std::istringstream text(slurp(golden(name)));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);)
    lines.push_back(line);
  EXPECT_EQ(lines.size(), 200u) << name;
  return lines;
}

std::vector<int32_t> numbersOf(const std::string &line) {
  std::istringstream words(line);
  return {std::istream_iterator<int32_t>(words), {}};
}

void expectIds(const Tokenizer &tokenizer, const std::string &name) {
  std::vector<std::string> lines = linesOf("lines.txt"), ids = linesOf(name + ".ids");
  for (size_t i = 0; i < lines.size(); ++i) {
    auto encoded = tokenizer.encode(lines[i], Framing::Full);
    ASSERT_THAT(encoded, IsOk()) << i;
    ASSERT_EQ(*encoded, numbersOf(ids[i])) << "line " << i + 1 << ": " << lines[i];
  }
}

class TokenizerGolden : public testing::TestWithParam<const char *> {};

TEST_P(TokenizerGolden, IdsAndTextsAreThoseOfThePackage) {
  std::string name = GetParam();
  auto tokenizer = openTokenizer(FileLayer::system(), golden(name + ".json"));
  ASSERT_THAT(tokenizer, IsOk());
  expectIds(**tokenizer, name);
  std::vector<std::string> ids = linesOf(name + ".ids"), texts = linesOf(name + ".txt");
  for (size_t i = 0; i < ids.size(); ++i) {
    auto text = parseJson(texts[i], "text");
    ASSERT_THAT(text, IsOk());
    ASSERT_EQ((*tokenizer)->decode(numbersOf(ids[i])), *text->root.string()) << "line " << i + 1;
  }
}

/// A stream of tokens never shows text that a later token changes.
TEST_P(TokenizerGolden, WhatIsSettledStays) {
  std::string name = GetParam();
  auto tokenizer = openTokenizer(FileLayer::system(), golden(name + ".json"));
  ASSERT_THAT(tokenizer, IsOk());
  std::vector<std::string> lines = linesOf(name + ".ids");
  for (size_t line = 0; line < lines.size(); line += 13) {
    std::vector<int32_t> ids = numbersOf(lines[line]);
    ids.resize(std::min<size_t>(ids.size(), 120));
    std::string whole = (*tokenizer)->decode(ids);
    for (size_t i = 1; i <= ids.size(); ++i) {
      std::vector<int32_t> some(ids.begin(), ids.begin() + static_cast<ptrdiff_t>(i));
      some.resize((*tokenizer)->settled(some));
      std::string text = (*tokenizer)->decode(some);
      ASSERT_TRUE(whole.starts_with(text))
          << "line " << line + 1 << ", " << i << " ids: " << text << " of " << whole;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, TokenizerGolden,
                         testing::Values("gpt2", "roberta", "llama3", "llama2", "metafirst", "bert",
                                         "padded", "t5", "xlnet", "unigram-bytes", "clip",
                                         "affixes", "words"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST(OlderTokenizerGolden, SentencePieceModels) {
  for (const char *name : {"spiece", "llama"}) {
    auto tokenizer = openTokenizer(FileLayer::system(), golden(name));
    ASSERT_THAT(tokenizer, IsOk()) << name;
    expectIds(**tokenizer, name);
  }
}

/// vocab.txt, and vocab.json with merges.txt, say what a tokenizer.json says.
TEST(OlderTokenizerGolden, VocabularyFiles) {
  TempFolder bert, gpt2;
  auto json = parseJson(slurp(golden("bert.json")), "bert.json", limits::kTokenizerJsonBytes);
  ASSERT_THAT(json, IsOk());
  std::vector<std::string> tokens(
      json->root.find("model")->find("vocab")->object()->members.size());
  for (const auto &[token, id] : json->root.find("model")->find("vocab")->object()->members)
    tokens.at(static_cast<size_t>(*id.integer())) = token;
  std::string text;
  for (const std::string &token : tokens)
    text += token + "\n";
  spill(bert / "vocab.txt", text);
  std::string whole = slurp(golden("gpt2.json"));
  size_t vocab = whole.find("\"vocab\":") + 8;
  spill(gpt2 / "vocab.json", whole.substr(vocab, whole.find("},", vocab) + 1 - vocab));
  auto gpt2Json = parseJson(whole, "gpt2.json", limits::kTokenizerJsonBytes);
  ASSERT_THAT(gpt2Json, IsOk());
  text = "#version: 0.2\n";
  for (const JsonValue &merge : *gpt2Json->root.find("model")->find("merges")->elements())
    text += *(*merge.elements())[0].string() + " " + *(*merge.elements())[1].string() + "\n";
  spill(gpt2 / "merges.txt", text);
  for (auto [folder, name] : {std::pair(&bert, "bert"), std::pair(&gpt2, "gpt2")}) {
    auto older = openTokenizer(FileLayer::system(), folder->path());
    auto newer = openTokenizer(FileLayer::system(), golden(std::string(name) + ".json"));
    ASSERT_THAT(older, IsOk());
    ASSERT_THAT(newer, IsOk());
    for (const char *line : {"Hello, it's [MASK] wörld <|endoftext|>", "你好  don't 123"})
      EXPECT_EQ(*(*older)->encode(line, Framing::Special),
                *(*newer)->encode(line, Framing::Special))
          << name;
  }
  spill(gpt2 / "tokenizer_config.json", "{\"tokenizer_class\": \"CLIPTokenizer\"}");
  EXPECT_THAT(openTokenizer(FileLayer::system(), gpt2.path()),
              IsBadInput("key \"tokenizer_class\": \"CLIPTokenizer\" is not known"));
  std::filesystem::remove(gpt2 / "merges.txt");
  EXPECT_THAT(openTokenizer(FileLayer::system(), gpt2.path()),
              IsBadInput("merges.txt: is missing beside vocab.json"));
  spill(bert / "spiece.model", "\xff\xff");
  EXPECT_THAT(openTokenizer(FileLayer::system(), bert.path()), IsBadInput("spiece.model"));
}

TEST(BytePairTraining, MergesAreThoseOfThePackage) {
  std::string text;
  for (const std::string &line : linesOf("lines.txt"))
    if (isValidUtf8(line))
      text += line + "\n";
  auto trained = makeTextTokenizer("bpe:600", text, "lines.txt");
  ASSERT_THAT(trained, IsOk());
  auto ours = parseJson((*trained)->toJson(), "ours", limits::kTokenizerJsonBytes);
  auto theirs = parseJson(slurp(golden("merges.json")), "theirs");
  ASSERT_THAT(ours, IsOk());
  ASSERT_THAT(theirs, IsOk());
  const JsonValue::Elements &made = *ours->root.find("model")->find("merges")->elements();
  const JsonValue::Elements &wanted = *theirs->root.elements();
  ASSERT_EQ(made.size(), wanted.size());
  for (size_t i = 0; i < made.size(); ++i)
    for (int side : {0, 1})
      ASSERT_EQ(*(*made[i].elements())[side].string(), *(*wanted[i].elements())[side].string())
          << i;
  EXPECT_EQ((*trained)->vocabSize(), 600);
  EXPECT_EQ((*trained)->decode(*(*trained)->encode(text)), text);
}

} // namespace
} // namespace heddle::runtime
