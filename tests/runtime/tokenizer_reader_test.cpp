// SPDX-License-Identifier: Apache-2.0
// tokenizer.json: what is refused, and where; hostile and long texts.
#include "runtime/base/Limits.h"
#include "runtime/io/FileLayer.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/tokenizer/Characters.h"
#include "runtime/tokenizer/Normalizer.h"
#include "runtime/tokenizer/Regex.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;
using testing::ElementsAre;

constexpr char kModel[] = R"({"type":"WordLevel","vocab":{"a":0,"b":1,"?":2},"unk_token":"?"})";

/// A file with one part besides the model.
std::string withPart(const std::string &key, const std::string &part,
                     const std::string &model = kModel) {
  return "{\"model\":" + model + (key.empty() ? "" : ",\"" + key + "\":" + part) + "}";
}

TEST(TokenizerReader, WhatIsNotSupportedIsNamedByPathAndValue) {
  auto expectError = [](const std::string &key, const std::string &part, const char *message) {
    EXPECT_THAT(parseTokenizer(withPart(key, part), "tokenizer.json"), IsBadInput(message)) << part;
  };
  expectError("normalizer", R"({"type":"Sequence","normalizers":[{"type":"Odd"}]})",
              "tokenizer.json: key \"normalizer.normalizers[0].type\": \"Odd\" is no normalizer");
  expectError("normalizer", R"({"type":"NFC","strict":true})",
              "key \"normalizer\": key \"strict\": true is not supported");
  expectError("normalizer", R"({"type":"Replace","pattern":{"Regex":"(?<=a"},"content":""})",
              "key \"normalizer.pattern.Regex\": not a regular expression");
  expectError("normalizer", R"({"type":"Replace","pattern":{"Regex":"[a&&b]"},"content":""})",
              "not supported in a regular expression: [a&");
  expectError("normalizer", R"({"type":"Precompiled","precompiled_charsmap":"AAAA////"})",
              "normalizer.precompiled_charsmap");
  expectError("pre_tokenizer", R"({"type":"UnicodeScripts"})",
              "key \"pre_tokenizer.type\": \"UnicodeScripts\" is no pre-tokenizer");
  expectError("pre_tokenizer", R"({"type":"Metaspace","replacement":"_","prepend_scheme":"maybe"})",
              "key \"pre_tokenizer.prepend_scheme\": \"maybe\" is not supported");
  expectError("pre_tokenizer", R"({"type":"Punctuation","behavior":"Odd"})",
              "key \"pre_tokenizer.behavior\": \"Odd\"");
  expectError("decoder", R"({"type":"CTC"})", "key \"decoder.type\": \"CTC\" is no decoder");
  expectError("post_processor", R"({"type":"Odd"})", "key \"post_processor.type\": \"Odd\"");
  expectError("post_processor", R"({"type":"BertProcessing","sep":["x",9],"cls":["y",0]})",
              "key \"post_processor\": id 9 is beyond the vocabulary of 3 tokens");
  expectError("truncation", R"({"max_length":3,"strategy":"OnlySecond"})",
              "key \"truncation.strategy\": \"OnlySecond\"");
  expectError("padding", R"({"strategy":"Odd","pad_id":0})", "key \"padding.strategy\": \"Odd\"");
  expectError("version", "\"2.0\"", "key \"version\": \"2.0\" is not supported");
  expectError("odd", "1", "key \"odd\": 1 is not supported");
  expectError("added_tokens", R"([{"id":7,"content":"x","special":false}])",
              "key \"added_tokens[0]\": key \"id\": 7, but token \"x\" gets 3");
  EXPECT_THAT(parseTokenizer(withPart("", "", R"({"type":"BPE","dropout":0.1})"), "t.json"),
              IsBadInput("key \"model.dropout\": 0.1 is not supported"));
  EXPECT_THAT(parseTokenizer(withPart("", "", R"({"type":"Odd"})"), "t.json"),
              IsBadInput("key \"model.type\": \"Odd\" is no model"));
  EXPECT_THAT(parseTokenizer(withPart("", "", R"({"type":"BPE","vocab":{"a":0},"merges":["a b"]})"),
                             "t.json"),
              IsBadInput("key \"model.merges\": [0]: token \"b\" is not in the vocabulary"));
  EXPECT_THAT(parseTokenizer(
                  withPart("", "", R"({"type":"WordLevel","unk_token":"","vocab":{"a":0,"b":0}})"),
                  "t.json"),
              IsBadInput("token \"b\": has the id 0 of \"a\""));
}

TEST(TokenizerReader, TokenBytes) {
  for (uint64_t size : {limits::kTokenBytes, limits::kTokenBytes + 1}) {
    std::string token(size, 'x');
    auto words = parseTokenizer(
        withPart("", "",
                 "{\"type\":\"WordLevel\",\"unk_token\":\"\",\"vocab\":{\"" + token + "\":0}}"),
        "t.json");
    auto added = parseTokenizer(
        withPart("added_tokens", "[{\"id\":3,\"special\":true,\"content\":\"" + token + "\"}]"),
        "t.json");
    auto pieces = parseTokenizer(
        withPart("", "", "{\"type\":\"Unigram\",\"vocab\":[[\"" + token + "\",0.0]]}"), "t.json");
    for (const auto *read : {&words, &added, &pieces})
      if (size == limits::kTokenBytes)
        EXPECT_THAT(*read, IsOk());
      else
        EXPECT_THAT(*read, IsBadInput("4097 bytes, more than the limit of 4096"));
  }
}

TEST(TokenizerReader, HolesInAVocabulary) {
  auto read = [](uint64_t id) {
    return parseTokenizer(withPart("", "",
                                   absl::StrCat("{\"type\":\"WordLevel\",\"unk_token\":\"a\","
                                                "\"vocab\":{\"a\":",
                                                id, "}}")),
                          "t.json");
  };
  EXPECT_THAT(read(limits::kVocabularyHoles), IsOk());
  EXPECT_THAT(read(limits::kVocabularyHoles + 1),
              IsBadInput("expected an id from 0 to 65536, found 65537"));
}

TEST(TokenizerReader, PreTokenizersInASequence) {
  for (uint64_t count : {limits::kPreTokenizers, limits::kPreTokenizers + 1}) {
    std::string steps;
    for (uint64_t i = 0; i < count; ++i)
      steps += std::string(i ? "," : "") + R"({"type":"WhitespaceSplit"})";
    auto read = parseTokenizer(
        withPart("pre_tokenizer", "{\"type\":\"Sequence\",\"pretokenizers\":[" + steps + "]}"),
        "t.json");
    if (count == limits::kPreTokenizers)
      EXPECT_THAT((*read)->encode("a b"), IsOk());
    else
      EXPECT_THAT(read, IsBadInput("65 pre-tokenizers, more than the limit of 64"));
  }
}

TEST(TokenizerReader, PaddedLength) {
  auto read = [](uint64_t length) {
    return parseTokenizer(
        withPart("padding", absl::StrCat("{\"strategy\":{\"Fixed\":", length, "},\"pad_id\":0}")),
        "t.json");
  };
  EXPECT_THAT(read(limits::kPaddedLength), IsOk());
  EXPECT_THAT(read(limits::kPaddedLength + 1), IsBadInput("padding.strategy.Fixed"));
}

TEST(BytePairTraining, SizeAtItsLimits) {
  for (const char *name : {"bpe:255", "bpe:1000001", "bpe:", "bpe:x", "bpe:300x"})
    EXPECT_THAT(makeTextTokenizer(name, "a b", "x.txt"),
                IsBadInput("expected bpe:N with N from 256 (one a byte) to 1000000"))
        << name;
  auto smallest = makeTextTokenizer("bpe:256", "ab ab", "x.txt");
  ASSERT_THAT(smallest, IsOk());
  EXPECT_EQ((*smallest)->vocabSize(), 256);
  // A text has only so many pairs.
  auto largest = makeTextTokenizer("bpe:1000000", "ab ab", "x.txt");
  ASSERT_THAT(largest, IsOk());
  EXPECT_EQ((*largest)->vocabSize(), 258);
}

/// No reader takes a longer one.
TEST(BytePairTraining, TokensAreNoLongerThanOnesThatAreRead) {
  auto tokenizer = makeTextTokenizer("bpe:300", std::string(1 << 16, 'a'), "x.txt");
  ASSERT_THAT(tokenizer, IsOk());
  EXPECT_EQ((*tokenizer)->vocabSize(), 256 + 12); // 2, 4, ... 4096 letters
}

/// Twelve steps would make 50^12 letters of one.
TEST(TokenizerReader, NormalizersDoNotMakeATextEndless) {
  auto read = [](int steps, uint64_t size) {
    std::string list;
    for (int i = 0; i < steps; ++i)
      list += std::string(i ? "," : "") +
              R"({"type":"Replace","pattern":{"String":"a"},"content":")" + std::string(size, 'a') +
              R"("})";
    return parseTokenizer(
        withPart("normalizer", R"({"type":"Sequence","normalizers":[)" + list + "]}"), "t.json");
  };
  auto endless = read(12, 50);
  ASSERT_THAT(endless, IsOk());
  EXPECT_THAT((*endless)->encode("a"), IsBadInput("longer than the limit of 1048640 bytes"));
  // At the limit and one beyond.
  for (uint64_t more : {0, 1}) {
    auto once = read(1, kNormalizedGrowth + kNormalizedBytes + more);
    ASSERT_THAT(once, IsOk());
    if (more == 0)
      EXPECT_THAT((*once)->encode("a"), IsOk());
    else
      EXPECT_THAT((*once)->encode("a"), IsBadInput("longer than the limit"));
  }
}

