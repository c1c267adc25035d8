// SPDX-License-Identifier: Apache-2.0
#include "runtime/cli/Prompts.h"

#include <algorithm>
#include <bit>
#include <charconv>

#include "runtime/cli/OpenModel.h"
#include "runtime/generate/Generator.h"
#include "runtime/io/Safetensors.h"
#include "runtime/plan/EntryInputs.h"
#include "runtime/plan/FiniteScan.h"

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

/// A cache for more new tokens than that must be asked for by --seq: it takes memory whether or not
/// an answer grows that long.
constexpr int64_t kMostRoom = 4096;

/// At most a quarter more than `tokens` beyond the first step.
int64_t roundedLength(int64_t tokens, int64_t longest) {
  constexpr uint64_t kLeastStep = 64;
  auto step =
      static_cast<int64_t>(std::max(kLeastStep, std::bit_floor(static_cast<uint64_t>(tokens)) / 4));
  int64_t rounded = (tokens + step - 1) / step * step;
  return longest > 0 ? std::min(rounded, longest) : rounded;
}

int64_t rowsFor(int64_t prompts, int64_t beams) {
  constexpr int64_t kMostRows = 16;
  return beams * std::min(prompts, std::max<int64_t>(1, kMostRows / beams));
}

/// The one tensor of a file of sounds, [N, bins, frames].
StatusOr<TensorView> featuresOf(const SafetensorsFile &file) {
  auto found = file.find(kFeaturesInput);
  if (!found)
    return invalidInput(file.path(), ": holds no tensor ", kFeaturesInput, " [N, bins, frames]");
  for (size_t i = 0; i < file.size(); ++i)
    if (file.at(i).name() != kFeaturesInput)
      return file.at(i).error(
          absl::StrCat("is not read; generate takes ", kFeaturesInput, " only"));
  if (found->shape().size() != 3 || found->elements() == 0)
    return found->error(
        absl::StrCat("has shape ", shapeText(found->shape()), ", expected [N, bins, frames]"));
  return *found;
}

/// Of N prompts that an encoder hears.
StatusOr<BatchShape> featuresShape(FileLayer &layer, const GenerateFlags &flags,
                                   const PromptLimits &limits) {
  // The start, language, task, and that there are no timestamps, with room for others.
  constexpr int64_t kDecoderStart = 8;
  HEDDLE_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(layer, flags.inputs));
  HEDDLE_ASSIGN_OR_RETURN(TensorView features, featuresOf(file));
  const std::vector<int64_t> &found = features.shape();
  const int64_t longest = limits.sourceSeq > 0 ? 2 * limits.sourceSeq : found[2];
  HEDDLE_RETURN_IF_ERROR(withContext(checkFitsEncoder(found, limits.bins, longest), flags.inputs));
  BatchShape shape;
  shape.batch = rowsFor(found[0], flags.beams);
  shape.sourceSeq = (longest + 1) / 2;
  shape.seq = roundedLength(kDecoderStart + std::min(flags.maxNewTokens, kMostRoom), limits.seq);
  return shape;
}

} // namespace

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

Status checkPromptKind(const GenerateFlags &flags, bool readsFeatures) {
  const bool prompts = !flags.prompts.empty() || !flags.promptIds.empty();
  const char *prompt = flags.prompts.empty() ? "--prompt-ids" : "--prompt";
  if (readsFeatures && prompts)
    return invalidInput(prompt, ": the encoder of ", flags.model, " reads ", kFeaturesInput,
                        ", not tokens; give them with --inputs FILE.safetensors");
  if (readsFeatures)
    return absl::OkStatus();
  auto wrong = [&](const char *flag, const std::string &value) {
    return invalidInput(flag, " ", value, ": ", flags.model, " has no encoder that reads ",
                        kFeaturesInput);
  };
  if (!flags.inputs.empty())
    return invalidInput("--inputs ", flags.inputs, ": ", flags.model, " reads tokens, not ",
                        kFeaturesInput, "; give --prompt or --prompt-ids");
  if (!flags.language.empty())
    return wrong("--language", flags.language);
  return flags.task.empty() ? absl::OkStatus() : wrong("--task", flags.task);
}

StatusOr<Tensor> readFeatures(FileLayer &layer, const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(layer, path));
  HEDDLE_ASSIGN_OR_RETURN(TensorView found, featuresOf(file));
  const std::vector<int64_t> &shape = found.shape();
  Tensor features{DType::F32, shape, std::string(found.elements() * sizeof(float), '\0')};
  HEDDLE_RETURN_IF_ERROR(copyToF32(found, features.as<float>()));
  if (auto place = firstNonFinite(DType::F32, features.bytes.data(), features.elements()))
    return found.error(describe(*place, shape, features.elements()));
  return features;
}

StatusOr<BatchShape> promptShape(FileLayer &layer, const GenerateFlags &flags,
                                 const FileLookup &files, const PromptLimits &limits) {
  if (limits.bins > 0)
    return featuresShape(layer, flags, limits);
  std::unique_ptr<Tokenizer> tokenizer;
  if (!flags.prompts.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(tokenizer,
                            tokenizerToCompileFor(layer, flags.tokenizer, files, flags.model));
  }
  // Which ids the model knows is checked where they are used.
  HEDDLE_ASSIGN_OR_RETURN(auto prompts, readPrompts(flags, tokenizer.get(), INT32_MAX));
  int64_t longest = 1;
  for (const std::vector<int32_t> &prompt : prompts)
    longest = std::max(longest, static_cast<int64_t>(prompt.size()));
  BatchShape shape;
  shape.batch = rowsFor(static_cast<int64_t>(prompts.size()), flags.beams);
  if (limits.encoderDecoder) {
    shape.sourceSeq = roundedLength(longest, limits.sourceSeq);
    longest = 1; // the token that an answer starts from
  }
  shape.seq = roundedLength(longest + std::min(flags.maxNewTokens, kMostRoom), limits.seq);
  return shape;
}

} // namespace heddle::runtime
