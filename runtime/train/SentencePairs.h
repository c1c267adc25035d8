// SPDX-License-Identifier: Apache-2.0
// Documents of sentences, and pairs of texts from them of which a model says whether the second
// follows the first (arXiv:1810.04805).

#ifndef HEDDLE_RUNTIME_TRAIN_SENTENCEPAIRS_H
#define HEDDLE_RUNTIME_TRAIN_SENTENCEPAIRS_H

#include <string_view>

#include "runtime/train/Data.h"

namespace heddle::runtime {

/// The ids of its sentences, none of them empty.
using Document = std::vector<std::vector<int32_t>>;

/// A sentence is a line; a blank line ends a document. `place` is for messages.
Status appendDocuments(std::string_view text, const Tokenizer &tokenizer, const std::string &place,
                       std::vector<Document> &documents);

/// Rows of two texts, with masked tokens: the first ends with a sentence drawn, the second begins
/// with the one that follows it or, in half of the rows, with one of another document. Each takes
/// as many sentences as there is room for. The last documents are for validation. InvalidArgument
/// where a part has no two documents, or none with two sentences.
StatusOr<std::unique_ptr<TrainingData>> makeSentencePairs(std::vector<Document> documents,
                                                          const std::string &name,
                                                          const Tokenizer &tokenizer,
                                                          const DataOptions &options);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TRAIN_SENTENCEPAIRS_H