TEST(OlderFiles, HalfATokenizerIsNone) {
  for (const char *name : {"merges.txt", "vocab.json"}) {
    TempFolder folder;
    spill(folder / name, name == std::string("merges.txt") ? "#version: 0.2\na b\n" : "{}");
    for (const std::string &place : {folder.path(), folder / name})
      EXPECT_THAT(openTokenizer(FileLayer::system(), place), IsBadInput("is missing beside"))
          << name;
  }
}

/// A word of a megabyte: neither merging nor searching is quadratic.
TEST(LongWords, TakeNoTimeWorthMeasuring) {
  std::string text;
  while (text.size() < (1 << 20))
    text += "abacabad";
  auto bytes = makeTextTokenizer("bpe:300", text.substr(0, 4000), "x.txt");
  ASSERT_THAT(bytes, IsOk());
  auto ids = (*bytes)->encode(text);
  ASSERT_THAT(ids, IsOk());
  EXPECT_EQ((*bytes)->decode(*ids), text);
  auto unigram = parseTokenizer(
      withPart(
          "", "",
          R"({"type":"Unigram","unk_id":0,"vocab":[["?",0],["a",-1],["ab",-1],["ac",-1],["ad",-1]]})"),
      "t.json");
  ASSERT_THAT(unigram, IsOk());
  ids = (*unigram)->encode(text);
  ASSERT_THAT(ids, IsOk());
  EXPECT_EQ(ids->size(), text.size() / 2);
}

