// SPDX-License-Identifier: Apache-2.0
// heddle generate: answers to prompts.
#include <charconv>
#include <cstdio>

#include "runtime/cli/OpenModel.h"
#include "runtime/cli/Verbs.h"
#include "runtime/generate/Generator.h"
#include "runtime/io/FileLayer.h"
#include "runtime/io/Json.h"
#include "runtime/io/JsonWriter.h"

namespace heddle::runtime {
namespace {

StatusOr<std::vector<int32_t>> parseIds(const std::string &text, int64_t vocabSize) {
  std::vector<int32_t> ids;
  const char *at = text.data(), *end = at + text.size();
  while (true) {
    int32_t id = 0;
    auto [next, error] = std::from_chars(at, end, id);
    if (error != std::errc() || (next != end && *next != ','))
      return invalidInput("--prompt-ids ", text, ": expected numbers as 1,2,3");
    if (id < 0 || id >= vocabSize)
      return invalidInput("--prompt-ids: token ", id, " is outside the vocabulary of ", vocabSize);
    ids.push_back(id);
    if (next == end)
      return ids;
    at = next + 1;
  }
}

StatusOr<std::vector<std::vector<int32_t>>>
readPrompts(const GenerateFlags &flags, const Tokenizer *tokenizer, int64_t vocabSize) {
  std::vector<std::vector<int32_t>> prompts;
  for (size_t i = 0; i < flags.prompts.size(); ++i) {
    auto ids = tokenizer->encode(flags.prompts[i], Framing::Special);
    if (!ids.ok())
      return withContext(ids.status(), absl::StrCat("prompt ", i + 1));
    prompts.push_back(*std::move(ids));
  }
  for (const std::string &text : flags.promptIds) {
    HEDDLE_ASSIGN_OR_RETURN(std::vector<int32_t> ids, parseIds(text, vocabSize));
    prompts.push_back(std::move(ids));
  }
  if (prompts.empty())
    return invalidInput("--prompt or --prompt-ids: missing");
  return prompts;
}

/// eos_token_id of a Hugging Face config, a number or a list of them.
StatusOr<std::vector<int32_t>> endIds(const Executable &executable) {
  std::vector<int32_t> ids;
  for (const char *name : {"generation_config.json", "config.json"}) {
    const proto::EmbeddedFile *file = executable.file(name);
    if (!file)
      continue;
    HEDDLE_ASSIGN_OR_RETURN(JsonDocument config, parseJson(file->content(), name));
    auto value = config.ref().find("eos_token_id");
    if (!value)
      continue;
    std::vector<JsonRef> entries = {*value};
    if (value->value().elements()) {
      HEDDLE_ASSIGN_OR_RETURN(entries, value->asArray());
    }
    for (const JsonRef &entry : entries) {
      HEDDLE_ASSIGN_OR_RETURN(int64_t id, entry.asInteger(INT32_MIN, INT32_MAX));
      ids.push_back(static_cast<int32_t>(id));
    }
    return ids;
  }
  return ids;
}

GenerateOptions generateOptions(const GenerateFlags &flags) {
  GenerateOptions options;
  options.sampling = {flags.temperature,       flags.topK, flags.topP, flags.minP,
                      flags.repetitionPenalty, flags.seed};
  options.maxNewTokens = flags.maxNewTokens;
  options.stopTexts = flags.stop;
  return options;
}

std::string answerJson(const Generation &answer, bool hasText) {
  JsonWriter json;
  json.beginObject().member("ids", answer.ids).key("text");
  if (hasText)
    json.value(answer.text);
  else
    json.null();
  json.member("score", answer.score).endObject();
  return json.take();
}

/// With --json a line with an object for each prompt.
void report(const std::vector<Generation> &answers,
            const std::vector<std::vector<int32_t>> &prompts, const GenerateFlags &flags,
            const Tokenizer *tokenizer) {
  if (flags.json) {
    for (const Generation &answer : answers)
      printf("%s\n", answerJson(answer, tokenizer != nullptr).c_str());
    return;
  }
  for (size_t i = 0; i < answers.size(); ++i) {
    std::string line;
    if (tokenizer)
      line = tokenizer->decode(prompts[i]) + answers[i].text;
    else
      for (int32_t id : answers[i].ids)
        absl::StrAppend(&line, line.empty() ? "" : ",", id);
    fwrite(line.data(), 1, line.size(), stdout);
    fputc('\n', stdout);
  }
}

} // namespace

StatusOr<int> generateVerb(FileLayer &layer, SharedExecutable executable,
                           const GenerateFlags &flags) {
  if (flags.beams > 1)
    return invalidInput("--beams ", flags.beams, ": not supported yet");
  if (flags.stream && flags.json)
    return invalidInput("--stream: does not go with --json");
  const proto::Manifest &manifest = executable->manifest();
  HEDDLE_ASSIGN_OR_RETURN(auto session, openSession(executable, flags, "prefill"));
  HEDDLE_ASSIGN_OR_RETURN(std::string folder, loadWeights(layer, *session, flags, flags.seed));
  bool needsText = !flags.prompts.empty() || !flags.stop.empty() || !flags.tokenizer.empty();
  auto chosen = chooseTokenizer(layer, flags.tokenizer, folder, *executable);
  if (!chosen.ok() && needsText)
    return chosen.status();
  std::unique_ptr<Tokenizer> tokenizer = chosen.ok() ? *std::move(chosen) : nullptr;
  HEDDLE_ASSIGN_OR_RETURN(auto prompts, readPrompts(flags, tokenizer.get(), manifest.vocab_size()));

  GenerateOptions options = generateOptions(flags);
  HEDDLE_ASSIGN_OR_RETURN(options.endIds, endIds(*executable));
  for (const std::vector<int32_t> &prompt : prompts)
    if (auto length = static_cast<int64_t>(prompt.size());
        length <= manifest.seq() && flags.maxNewTokens > manifest.seq() - length) {
      remark(
          absl::StrCat("prompt and answer outgrow the ", manifest.seq(),
                       " tokens compiled for: from there on each token is computed from the last ",
                       manifest.seq()));
      break;
    }
  bool streams = flags.stream && tokenizer;
  if (streams && prompts.size() > 1)
    return invalidInput("--stream: takes one prompt, found ", prompts.size());
  TextListener listener;
  if (streams) {
    std::string prompt = tokenizer->decode(prompts[0]);
    fwrite(prompt.data(), 1, prompt.size(), stdout);
    listener = [](size_t, const std::string &piece) {
      fwrite(piece.data(), 1, piece.size(), stdout);
      fflush(stdout);
    };
  }
  HEDDLE_ASSIGN_OR_RETURN(std::vector<Generation> answers,
                          generate(*session, tokenizer.get(), prompts, options, listener));
  if (streams)
    fputc('\n', stdout);
  else
    report(answers, prompts, flags, tokenizer.get());
  return 0;
}

} // namespace heddle::runtime
