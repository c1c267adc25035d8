// SPDX-License-Identifier: Apache-2.0
#include "runtime/cli/GenerateOptions.h"

namespace heddle::runtime {
namespace {

/// Values that leave every token its probability contradict nothing.
Status checkBeamFlags(const GenerateFlags &flags) {
  auto samples = [&](const char *flag, double value) {
    return invalidInput(flag, " ", value, ": is for sampling, --beams ", flags.beams,
                        " searches; give one of the two");
  };
  const SamplingOptions sampling = generateOptions(flags).sampling;
  if (sampling.temperature != 0 && sampling.temperature != 1)
    return samples("--temperature", sampling.temperature);
  if (sampling.topK != 0)
    return samples("--top-k", static_cast<double>(sampling.topK));
  if (sampling.topP != 1)
    return samples("--top-p", sampling.topP);
  if (sampling.minP != 0)
    return samples("--min-p", sampling.minP);
  if (flags.stream)
    return invalidInput("--stream: does not go with --beams ", flags.beams,
                        ": which answer it is shows only at the end of the search");
  return absl::OkStatus();
}

Status checkFlagsWithoutBeams(const GenerateFlags &flags) {
  auto searches = [](const std::string &flag) {
    return invalidInput(flag, ": is for beam search; give --beams 2 or more with it");
  };
  if (flags.lengthPenalty.value_or(1) != 1)
    return searches(absl::StrCat("--length-penalty ", *flags.lengthPenalty));
  if (!flags.earlyStopping.empty() && flags.earlyStopping != "false")
    return searches("--early-stopping");
  return absl::OkStatus();
}

} // namespace

Status checkGenerateFlags(const GenerateFlags &flags) {
  GenerateOptions options = generateOptions(flags);
  HEDDLE_RETURN_IF_ERROR(checkSampling(options.sampling));
  HEDDLE_RETURN_IF_ERROR(checkBeams(options.beams));
  HEDDLE_RETURN_IF_ERROR(flags.beams > 1 ? checkBeamFlags(flags) : checkFlagsWithoutBeams(flags));
  if (flags.maxNewTokens < 0 || flags.maxNewTokens > kNewTokens)
    return invalidInput("--max-new-tokens ", flags.maxNewTokens, ": expected a number from 0 to ",
                        kNewTokens);
  for (const std::string &stop : flags.stop)
    if (stop.empty())
      return invalidInput("--stop: the text is empty");
  size_t prompts = flags.prompts.size() + flags.promptIds.size();
  if (prompts == 0 && flags.inputs.empty())
    return invalidInput("--prompt, --prompt-ids or --inputs: missing");
  if (prompts > 0 && !flags.inputs.empty())
    return invalidInput("--inputs: does not go with ",
                        flags.prompts.empty() ? "--prompt-ids" : "--prompt");
  if (flags.stream && flags.json)
    return invalidInput("--stream: does not go with --json");
  if (flags.stream && prompts > 1)
    return invalidInput("--stream: takes one prompt, found ", prompts);
  return absl::OkStatus();
}

GenerateOptions generateOptions(const GenerateFlags &flags, const GenerationConfig &model) {
  GenerateOptions options;
  // Searches draw nothing, and who gives a temperature of 0 asks for none of it.
  const bool draws = model.samples && flags.beams == 1 && flags.temperature.value_or(1) != 0;
  const SamplingOptions own = draws ? model.sampling : SamplingOptions();
  options.sampling.temperature = flags.temperature.value_or(own.temperature);
  options.sampling.topK = flags.topK.value_or(own.topK);
  options.sampling.topP = flags.topP.value_or(own.topP);
  options.sampling.minP = flags.minP.value_or(own.minP);
  options.sampling.repetitionPenalty =
      flags.repetitionPenalty.value_or(model.sampling.repetitionPenalty);
  options.sampling.seed = flags.seed;
  options.maxNewTokens = flags.maxNewTokens;
  options.stopTexts = flags.stop;
  options.beams.beams = flags.beams;
  options.beams.lengthPenalty = flags.lengthPenalty.value_or(model.lengthPenalty);
  options.beams.earlyStopping =
      flags.earlyStopping.empty() ? model.earlyStopping : *earlyStoppingOf(flags.earlyStopping);
  options.endIds = model.endIds;
  if (model.decoderStart)
    options.decoderStart = {*model.decoderStart};
  options.rules = model.rules;
  return options;
}

} // namespace heddle::runtime
