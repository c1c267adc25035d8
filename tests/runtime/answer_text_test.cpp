// SPDX-License-Identifier: Apache-2.0
#include "runtime/generate/AnswerText.h"

#include <gmock/gmock.h>

#include "runtime/base/Utf8.h"
#include "runtime/text/Tokenizer.h"

namespace heddle::runtime {
namespace {

using Ids = std::vector<int32_t>;

TEST(CertainLength, HoldsBackCharactersThatAreNotComplete) {
  const std::string text = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80z"; // a, ä, €, an emoji, z
  size_t complete = 0;
  for (size_t length = 0; length <= text.size(); ++length) {
    std::string head = text.substr(0, length);
    if (isValidUtf8(head))
      complete = length;
    EXPECT_EQ(certainLength(head, {}), complete) << length;
  }
}

TEST(CertainLength, NeverHoldsBackWhatNothingCompletes) {
  EXPECT_EQ(certainLength("a\x80", {}), 2u); // a continuation of nothing
  EXPECT_EQ(certainLength("\x80\x80\x80\x80\x80", {}), 5u);
  EXPECT_EQ(certainLength("a\xFF", {}), 2u);
  EXPECT_EQ(certainLength("a\xE2\x82g", {}), 4u);
}

TEST(CertainLength, HoldsBackReplacementsOfUpToThreeBytes) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(certainLength("a" + r, {}), 1u);
  EXPECT_EQ(certainLength("a" + r + r + r, {}), 1u);
  EXPECT_EQ(certainLength("a" + r + r + r + r, {}), 4u);
  EXPECT_EQ(certainLength(r + "b", {}), 4u);
}

TEST(CertainLength, HoldsBackTheBeginningOfAStopText) {
  const std::vector<std::string> stops = {"\n\n", "END"};
  EXPECT_EQ(certainLength("word", stops), 4u);
  EXPECT_EQ(certainLength("word\n", stops), 4u);
  EXPECT_EQ(certainLength("word E", stops), 5u);
  EXPECT_EQ(certainLength("word EN", stops), 5u);
  EXPECT_EQ(certainLength("word ENE", stops), 7u); // "E" may be one again
  EXPECT_EQ(certainLength("word ENX", stops), 8u);
  EXPECT_EQ(certainLength("E\xC3", stops), 0u);
}

/// Words with a space before each, which decoding drops from the first: as SentencePiece does.
class WordTokenizer : public Tokenizer {
public:
  std::string kind() const override { return "words"; }
  int64_t vocabSize() const override { return 3; }
  heddle::StatusOr<Ids> encode(std::string_view, Framing) const override { return Ids{}; }
  std::string decode(const Ids &ids) const override {
    std::string text;
    for (int32_t id : ids)
      text += std::string(text.empty() ? "" : " ") + (id == 0 ? "zero" : id == 1 ? "one" : "two");
    return text;
  }
  std::string toJson() const override { return ""; }
};

TEST(AnswerText, KeepsTheSpaceBetweenPromptAndAnswer) {
  WordTokenizer tokenizer;
  Ids prompt = {0};
  std::vector<std::string> stops;
  AnswerText text(&tokenizer, prompt, stops);
  EXPECT_EQ(text.alone({1, 2}), "one two");
  EXPECT_EQ(text.afterPrompt({1, 2}), " one two");
}

TEST(AnswerText, StopsAcrossTokens) {
  WordTokenizer tokenizer;
  Ids prompt = {0};
  std::vector<std::string> stops = {"ne tw", "zero"};
  AnswerText text(&tokenizer, prompt, stops);
  EXPECT_FALSE(text.stopped({})); // not for a stop text in the prompt
  EXPECT_FALSE(text.stopped({1}));
  EXPECT_TRUE(text.stopped({1, 2}));
  EXPECT_EQ(text.alone({1, 2}), "o");
  EXPECT_EQ(text.afterPrompt({1, 2}), " o");
  EXPECT_EQ(text.alone({1, 2, 0}), "o"); // the first of them
}

TEST(AnswerText, PromptMayEndWithinACharacter) {
  auto tokenizer = makeByteTokenizer();
  Ids prompt = {0xE2, 0x82};
  std::vector<std::string> stops;
  AnswerText text(tokenizer.get(), prompt, stops);
  EXPECT_EQ(text.afterPrompt({0xAC, 'a'}), "\xAC"
                                           "a");
}

} // namespace
} // namespace heddle::runtime
