// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/Limits.h"
#include "runtime/io/FileLayer.h"
#include "runtime/text/Tokenizer.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;
using testing::ElementsAre;

TEST(Tokenizer, SizeLimit) {
  std::string json = "{\"type\":\"bytes\"}";
  json.resize(limits::kTokenizerJsonBytes, ' ');
  EXPECT_THAT(parseTokenizer(json, "t.json"), IsOk());
  EXPECT_THAT(parseTokenizer(json + " ", "t.json"),
              IsBadInput("t.json: 67108865 bytes, more than the limit of 67108864"));
}

TEST(ByteTokenizer, AnyBytesRoundTrip) {
  auto tokenizer = makeByteTokenizer();
  std::string all;
  for (int i = 0; i < 256; ++i)
    all.push_back(static_cast<char>(255 - i));
  auto ids = tokenizer->encode(all);
  ASSERT_THAT(ids, IsOk());
  EXPECT_EQ((*ids)[0], 255);
  EXPECT_EQ(tokenizer->decode(*ids), all);
  EXPECT_EQ(tokenizer->decode({300, -1}), "\uFFFD\uFFFD");
}

TEST(CharTokenizer, IdsAreCharactersInOrder) {
  auto tokenizer = makeCharTokenizer("héllo wörld€😀", "x.txt");
  ASSERT_THAT(tokenizer, IsOk());
  EXPECT_EQ((*tokenizer)->vocabSize(), 11);
  EXPECT_THAT(*(*tokenizer)->encode(" dé😀"), ElementsAre(0, 1, 7, 10));
  EXPECT_EQ((*tokenizer)->decode({0, 1, 7, 10, 99}), " dé😀\uFFFD");
}

TEST(CharTokenizer, UnknownCharactersAndBadUtf8AreErrors) {
  auto tokenizer = makeCharTokenizer("abc", "x.txt");
  ASSERT_THAT(tokenizer, IsOk());
  EXPECT_THAT((*tokenizer)->encode("ab\nc"), IsBadInput("the character \"\\n\" at byte 2"));
  EXPECT_THAT((*tokenizer)->encode("aé"), IsBadInput("\"é\" at byte 1 is not among the 3"));
  EXPECT_THAT((*tokenizer)->encode("ab\xff"), IsBadInput("not UTF-8 at byte 2"));
  EXPECT_THAT(makeCharTokenizer("ab\xc3", "x.txt"), IsBadInput("x.txt: not UTF-8 at byte 2"));
  EXPECT_THAT(makeCharTokenizer("", "x.txt"), IsBadInput("no characters"));
}

TEST(Tokenizer, JsonRoundTrip) {
  std::string odd("\0\"\\\n\x7f é😀", 12);
  auto tokenizer = makeCharTokenizer(odd, "x");
  ASSERT_THAT(tokenizer, IsOk());
  auto read = parseTokenizer((*tokenizer)->toJson(), "t.json");
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ((*read)->toJson(), (*tokenizer)->toJson());
  EXPECT_THAT(*(*read)->encode(odd), testing::Eq(*(*tokenizer)->encode(odd)));
  EXPECT_EQ((*parseTokenizer(makeByteTokenizer()->toJson(), "t"))->kind(), "bytes");
}

TEST(Tokenizer, BadJsonIsNamed) {
  EXPECT_THAT(parseTokenizer("{}", "t.json"), IsBadInput("t.json"));
  EXPECT_THAT(parseTokenizer("{\"type\":\"bpe\"}", "t.json"),
              IsBadInput("\"bpe\" is no tokenizer"));
  EXPECT_THAT(parseTokenizer("{\"type\":\"char\"}", "t.json"), IsBadInput("characters"));
  EXPECT_THAT(parseTokenizer("{\"type\":\"char\",\"characters\":\"ba\"}", "t.json"),
              IsBadInput("ascending"));
  EXPECT_THAT(parseTokenizer("{\"type\":\"char\",\"characters\":\"aa\"}", "t.json"),
              IsBadInput("ascending"));
}

TEST(OpenTokenizer, ByName) {
  TempFolder folder;
  FileLayer &layer = FileLayer::system();
  EXPECT_THAT(openTokenizer(layer, "bytes"), IsOk());
  EXPECT_THAT(openTokenizer(layer, "char"), IsBadInput("training text"));
  EXPECT_THAT(openTokenizer(layer, "bpe:500"), IsBadInput("training text"));
  EXPECT_THAT(openTokenizer(layer, folder.path()), IsBadInput("expected bytes, char"));
  EXPECT_THAT(openTokenizer(layer, folder / "nothing"), IsBadInput("expected bytes, char"));
  spill(folder / "tokenizer.json", "{}");
  EXPECT_THAT(openTokenizer(layer, folder.path()),
              IsBadInput("tokenizer.json: key \"model\" is missing"));
  EXPECT_THAT(openTokenizer(layer, folder / "tokenizer.json"), IsBadInput("key \"model\""));
  spill(folder / "tokenizer.json",
        R"({"model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"}})");
  auto words = openTokenizer(layer, folder.path());
  ASSERT_THAT(words, IsOk());
  EXPECT_EQ((*words)->kind(), "wordlevel");
  EXPECT_EQ((*words)->fileName(), "tokenizer.json");
  EXPECT_EQ((*words)->toJson(), slurp(folder / "tokenizer.json"));
  spill(folder / kTokenizerFile, makeByteTokenizer()->toJson());
  EXPECT_THAT(openTokenizer(layer, folder.path()), IsOk());
  EXPECT_THAT(openTokenizer(layer, folder / kTokenizerFile), IsOk());
}

} // namespace
} // namespace heddle::runtime
