// SPDX-License-Identifier: Apache-2.0
// What rows need of an objective before there are any.

#ifndef HEDDLE_RUNTIME_TRAIN_ROWSETUP_H
#define HEDDLE_RUNTIME_TRAIN_ROWSETUP_H

#include "runtime/train/RowData.h"

namespace heddle::runtime {

RowLayout layoutFor(const DataOptions &options);

/// For objectives that mask tokens, else none. InvalidArgument where the tokenizer has no mask.
StatusOr<std::optional<TokenMasker>> maskerFor(const Tokenizer &tokenizer,
                                               const DataOptions &options);

/// Framed windows at places drawn by seed and number, with masked tokens.
StatusOr<std::unique_ptr<TrainingData>> makeMaskedWindows(std::vector<int32_t> tokens,
                                                          const std::string &name,
                                                          const Tokenizer &tokenizer,
                                                          const DataOptions &options);

/// How many of `count` examples (or documents: `what`) are for training, the rest for validation.
/// InvalidArgument where a part gets none.
StatusOr<uint64_t> trainingShare(uint64_t count, const char *what, const std::string &name,
                                 const DataOptions &options);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TRAIN_ROWSETUP_H
