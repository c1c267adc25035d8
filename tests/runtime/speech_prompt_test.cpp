// SPDX-License-Identifier: Apache-2.0
#include "runtime/cli/LanguageNames.h"
#include "runtime/cli/SpeechPrompt.h"
#include "tests/runtime/FakeModel.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr int32_t kStart = 3;

SpeechTokens multilingual() {
  SpeechTokens tokens;
  tokens.languages = {{"<|de|>", 41}, {"<|en|>", 40}, {"<|haw|>", 46}};
  tokens.tasks = {{"transcribe", 43}, {"translate", 44}};
  tokens.noTimestamps = 45;
  return tokens;
}

DecoderPrompt promptOf(const SpeechTokens &folder, const std::string &language = "",
                       const std::string &task = "") {
  auto prompt = decoderPrompt(kStart, folder, language, task);
  EXPECT_THAT(prompt, IsOk());
  return prompt.ok() ? *prompt : DecoderPrompt();
}

TEST(SpeechPrompt, NothingSaidIsTheStart) {
  EXPECT_THAT(promptOf({}).tokens, ElementsAre(kStart));
  EXPECT_THAT(promptOf({}).choices, IsEmpty());
}

TEST(SpeechPrompt, LanguageIsHeardWhereNobodyNamesIt) {
  SpeechTokens folder = multilingual();
  EXPECT_THAT(promptOf(folder).tokens, ElementsAre(kStart, 45));
  EXPECT_THAT(promptOf(folder).choices, ElementsAre(41, 40, 46));
  EXPECT_THAT(promptOf(folder, "", "translate").tokens, ElementsAre(kStart, 44, 45));
  EXPECT_EQ(promptOf(folder, "", "translate").choices.size(), 3u);
  folder.forced = {std::nullopt, 43};
  EXPECT_THAT(promptOf(folder).tokens, ElementsAre(kStart, 43, 45));
  EXPECT_EQ(promptOf(folder).choices.size(), 3u);
  folder.forced = {40, 43};
  EXPECT_THAT(promptOf(folder).tokens, ElementsAre(kStart, 40, 43, 45));
  EXPECT_THAT(promptOf(folder).choices, IsEmpty());
}

TEST(SpeechPrompt, NamesAreFoundAsTheFolderWritesThem) {
  SpeechTokens folder = multilingual();
  folder.languages = {{"<|zh-TW|>", 50}, {"<|la|>", 51}, {"<|german|>", 52}, {"<|de|>", 53}};
  folder.tasks = {{"Latin", 54}, {"la", 55}};
  EXPECT_THAT(promptOf(folder, "zh-TW", "latin").tokens, ElementsAre(kStart, 50, 54, 45));
  EXPECT_THAT(promptOf(folder, "Latin", "la").tokens, ElementsAre(kStart, 51, 55, 45));
  EXPECT_THAT(promptOf(folder, "German", "la").tokens, ElementsAre(kStart, 52, 55, 45));
}

TEST(SpeechPrompt, FlagsComeBeforeTheFolder) {
  SpeechTokens folder = multilingual();
  folder.forced = {40, 43, 45};
  folder.language = "en";
  folder.task = "translate";
  EXPECT_THAT(promptOf(folder).tokens, ElementsAre(kStart, 40, 44, 45));
  EXPECT_THAT(promptOf(folder, "de").tokens, ElementsAre(kStart, 41, 44, 45));
  EXPECT_THAT(promptOf(folder, "", "transcribe").tokens, ElementsAre(kStart, 40, 43, 45));
  folder.task = "";
  EXPECT_THAT(promptOf(folder).tokens, ElementsAre(kStart, 40, 43, 45));
}

TEST(SpeechPrompt, LanguagesByCodeTokenAndName) {
  for (const char *name : {"haw", "<|haw|>", "HAW", "Hawaiian"})
    EXPECT_THAT(promptOf(multilingual(), name).tokens, ElementsAre(kStart, 46, 43, 45)) << name;
  EXPECT_THAT(decoderPrompt(kStart, multilingual(), "french", ""),
              IsBadInput("--language french: expected one of de, en, haw"));
  EXPECT_EQ(languageCode("haitian creole"), "ht");
  EXPECT_EQ(languageCode("volapuk"), "");
}

TEST(SpeechPrompt, OneForcedTokenIsNotRepeated) {
  SpeechTokens folder;
  folder.multilingual = false;
  folder.noTimestamps = 45;
  folder.forced = {45};
  EXPECT_THAT(promptOf(folder).tokens, ElementsAre(kStart, 45));
  EXPECT_THAT(decoderPrompt(kStart, folder, "", "translate"),
              IsBadInput("--task translate: the model knows one language and one task only"));
}

TEST(SpeechPrompt, ConfigOfTheModelForcesWhereTheOtherDoesNot) {
  proto::Executable executable = fakeExecutable();
  auto add = [&](const char *name, const char *content) {
    proto::EmbeddedFile &file = *executable.mutable_manifest()->add_files();
    file.set_name(name);
    file.set_content(content);
  };
  add("config.json", R"({"forced_decoder_ids": [[1, 8]], "no_timestamps_token_id": 9})");
  sealExecutable(executable);
  EXPECT_THAT(speechTokens(*loadFake(executable))->forced, ElementsAre(8));
  EXPECT_FALSE(speechTokens(*loadFake(executable))->noTimestamps);
  add("generation_config.json", R"({"lang_to_id": {"<|en|>": 7}, "forced_decoder_ids": null})");
  sealExecutable(executable);
  EXPECT_THAT(speechTokens(*loadFake(executable))->forced, ElementsAre(8));
  EXPECT_EQ(speechTokens(*loadFake(executable))->languages.at("<|en|>"), 7);
}

} // namespace
} // namespace heddle::runtime
