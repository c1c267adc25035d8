// SPDX-License-Identifier: Apache-2.0
// The prompts of heddle generate, as ids.

#ifndef HEDDLE_RUNTIME_CLI_PROMPTS_H
#define HEDDLE_RUNTIME_CLI_PROMPTS_H

#include "runtime/cli/Verbs.h"
#include "runtime/text/Tokenizer.h"

namespace heddle::runtime {

/// Those of --prompt, with the special tokens of a whole input, then those of --prompt-ids, which
/// are in [0, vocabSize). `tokenizer` may be null where no --prompt is given. InvalidArgument names
/// the prompt or the flag.
StatusOr<std::vector<std::vector<int32_t>>>
readPrompts(const GenerateFlags &flags, const Tokenizer *tokenizer, int64_t vocabSize);

/// InvalidArgument where the prompts are not of the kind that the model reads, features or tokens,
/// or where flags are given that go with the other kind.
Status checkPromptKind(const GenerateFlags &flags, bool readsFeatures);

/// The tensor input_features of --inputs in f32, [N, bins, frames] with N >= 1. InvalidArgument
/// names the file, and what is missing, too much, of another shape or type, or not finite.
StatusOr<Tensor> readFeatures(FileLayer &layer, const std::string &path);

/// What bounds the shape of a generation: of the tokens that are gone on with, and of those that an
/// encoder reads. 0 for no bound.
struct PromptLimits {
  int64_t seq = 0, sourceSeq = 0;
  bool encoderDecoder = false;
  int64_t bins = 0; // of the frames that the encoder reads; 0: it reads tokens
};

/// For a compiler: rows for all prompts with their beams, as long as that is a batch of ordinary
/// size, and room for the longest prompt with its answer, rounded up so that other prompts find the
/// same kernels compiled. An encoder-decoder's prompt is its source; features get what the encoder
/// can read, or what they have where there is no bound. `files` are the model's.
StatusOr<BatchShape> promptShape(FileLayer &layer, const GenerateFlags &flags,
                                 const FileLookup &files, const PromptLimits &limits);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_CLI_PROMPTS_H
