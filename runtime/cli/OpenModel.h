// SPDX-License-Identifier: Apache-2.0
// What the verbs share: flags against the executable, weights, tokenizers.

#ifndef HEDDLE_RUNTIME_CLI_OPENMODEL_H
#define HEDDLE_RUNTIME_CLI_OPENMODEL_H

#include <memory>
#include <string>

#include "runtime/cli/Flags.h"
#include "runtime/plan/Session.h"
#include "runtime/text/Tokenizer.h"

namespace heddle::runtime {

class FileLayer;

/// InvalidArgument where a flag asks for what was not compiled; it says what was.
Status checkCompiled(const Executable &executable, const ModelFlags &flags);

/// InvalidArgument where --dropout is not that of the executable.
Status checkDropout(const Executable &executable, double dropout);

/// InvalidArgument where --freeze is given and not that of the executable.
Status checkFreeze(const Executable &executable, const std::vector<std::string> &patterns);

/// The same for --label-smoothing; nothing where it is not given.
Status checkLabelSmoothing(const Executable &executable, std::optional<double> smoothing);

/// InvalidArgument where --lora is given and the executable has no adapters. Otherwise they are
/// those that it was compiled with.
Status checkLora(const Executable &executable, const std::string &lora);

/// "8GiB", "500 MB", "1073741824".
StatusOr<uint64_t> parseBytes(const std::string &flag, const std::string &text);

/// InvalidArgument where running the entry takes more memory than --memory-budget, if that is
/// given.
Status checkBudget(const proto::Manifest &manifest, const proto::Plan &plan, int threads,
                   const ModelFlags &flags);

/// A session without weights, after checkCompiled and after comparing --memory-budget with what
/// `entry` needs.
StatusOr<std::unique_ptr<Session>> openSession(std::shared_ptr<const Executable> executable,
                                               const ModelFlags &flags, const std::string &entry);

/// --weights, else the folder recorded at compile time (which must be unchanged), else random by
/// `seed`, said as a remark. Returns the folder that the weights came from, or "".
StatusOr<std::string> loadWeights(FileLayer &layer, Session &session, const ModelFlags &flags,
                                  uint64_t seed);

/// After a run of an entry: its first output that is not finite, and where that comes from; ""
/// where all are as they should be.
StatusOr<std::string> problemAfter(Session &session, const std::string &entry);

/// The tokenizer among the executable's files; null if it has none.
StatusOr<std::unique_ptr<Tokenizer>> embeddedTokenizer(const Executable &executable);

/// `name` (of --tokenizer) if given, else the tokenizer in `folder` (may be empty), else the
/// executable's own, else bytes, said as a remark. An error where the tokenizer has more tokens
/// than the model.
StatusOr<std::unique_ptr<Tokenizer>> chooseTokenizer(FileLayer &layer, const std::string &name,
                                                     const std::string &folder,
                                                     const Executable &executable);

/// The same while there is no executable yet: `name`, else the tokenizer among the model's files,
/// else bytes. `model` goes before a file's name in messages.
StatusOr<std::unique_ptr<Tokenizer>> tokenizerToCompileFor(FileLayer &layer,
                                                           const std::string &name,
                                                           const FileLookup &files,
                                                           const std::string &model);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_CLI_OPENMODEL_H
