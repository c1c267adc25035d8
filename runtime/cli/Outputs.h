// SPDX-License-Identifier: Apache-2.0
// What a verb will write, looked at before anything is compiled or run: a run of hours must not end
// with a path that was wrong from the start, and no result may take the place of an input.

#ifndef HEDDLE_RUNTIME_CLI_OUTPUTS_H
#define HEDDLE_RUNTIME_CLI_OUTPUTS_H

#include <string>
#include <vector>

#include "runtime/base/Status.h"
#include "runtime/cli/Flags.h"

namespace heddle::runtime {

class FileLayer;

/// `FLAG PATH: ...` if the folder of `path` is missing or may not be written to, if `path` is a
/// folder, pipe or device, or if it is one of `inputs` or, where those are model folders, a file
/// that makes them one. An empty `path` or input is one that was not asked for.
Status checkOutputFile(FileLayer &layer, const char *flag, const std::string &path,
                       const std::vector<std::string> &inputs);

/// All files that a verb's flags name. For training a log that is there must be one, and --out a
/// folder, new or empty without --resume.
Status checkOutputs(FileLayer &layer, const RunFlags &flags);
Status checkOutputs(FileLayer &layer, const TrainFlags &flags);
Status checkOutputs(FileLayer &layer, const BenchFlags &flags);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_CLI_OUTPUTS_H