TEST(HostileRegex, ComesToAnEnd) {
  auto tokenizer = parseTokenizer(
      withPart("pre_tokenizer",
               R"({"type":"Split","pattern":{"Regex":"(x+x+)+y"},"behavior":"Isolated"})"),
      "t.json");
  ASSERT_THAT(tokenizer, IsOk());
  EXPECT_THAT((*tokenizer)->encode(std::string(60, 'x') + "zy"),
              IsBadInput("does not come to an end"));
}

TEST(RegexDialect, ClassesAreThoseOfOniguruma) {
  RegexScratch scratch;
  auto matches = [&](const char *pattern, const char *text) {
    auto regex = Regex::compile(pattern);
    EXPECT_THAT(regex, IsOk()) << pattern;
    auto match = regex->find(text, 0, scratch);
    EXPECT_THAT(match, IsOk());
    return match->found && match->begin == 0 && match->end == std::string_view(text).size();
  };
  EXPECT_TRUE(matches("\\s", "\u0085"));
  EXPECT_FALSE(matches("\\s", "\u180e")) << "PCRE2's own \\s has it";
  EXPECT_TRUE(matches("[\\S]", "\u180e"));
  EXPECT_TRUE(matches("\\w+", "e\u0301\u24b6²"));
  EXPECT_TRUE(matches("[^\\s\\p{L}]", "1"));
  EXPECT_TRUE(matches("\\h{,4}", "12aF"));
  EXPECT_TRUE(matches("(?m:.)", "\n")) << "m is s";
  EXPECT_TRUE(matches("[[:punct:]]", "+"));
  EXPECT_TRUE(matches("\\p{^Han}\\p{Han}", "a語"));
  EXPECT_FALSE(matches("\\p{Han}", "、")) << "shared by scripts";
  for (const char *pattern : {"(*UTF)a", "[^\\W]", "a{1,2}+", "\\x80", "\\k<n>", "(?~a)", "[a"})
    EXPECT_THAT(Regex::compile(pattern), IsBadInput("not supported")) << pattern;
}

TEST(Characters, WhatIsNotUtf8CountsAsOneReplacementAPart) {
  EXPECT_EQ(lossyUtf8("a\xff\xfe"), "a\uFFFD\uFFFD");
  EXPECT_EQ(lossyUtf8("\xe4\xbd"), "\uFFFD") << "a beginning";
  EXPECT_EQ(lossyUtf8("\xe4\xbd\x41"), "\uFFFD\x41");
  EXPECT_EQ(lossyUtf8("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD") << "a surrogate";
  EXPECT_EQ(lossyUtf8("\xf0\x9f\x98\xf0\x9f\x98\x80"), "\uFFFD😀");
  EXPECT_EQ(lossyUtf8("\xf4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
}

TEST(AddedTokens, AreFoundAsTheyAskFor) {
  auto tokenizer = parseTokenizer(
      withPart("added_tokens",
               R"([{"id":3,"content":"<x>","special":true,"lstrip":true,"rstrip":true},
                   {"id":4,"content":"one","special":false,"single_word":true,"normalized":false}])",
               R"({"type":"BPE","unk_token":"?","vocab":{"a":0,"b":1,"?":2},"merges":[]})"),
      "t.json");
  ASSERT_THAT(tokenizer, IsOk());
  auto encode = [&](const char *text) { return *(*tokenizer)->encode(text); };
  EXPECT_THAT(encode("a  <x> \tb"), ElementsAre(0, 3, 1));
  EXPECT_THAT(encode("one"), ElementsAre(4));
  EXPECT_THAT(encode("aone"), ElementsAre(0, 2, 2, 2));
  EXPECT_EQ((*tokenizer)->decode({0, 3, 4, 77}), "a one") << "special and unknown ids are left out";
}

} // namespace
} // namespace heddle::runtime
