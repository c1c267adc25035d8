// SPDX-License-Identifier: Apache-2.0
#include "runtime/train/Objective.h"

#include <utility>

namespace heddle::runtime {
namespace {

constexpr std::pair<Objective, const char *> kNames[] = {
    {Objective::CausalLm, "causal-lm"},
    {Objective::MaskedLm, "masked-lm"},
    {Objective::NextSentence, "next-sentence"},
    {Objective::Classification, "classification"},
    {Objective::SequenceToSequence, "sequence-to-sequence"},
    {Objective::Contrastive, "contrastive"},
    {Objective::Images, "images"},
    {Objective::Denoising, "denoising"},
};

} // namespace

const char *objectiveName(Objective objective) {
  for (auto [known, name] : kNames)
    if (known == objective)
      return name;
  return "";
}

StatusOr<Objective> parseObjective(const std::string &name) {
  if (name == "causal")
    return Objective::CausalLm;
  std::string names;
  for (auto [objective, known] : kNames) {
    if (name == known)
      return objective;
    absl::StrAppend(&names, names.empty() ? "" : ", ", known);
  }
  return invalidInput("--objective ", name, ": expected one of ", names);
}

StatusOr<Objective> objectiveFor(const proto::Manifest &manifest, const std::string &asked) {
  Objective own = Objective::None;
  if (!manifest.task().objective().empty()) {
    auto named = parseObjective(manifest.task().objective());
    if (!named.ok())
      return invalidInput("the executable: ", std::string(named.status().message()));
    own = *named;
  } else if (manifest.shift_labels()) {
    own = Objective::CausalLm;
  }
  if (asked.empty())
    return own;
  HEDDLE_ASSIGN_OR_RETURN(Objective objective, parseObjective(asked));
  if (objective == own)
    return own;
  if (own == Objective::None)
    return invalidInput("--objective ", asked, ": the model's head is for no objective known here");
  return invalidInput("--objective ", asked, ": the model's head is for ", objectiveName(own));
}

} // namespace heddle::runtime
