// SPDX-License-Identifier: Apache-2.0
// heddle run --entry encode on texts: a vector for each, and how close they are.

#ifndef HEDDLE_RUNTIME_CLI_ENCODETEXTS_H
#define HEDDLE_RUNTIME_CLI_ENCODETEXTS_H

#include "runtime/cli/Verbs.h"
#include "runtime/text/Tokenizer.h"

namespace heddle::runtime {

/// Texts of --similarity: it compares each with each other.
inline constexpr int64_t kSimilarityTexts = 4096;

/// Whether the flags give texts in place of --inputs. InvalidArgument where they contradict each
/// other or the entry.
StatusOr<bool> givesTexts(const RunFlags &flags);

/// For a compiler: how many texts at a time, and as many tokens as the longest one takes, at most
/// `longest` (0: any number). `files` are those of the model.
StatusOr<BatchShape> textShape(FileLayer &layer, const RunFlags &flags, const FileLookup &files,
                               int64_t longest);

/// Tokenizes, runs `encode` batch by batch, writes --outputs (.npy: [N, C]; else a safetensors file
/// with sentence_embedding) and reports.
StatusOr<int> encodeTexts(FileLayer &layer, SharedExecutable executable, const RunFlags &flags);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_CLI_ENCODETEXTS_H
