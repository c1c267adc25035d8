// SPDX-License-Identifier: Apache-2.0
// heddle generate: answers to prompts.
#include <cstdio>

#include "runtime/cli/GenerateOptions.h"
#include "runtime/cli/GenerationConfig.h"
#include "runtime/cli/OpenModel.h"
#include "runtime/cli/Prompts.h"
#include "runtime/cli/Verbs.h"
#include "runtime/generate/Generator.h"
#include "runtime/io/FileLayer.h"
#include "runtime/io/JsonWriter.h"

namespace heddle::runtime {
namespace {

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
              const proto::Manifest &manifest) {
  const int64_t T = manifest.seq();
  const bool mayBeLonger = manifest.max_positions() == 0 || manifest.max_positions() > T;
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
                          T, mayBeLonger ? "; --seq compiles for more" : ""));
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
           manifest);
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
