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
  if (flags.temperature != 0 && flags.temperature != 1)
    return samples("--temperature", flags.temperature);
  if (flags.topK != 0)
    return samples("--top-k", static_cast<double>(flags.topK));
  if (flags.topP != 1)
    return samples("--top-p", flags.topP);
  if (flags.minP != 0)
    return samples("--min-p", flags.minP);
  if (flags.stream)
    return invalidInput("--stream: does not go with --beams ", flags.beams,
                        ": which answer it is shows only at the end of the search");
  return absl::OkStatus();
}

Status checkFlagsWithoutBeams(const GenerateFlags &flags) {
  auto searches = [](const std::string &flag) {
    return invalidInput(flag, ": is for beam search; give --beams 2 or more with it");
  };
  if (flags.lengthPenalty != 1)
    return searches(absl::StrCat("--length-penalty ", flags.lengthPenalty));
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
  if (prompts == 0)
    return invalidInput("--prompt or --prompt-ids: missing");
  if (flags.stream && flags.json)
    return invalidInput("--stream: does not go with --json");
  if (flags.stream && prompts > 1)
    return invalidInput("--stream: takes one prompt, found ", prompts);
  return absl::OkStatus();
}

GenerateOptions generateOptions(const GenerateFlags &flags) {
  GenerateOptions options;
  options.sampling = {flags.temperature,       flags.topK, flags.topP, flags.minP,
                      flags.repetitionPenalty, flags.seed};
  options.maxNewTokens = flags.maxNewTokens;
  options.stopTexts = flags.stop;
  options.beams.beams = flags.beams;
  options.beams.lengthPenalty = flags.lengthPenalty;
  if (flags.earlyStopping == "true")
    options.beams.earlyStopping = EarlyStopping::WhenFull;
  else if (flags.earlyStopping == "never")
    options.beams.earlyStopping = EarlyStopping::Never;
  return options;
}

} // namespace heddle::runtime
