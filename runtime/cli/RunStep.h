// SPDX-License-Identifier: Apache-2.0
// `heddle run --entry step`: one step of training on inputs from a file. Internal to the verb.

#ifndef HEDDLE_RUNTIME_CLI_RUNSTEP_H
#define HEDDLE_RUNTIME_CLI_RUNSTEP_H

#include <string>

#include "runtime/plan/Session.h"

namespace heddle::runtime {

class FileLayer;

/// The entry that a step on these inputs ends with.
std::string stepEntry(const TensorMap &inputs);

/// What a run of an entry gave.
struct EntryRun {
  TensorMap outputs;
  std::string problem; // what is not finite and where it comes from; "" if all is well
};

/// Makes the step that `inputs` describe: input_ids and targets [B, T], or [N, B, T] for N
/// micro-batches; hyper and grad_clip where they are not AdamW's defaults and no clipping. Moments,
/// step and seed are those of the checkpoint in `folder`; without one (or with "") the moments are
/// zero, the step is the first. Outputs: loss, grad_norm.
StatusOr<EntryRun> runStep(FileLayer &layer, Session &session, const TensorMap &inputs,
                           const std::string &folder, uint64_t seed);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_CLI_RUNSTEP_H
