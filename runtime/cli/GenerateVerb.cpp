// SPDX-License-Identifier: Apache-2.0
// heddle generate: answers to prompts.
#include <cstdio>

#include "runtime/cli/GenerateOptions.h"
#include "runtime/cli/GenerationConfig.h"
#include "runtime/cli/OpenModel.h"
#include "runtime/cli/Prompts.h"
#include "runtime/cli/SpeechPrompt.h"
#include "runtime/cli/Verbs.h"
#include "runtime/generate/EntryRunner.h"
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

/// What the model is asked, and what the answers go on from: nothing that is shown of what an
/// encoder reads.
struct Questions {
  std::vector<std::vector<int32_t>> prompts;
  std::optional<Tensor> features; // in place of prompts
  bool sources = false;           // an encoder reads them

  size_t size() const { return features ? features->shape[0] : prompts.size(); }
  std::string shown(size_t i, const Tokenizer *tokenizer) const {
    return tokenizer && !sources ? tokenizer->decode(prompts[i]) : "";
  }
};

StatusOr<Questions> readQuestions(FileLayer &layer, const GenerateFlags &flags,
                                  const Tokenizer *tokenizer, const Executable &executable) {
  const proto::Manifest &manifest = executable.manifest();
  Questions questions;
  questions.sources = manifest.source_seq() > 0;
  if (!flags.inputs.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(questions.features, readFeatures(layer, flags.inputs));
    const std::vector<int64_t> compiled = framesShape(executable);
    HEDDLE_RETURN_IF_ERROR(withContext(
        checkFitsEncoder(questions.features->shape, compiled[1], compiled[2]), flags.inputs));
  } else {
    HEDDLE_ASSIGN_OR_RETURN(
        questions.prompts,
        readPrompts(flags, tokenizer,
                    questions.sources ? manifest.source_vocab_size() : manifest.vocab_size()));
  }
  if (flags.stream && questions.size() > 1)
    return invalidInput("--stream: takes one prompt, found ", questions.size(), " in ",
                        flags.inputs);
  return questions;
}

/// With --json a line with an object for each prompt.
void report(const std::vector<Generation> &answers, const Questions &questions,
            const GenerateFlags &flags, const Tokenizer *tokenizer) {
  for (size_t i = 0; i < answers.size(); ++i) {
    if (flags.json)
      print(answerJson(answers[i], tokenizer != nullptr));
    else
      print(questions.shown(i, tokenizer) + answers[i].continuation);
    fputc('\n', stdout);
  }
}

/// What the user may not expect of flags that are right by themselves.
void remarkOn(const GenerateFlags &flags, const Questions &questions,
              const GenerateOptions &options, const proto::Manifest &manifest) {
  const int64_t T = manifest.seq();
  const bool mayBeLonger = manifest.max_positions() == 0 || manifest.max_positions() > T;
  const SamplingOptions sampling = generateOptions(flags).sampling;
  if (sampling.temperature == 0 && (sampling.topK > 0 || sampling.topP < 1 || sampling.minP > 0))
    remark("--temperature 0 always takes the likeliest token: --top-k, --top-p and --min-p change "
           "nothing");
  std::vector<size_t> lengths;
  for (const std::vector<int32_t> &prompt : questions.prompts)
    lengths.push_back(prompt.size());
  if (questions.sources)
    lengths = {options.decoderStart.size() + (options.decoderChoices.empty() ? 0 : 1)};
  for (size_t tokens : lengths)
    if (auto length = static_cast<int64_t>(tokens);
        length <= T && flags.maxNewTokens > T - length) {
      remark(absl::StrCat("prompt and answer outgrow the ", T,
                          " tokens compiled for: from there on each token is computed from the "
                          "last ",
                          T, mayBeLonger ? "; --seq compiles for more" : ""));
      break;
    }
}

/// What the flags leave open is the folder's.
StatusOr<GenerateOptions> optionsFor(const Executable &executable, const GenerateFlags &flags) {
  HEDDLE_ASSIGN_OR_RETURN(GenerationConfig config, generationConfig(executable));
  GenerateOptions options = generateOptions(flags, config);
  for (const std::string &key : config.notFollowed)
    if (key != "num_beams" || flags.beams == 1)
      remark(absl::StrCat(config.file, ": ", key, " is not followed",
                          key == "num_beams" ? "; --beams gives their number" : ""));
  if (framesShape(executable).empty() || !config.decoderStart)
    return options;
  HEDDLE_ASSIGN_OR_RETURN(SpeechTokens tokens, speechTokens(executable));
  HEDDLE_ASSIGN_OR_RETURN(DecoderPrompt prompt,
                          decoderPrompt(*config.decoderStart, tokens, flags.language, flags.task));
  options.decoderStart = std::move(prompt.tokens);
  options.decoderChoices = std::move(prompt.choices);
  return options;
}

StatusOr<std::vector<Generation>> answer(Session &session, const Tokenizer *tokenizer,
                                         const Questions &questions, const GenerateOptions &options,
                                         const TextListener &listener) {
  return questions.features
             ? generateFromFeatures(session, tokenizer, *questions.features, options, listener)
             : generate(session, tokenizer, questions.prompts, options, listener);
}

} // namespace

StatusOr<int> generateVerb(FileLayer &layer, SharedExecutable executable,
                           const GenerateFlags &flags) {
  HEDDLE_RETURN_IF_ERROR(checkGenerateFlags(flags));
  HEDDLE_ASSIGN_OR_RETURN(auto session, openSession(executable, flags, "prefill"));
  HEDDLE_RETURN_IF_ERROR(checkPromptKind(flags, !framesShape(*executable).empty()));
  HEDDLE_ASSIGN_OR_RETURN(std::string folder, loadWeights(layer, *session, flags, flags.seed));
  bool needsText = !flags.prompts.empty() || !flags.stop.empty() || !flags.tokenizer.empty();
  auto chosen = chooseTokenizer(layer, flags.tokenizer, folder, *executable);
  if (!chosen.ok() && needsText)
    return chosen.status();
  std::unique_ptr<Tokenizer> tokenizer = chosen.ok() ? *std::move(chosen) : nullptr;
  HEDDLE_ASSIGN_OR_RETURN(Questions questions,
                          readQuestions(layer, flags, tokenizer.get(), *executable));
  HEDDLE_ASSIGN_OR_RETURN(GenerateOptions options, optionsFor(*executable, flags));
  remarkOn(flags, questions, options, executable->manifest());
  TextListener listener;
  if (flags.stream) {
    print(questions.shown(0, tokenizer.get()));
    fflush(stdout);
    listener = [](size_t, const std::string &piece) {
      print(piece);
      fflush(stdout);
    };
  }
  HEDDLE_ASSIGN_OR_RETURN(std::vector<Generation> answers,
                          answer(*session, tokenizer.get(), questions, options, listener));
  if (flags.stream)
    fputc('\n', stdout);
  else
    report(answers, questions, flags, tokenizer.get());
  return 0;
}

} // namespace heddle::runtime
