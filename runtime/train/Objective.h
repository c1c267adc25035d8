// SPDX-License-Identifier: Apache-2.0
// What a model learns from its data.

#ifndef HEDDLE_RUNTIME_TRAIN_OBJECTIVE_H
#define HEDDLE_RUNTIME_TRAIN_OBJECTIVE_H

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/Executable.pb.h"
#include "runtime/base/Status.h"
#include "runtime/text/SpecialTokens.h"

namespace heddle::runtime {

enum class Objective {
  None, // the head has no loss
  CausalLm,
  MaskedLm,
  NextSentence, // with masked tokens
  Classification,
  SequenceToSequence,
  Contrastive,
  Images,    // their classes
  Denoising, // the noise in images
};

/// "causal-lm"; "" for none.
const char *objectiveName(Objective objective);
/// What --objective names ("causal" for causal-lm too); the error lists the names.
StatusOr<Objective> parseObjective(const std::string &name);

/// The objective of an executable's head. `asked` (of --objective, may be empty) must be the same.
StatusOr<Objective> objectiveFor(const proto::Manifest &manifest, const std::string &asked);

/// What data needs to know of the model beside the shapes.
struct TrainingTask {
  Objective objective = Objective::CausalLm;
  proto::Task::Labels labels = proto::Task::NO_LABELS;
  int64_t classes = 0;
  std::vector<std::string> labelNames; // by class; empty where the model does not name them
  SpecialTokens tokens;
  std::optional<int32_t> decoderStart;                // what a decoder's input begins with
  std::optional<int64_t> neededToken;                 // that every text holds
  int64_t timesteps = 0;                              // of the noise schedule: they are below it
  bool cosineSchedule = false;                        // of noise; else linear
  bool strict = false;                                // a text that is too long is an error
  std::map<std::string, std::vector<int64_t>> inputs; // that the entry takes, with their shapes

  bool takes(const std::string &input) const { return inputs.count(input) > 0; }
};

/// Whether each token of a text has a label.
inline bool labelsTokens(const TrainingTask &task) {
  return task.labels == proto::Task::TOKEN_CLASSES || task.labels == proto::Task::REPLACED_TOKENS;
}

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TRAIN_OBJECTIVE_H
