// SPDX-License-Identifier: Apache-2.0
// The verbs that run an executable, from a file (heddle-run) or just compiled (heddle). Results go
// to standard output, everything else to standard error.

#ifndef HEDDLE_RUNTIME_CLI_VERBS_H
#define HEDDLE_RUNTIME_CLI_VERBS_H

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "runtime/cli/Flags.h"
#include "runtime/plan/EntryInputs.h"
#include "runtime/plan/Executable.h"
#include "runtime/plan/Tensor.h"

namespace heddle::runtime {

class FileLayer;
class Tokenizer;

/// Each checks that the flags fit what was compiled, runs, and returns the exit code or the error
/// that gives it (see exitCode in runtime/base/Status.h).
using SharedExecutable = std::shared_ptr<const Executable>;
StatusOr<int> runVerb(FileLayer &layer, SharedExecutable executable, const RunFlags &flags);
StatusOr<int> trainVerb(FileLayer &layer, SharedExecutable executable, const TrainFlags &flags);
StatusOr<int> generateVerb(FileLayer &layer, SharedExecutable executable,
                           const GenerateFlags &flags);
/// `compileMs` goes into the report.
StatusOr<int> benchVerb(FileLayer &layer, SharedExecutable executable, const BenchFlags &flags,
                        double compileMs = 0);

/// What main does once the flags are read: runs the command, prints an error as "error: ..." on
/// standard error and returns the exit code. main calls prepareProcess (Process.h) first.
int runCommand(const std::function<StatusOr<int>()> &command);
/// One line of chatter: "remark: ..." on standard error.
void remark(const std::string &text);

/// For a compiler that must know B and T before it compiles: the shape of `input_ids` in --inputs,
/// or the B of `pixel_values`, with T 0: the model's own. A step takes several batches too. Of an
/// encoder-decoder that is the source's, and T is that of decoder_input_ids or labels.
struct BatchShape {
  int64_t batch = 0, seq = 0, microBatches = 1, sourceSeq = 0;
};
StatusOr<BatchShape> inputShape(FileLayer &layer, const std::string &inputs,
                                const std::string &entry, bool encoderDecoder = false);

/// The tensors of --inputs; `labels` as the aligned `targets` of our loss, shifted where the
/// model's own labels are.
StatusOr<TensorMap> readRunInputs(FileLayer &layer, const std::string &inputs,
                                  const InputRules &rules);

/// --objective, else that of the checkpoint to be resumed; "" where neither says it.
StatusOr<std::string> trainingObjective(FileLayer &layer, const TrainFlags &flags);

/// The tokenizer of a training run, for a compiler that takes the vocabulary from it. In this
/// order: that of the checkpoint to be resumed, --tokenizer (`char` is made from the text of
/// --data), that of `modelFolder` (may be empty). Null if none is named: the caller decides
/// (bytes).
StatusOr<std::unique_ptr<Tokenizer>> trainingTokenizer(FileLayer &layer, const TrainFlags &flags,
                                                       const std::string &modelFolder);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_CLI_VERBS_H
