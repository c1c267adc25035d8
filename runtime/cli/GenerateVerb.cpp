// SPDX-License-Identifier: Apache-2.0
// heddle generate: answers to prompts.
#include <charconv>
#include <cstdio>

#include "runtime/cli/GenerateOptions.h"
#include "runtime/cli/GenerationConfig.h"
#include "runtime/cli/OpenModel.h"
#include "runtime/cli/Verbs.h"
#include "runtime/generate/Generator.h"
#include "runtime/io/FileLayer.h"
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
  return prompts;
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

void print(const std::string &text) { fwrite(text.data(), 1, text.size(), stdout); }

/// With --json a line with an object for each prompt.
void report(const std::vector<Generation> &answers,
            const std::vector<std::vector<int32_t>> &prompts, const GenerateFlags &flags,
            const Tokenizer *tokenizer) {
  for (size_t i = 0; i < answers.size(); ++i) {
    if (flags.json)
      print(answerJson(answers[i], tokenizer != nullptr));
    else
      print((tokenizer ? tokenizer->decode(prompts[i]) : "") + answers[i].continuation);
    fputc('\n', stdout);
  }
}

/// What the user may not expect of flags that are right by themselves.
void remarkOn(const GenerateFlags &flags, const std::vector<std::vector<int32_t>> &prompts,
              int64_t T) {
  const SamplingOptions sampling = generateOptions(flags).sampling;
  if (sampling.temperature == 0 && (sampling.topK > 0 || sampling.topP < 1 || sampling.minP > 0))
    remark("--temperature 0 always takes the likeliest token: --top-k, --top-p and --min-p change "
           "nothing");
  for (const std::vector<int32_t> &prompt : prompts)
    if (auto length = static_cast<int64_t>(prompt.size());
        length <= T && flags.maxNewTokens > T - length) {
      remark(absl::StrCat("prompt and answer outgrow the ", T,
                          " tokens compiled for: from there on each token is computed from the "
                          "last ",
                          T));
      break;
    }
}

} // namespace

StatusOr<int> generateVerb(FileLayer &layer, SharedExecutable executable,
                           const GenerateFlags &flags) {
  HEDDLE_RETURN_IF_ERROR(checkGenerateFlags(flags));
  const proto::Manifest &manifest = executable->manifest();
  HEDDLE_ASSIGN_OR_RETURN(auto session, openSession(executable, flags, "prefill"));
  HEDDLE_ASSIGN_OR_RETURN(std::string folder, loadWeights(layer, *session, flags, flags.seed));
  bool needsText = !flags.prompts.empty() || !flags.stop.empty() || !flags.tokenizer.empty();
  auto chosen = chooseTokenizer(layer, flags.tokenizer, folder, *executable);
  if (!chosen.ok() && needsText)
    return chosen.status();
  std::unique_ptr<Tokenizer> tokenizer = chosen.ok() ? *std::move(chosen) : nullptr;
  HEDDLE_ASSIGN_OR_RETURN(auto prompts,
                          readPrompts(flags, tokenizer.get(),
                                      manifest.source_seq() > 0 ? manifest.source_vocab_size()
                                                                : manifest.vocab_size()));

  HEDDLE_ASSIGN_OR_RETURN(GenerationConfig config, generationConfig(*executable));
  GenerateOptions options = generateOptions(flags, config);
  for (const std::string &key : config.notFollowed)
    if (key != "num_beams" || flags.beams == 1)
      remark(absl::StrCat(config.file, ": ", key, " is not followed",
                          key == "num_beams" ? "; --beams gives their number" : ""));
  const bool sources = manifest.source_seq() > 0;
  remarkOn(flags, sources ? std::vector<std::vector<int32_t>>{options.decoderStart} : prompts,
           manifest.seq());
  TextListener listener;
  if (flags.stream) {
    print(tokenizer && !sources ? tokenizer->decode(prompts[0]) : "");
    fflush(stdout);
    listener = [](size_t, const std::string &piece) {
      print(piece);
      fflush(stdout);
    };
  }
  HEDDLE_ASSIGN_OR_RETURN(std::vector<Generation> answers,
                          generate(*session, tokenizer.get(), prompts, options, listener));
  if (flags.stream)
    fputc('\n', stdout);
  else
    report(answers, sources ? std::vector<std::vector<int32_t>>(prompts.size()) : prompts, flags,
           tokenizer.get());
  return 0;
}

} // namespace heddle::runtime
