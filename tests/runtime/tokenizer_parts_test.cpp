// SPDX-License-Identifier: Apache-2.0
// Single parts of a tokenizer.json where the frozen ids of tests/goldens/tokenizers do not reach.
// Expected values are those of the tokenizers package 0.23.
#include "runtime/text/Tokenizer.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;
using testing::ElementsAre;
using testing::IsEmpty;
using Ids = std::vector<int32_t>;

/// A tokenizer of a model and other members; fails the test where there is none.
std::unique_ptr<Tokenizer> made(const std::string &model, const std::string &more = "") {
  auto tokenizer = parseTokenizer("{\"model\":" + model + more + "}", "t.json");
  EXPECT_THAT(tokenizer, IsOk());
  return tokenizer.ok() ? *std::move(tokenizer) : nullptr;
}

constexpr char kWords[] =
    R"({"type":"WordLevel","vocab":{"a":0,"b":1,"?":2," ":3,"_":4,"_a":5},"unk_token":"?"})";

TEST(TokenizerParts, AWholeTokenNeedsNoMergesWhereTheyAreIgnored) {
  auto idsOf = [](const std::string &ignore, const std::string &text) {
    return *made(R"({"type":"BPE","vocab":{"a":0,"b":1,"c":2,"abc":3,"ab":4},"merges":["a b"],
                     "ignore_merges":)" +
                 ignore + "}")
                ->encode(text);
  };
  EXPECT_THAT(idsOf("true", "abc"), ElementsAre(3));
  EXPECT_THAT(idsOf("true", "abcc"), ElementsAre(4, 2, 2)); // no token as a whole
  EXPECT_THAT(idsOf("false", "abc"), ElementsAre(4, 2));
}

TEST(TokenizerParts, LongerWordsThanPermittedAreUnknown) {
  auto tokenizer = made(R"({"type":"WordPiece","unk_token":"?","continuing_subword_prefix":"##",
                            "max_input_chars_per_word":3,"vocab":{"?":0,"a":1,"##a":2}})");
  EXPECT_THAT(*tokenizer->encode("aaa"), ElementsAre(1, 2, 2));
  EXPECT_THAT(*tokenizer->encode("aaaa"), ElementsAre(0));
}

TEST(TokenizerParts, AnUnknownCharacterIsLessLikelyThanAnyToken) {
  auto tokenizer =
      made(R"({"type":"Unigram","unk_id":0,"vocab":[["?",0.0],["xb",-14.0],["b",1.0]]})");
  // x alone is no token. As likely as the least likely token it would make "?", "b" the better way.
  EXPECT_THAT(*tokenizer->encode("xb"), ElementsAre(1));
}

TEST(TokenizerParts, StripTakesTheSidesThatItNames) {
  auto idsOf = [](const std::string &left, const std::string &right, const std::string &text) {
    return *made(kWords, R"(,"normalizer":{"type":"Strip","strip_left":)" + left +
                             R"(,"strip_right":)" + right + "}")
                ->encode(text);
  };
  EXPECT_THAT(idsOf("true", "true", " a "), ElementsAre(0));
  EXPECT_THAT(idsOf("true", "false", " a"), ElementsAre(0));
  EXPECT_THAT(idsOf("true", "false", "a "), ElementsAre(2));
  EXPECT_THAT(idsOf("false", "true", "a "), ElementsAre(0));
  EXPECT_THAT(idsOf("false", "true", " a"), ElementsAre(2));
}

TEST(TokenizerParts, NothingIsPrependedToNothing) {
  auto tokenizer = made(kWords, R"(,"normalizer":{"type":"Sequence","normalizers":[
      {"type":"Strip","strip_left":true,"strip_right":true},{"type":"Prepend","prepend":"_"}]})");
  EXPECT_THAT(*tokenizer->encode(" a"), ElementsAre(5));
  EXPECT_THAT(*tokenizer->encode(""), IsEmpty());
  EXPECT_THAT(*tokenizer->encode(" "), IsEmpty()); // empty once it is stripped
}

TEST(TokenizerParts, SpacesBetweenTwoTokensGoToOneOfThem) {
  auto tokenizer = made(kWords, R"(,"pre_tokenizer":{"type":"Split","pattern":{"Regex":" "},
      "behavior":"Isolated","invert":false},"added_tokens":[
      {"id":6,"content":"<m>","lstrip":true,"rstrip":true,"normalized":false,"special":true},
      {"id":7,"content":"<n>","lstrip":true,"rstrip":false,"normalized":false,"special":true}])");
  EXPECT_THAT(*tokenizer->encode("<m>  <n> a"), ElementsAre(6, 7, 3, 0));
  EXPECT_THAT(*tokenizer->encode("a  <m> <n>b"), ElementsAre(0, 6, 7, 1));
  EXPECT_THAT(*tokenizer->encode("a <n> <n>"), ElementsAre(0, 7, 7));
}

TEST(TokenizerParts, EachByteOfNoCharacterIsMarked) {
  auto tokenizer = made(R"({"type":"BPE","byte_fallback":true,"merges":[],"vocab":
      {"<0xE2>":0,"<0x82>":1,"<0xAC>":2,"<0xFF>":3,"a":4}})",
                        R"(,"decoder":{"type":"Sequence","decoders":[{"type":"ByteFallback"},
                            {"type":"Fuse"}]})");
  const std::string kMark = "\xEF\xBF\xBD";
  EXPECT_EQ(tokenizer->decode({0, 1, 2}), "\xE2\x82\xAC");
  EXPECT_EQ(tokenizer->decode({0, 1}), kMark + kMark);
  EXPECT_EQ(tokenizer->decode({3, 3, 4}), kMark + kMark + "a");
  EXPECT_EQ(tokenizer->decode({0, 1, 2, 3}), kMark + kMark + kMark + kMark);
  EXPECT_EQ(tokenizer->decode({4, 0, 4}), "a" + kMark + "a");
}

} // namespace
} // namespace heddle::runtime
