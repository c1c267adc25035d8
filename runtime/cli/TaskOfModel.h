// SPDX-License-Identifier: Apache-2.0
// What training data needs to know of the model and its tokenizer.

#ifndef HEDDLE_RUNTIME_CLI_TASKOFMODEL_H
#define HEDDLE_RUNTIME_CLI_TASKOFMODEL_H

#include "runtime/cli/Flags.h"
#include "runtime/plan/Session.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/train/Objective.h"

namespace heddle::runtime {

class FileLayer;

/// For the entry that makes a step. `tokenizer` may be null; what its tokens are for is looked up
/// in the first of `folders` (empty ones are passed over) that says so, else in the executable.
StatusOr<TrainingTask> taskOfModel(FileLayer &layer, const Executable &executable,
                                   const PreparedEntry &step, const Tokenizer *tokenizer,
                                   const TrainFlags &flags,
                                   const std::vector<std::string> &folders);

/// Which of the tokenizer's tokens mask, pad and end, looked up in the same places.
StatusOr<SpecialTokens> specialTokens(FileLayer &layer, const Executable &executable,
                                      const Tokenizer &tokenizer,
                                      const std::vector<std::string> &folders);

/// The folder that --tokenizer names, or that its file lies in; "" for one that is no path.
std::string tokenizerFolder(FileLayer &layer, const std::string &name);

/// The names of classes by their number, as config.json's id2label says; empty without it.
StatusOr<std::vector<std::string>> labelNames(const Executable &executable);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_CLI_TASKOFMODEL_H
