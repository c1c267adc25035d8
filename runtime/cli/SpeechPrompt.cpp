// SPDX-License-Identifier: Apache-2.0
#include "runtime/cli/SpeechPrompt.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "runtime/cli/GenerationConfig.h"
#include "runtime/cli/LanguageNames.h"
#include "runtime/io/Json.h"
#include "runtime/plan/Executable.h"

namespace heddle::runtime {
namespace {

using Table = std::map<std::string, int32_t>;

constexpr char kDefaultTask[] = "transcribe";

StatusOr<int32_t> tokenOf(const JsonRef &value, int64_t vocabulary) {
  HEDDLE_ASSIGN_OR_RETURN(int64_t id, value.asInteger(0, vocabulary - 1));
  return static_cast<int32_t>(id);
}

Status takeTable(const JsonRef &config, const char *key, int64_t vocabulary, Table &table) {
  auto value = config.find(key);
  if (!value)
    return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(auto members, value->asObject());
  for (const auto &[name, id] : members) {
    HEDDLE_ASSIGN_OR_RETURN(table[name], tokenOf(id, vocabulary));
  }
  return absl::OkStatus();
}

/// [[1, id], [2, id], ...], where an id may be null.
Status takeForced(const JsonRef &config, int64_t vocabulary, SpeechTokens &tokens) {
  auto value = config.find("forced_decoder_ids");
  if (!value)
    return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> entries, value->asArray());
  for (const JsonRef &entry : entries) {
    HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> pair, entry.asArray());
    if (pair.size() != 2)
      return entry.error("expected a position and a token");
    const auto position = static_cast<int64_t>(tokens.forced.size()) + 1;
    HEDDLE_RETURN_IF_ERROR(pair[0].asInteger(position, position).status());
    std::optional<int32_t> id;
    if (!pair[1].isNull()) {
      HEDDLE_ASSIGN_OR_RETURN(id, tokenOf(pair[1], vocabulary));
    }
    tokens.forced.push_back(id);
  }
  return absl::OkStatus();
}

Status takeGenerationConfig(const JsonRef &config, int64_t vocabulary, SpeechTokens &tokens) {
  HEDDLE_ASSIGN_OR_RETURN(tokens.multilingual, config.getBool("is_multilingual", true));
  HEDDLE_RETURN_IF_ERROR(takeTable(config, "lang_to_id", vocabulary, tokens.languages));
  HEDDLE_RETURN_IF_ERROR(takeTable(config, "task_to_id", vocabulary, tokens.tasks));
  HEDDLE_ASSIGN_OR_RETURN(tokens.language, config.getString("language", ""));
  HEDDLE_ASSIGN_OR_RETURN(tokens.task, config.getString("task", ""));
  if (auto value = config.find("no_timestamps_token_id")) {
    HEDDLE_ASSIGN_OR_RETURN(tokens.noTimestamps, tokenOf(*value, vocabulary));
  }
  return absl::OkStatus();
}

/// "en" of "<|en|>".
std::string bareName(const std::string &name) {
  const bool framed = name.size() > 4 && name.starts_with("<|") && name.ends_with("|>");
  return framed ? name.substr(2, name.size() - 4) : name;
}

/// The token of a name, with or without <| |> around it, or of a language's English name. `what` is
/// for the error.
StatusOr<int32_t> find(const Table &table, const std::string &name, const std::string &what,
                       const char *key, bool isLanguage) {
  if (table.empty())
    return invalidInput(what, ": the model has no ", key, " (", kGenerationFile,
                        "), which says the tokens for it");
  const std::string wanted = bareName(absl::AsciiStrToLower(name));
  const std::string_view code = isLanguage ? languageCode(wanted) : "";
  std::vector<std::string> known;
  std::optional<int32_t> ofCode;
  for (const auto &[entry, id] : table) {
    known.push_back(bareName(entry));
    const std::string lowered = absl::AsciiStrToLower(known.back());
    if (lowered == wanted)
      return id;
    if (!code.empty() && lowered == code)
      ofCode = id;
  }
  if (ofCode)
    return *ofCode;
  return invalidInput(what, ": expected ", known.size() > 1 ? "one of " : "",
                      absl::StrJoin(known, ", "));
}

/// Where a wish comes from, for an error.
std::string origin(const char *flag, const char *key, const std::string &given,
                   const std::string &folder) {
  return given.empty() ? absl::StrCat(kGenerationFile, ": key \"", key, "\": \"", folder, "\"")
                       : absl::StrCat(flag, " ", given);
}

} // namespace

StatusOr<SpeechTokens> speechTokens(const Executable &executable) {
  SpeechTokens tokens;
  const int64_t vocabulary = executable.manifest().vocab_size();
  for (const char *name : {kGenerationFile, "config.json"}) {
    const proto::EmbeddedFile *file = executable.file(name);
    if (!file)
      continue;
    HEDDLE_ASSIGN_OR_RETURN(JsonDocument config, parseJson(file->content(), name));
    if (name == kGenerationFile)
      HEDDLE_RETURN_IF_ERROR(takeGenerationConfig(config.ref(), vocabulary, tokens));
    if (tokens.forced.empty())
      HEDDLE_RETURN_IF_ERROR(takeForced(config.ref(), vocabulary, tokens));
  }
  return tokens;
}

StatusOr<DecoderPrompt> decoderPrompt(int32_t start, const SpeechTokens &folder,
                                      const std::string &givenLanguage,
                                      const std::string &givenTask) {
  if (!folder.multilingual && !(givenLanguage.empty() && givenTask.empty()))
    return invalidInput(givenLanguage.empty() ? "--task " + givenTask
                                              : "--language " + givenLanguage,
                        ": the model knows one language and one task only (is_multilingual in ",
                        kGenerationFile, ")");
  const std::string language = givenLanguage.empty() ? folder.language : givenLanguage;
  const std::string task = givenTask.empty() ? folder.task : givenTask;
  std::vector<std::optional<int32_t>> tokens = {start};
  if (language.empty() && task.empty())
    tokens.insert(tokens.end(), folder.forced.begin(), folder.forced.end());
  DecoderPrompt prompt;
  if (!language.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(int32_t id,
                            find(folder.languages, language,
                                 origin("--language", "language", givenLanguage, folder.language),
                                 "lang_to_id", /*isLanguage=*/true));
    tokens.push_back(id);
  } else if (tokens.size() == 1 || !tokens[1]) {
    for (const auto &[name, id] : folder.languages)
      prompt.choices.push_back(id);
  }
  if (!task.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(int32_t id,
                            find(folder.tasks, task,
                                 origin("--task", "task", givenTask, folder.task), "task_to_id",
                                 /*isLanguage=*/false));
    tokens.push_back(id);
  } else if (!language.empty() && !folder.tasks.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(int32_t id,
                            find(folder.tasks, kDefaultTask,
                                 absl::StrCat("--task: is left out, which means ", kDefaultTask),
                                 "task_to_id", /*isLanguage=*/false));
    tokens.push_back(id);
  }
  if (folder.noTimestamps && tokens.back() != folder.noTimestamps)
    tokens.push_back(folder.noTimestamps);
  for (const std::optional<int32_t> &token : tokens)
    if (token)
      prompt.tokens.push_back(*token);
  return prompt;
}

} // namespace heddle::runtime
