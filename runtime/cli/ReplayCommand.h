// SPDX-License-Identifier: Apache-2.0
// The command that a user is given with a replay.

#ifndef HEDDLE_RUNTIME_CLI_REPLAYCOMMAND_H
#define HEDDLE_RUNTIME_CLI_REPLAYCOMMAND_H

#include <string>

#include "runtime/cli/Flags.h"

namespace heddle::runtime {

class Executable;

/// The `run` that does again what `entry` did in the training run of `flags`, from a replay's
/// folder, ready for a shell. The folder is the MODEL where the executable brings a definition for
/// it; else it gives the weights.
std::string replayCommand(const Executable &executable, const TrainFlags &flags,
                          const std::string &folder, const std::string &entry);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_CLI_REPLAYCOMMAND_H
