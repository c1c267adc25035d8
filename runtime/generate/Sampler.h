// SPDX-License-Identifier: Apache-2.0
// From logits to the next token.

#ifndef HEDDLE_RUNTIME_GENERATE_SAMPLER_H
#define HEDDLE_RUNTIME_GENERATE_SAMPLER_H

#include <cstdint>
#include <vector>

#include "runtime/base/Status.h"
#include "runtime/generate/TokenRules.h"
#include "runtime/plan/Philox.h"

namespace heddle::runtime {

/// Applied in this order, each to what the one before left: repetition penalty, temperature, top-k,
/// top-p, min-p.
struct SamplingOptions {
  double temperature = 1;       // 0: always the likeliest token
  int64_t topK = 0;             // the K likeliest and those as likely as the last of them; 0: all
  double topP = 1;              // the fewest likeliest with at least this much probability
  double minP = 0;              // those at least this share as likely as the likeliest
  double repetitionPenalty = 1; // for tokens of prompt and answer: see penalizeRepetition
  uint64_t seed = 0;
};

/// InvalidArgument that names the flag out of range.
Status checkSampling(const SamplingOptions &options);

/// The random numbers of one prompt's answer, a function of seed and prompt: what other prompts
/// there are does not matter. `copy` tells apart prompts that are the same.
RandomStream promptStream(uint64_t seed, const std::vector<int32_t> &prompt, uint64_t copy);

struct Candidate {
  double logit; // after penalty and temperature, up to a constant
  int32_t id;
};
/// The tokens that the options leave to draw from, by id, or with top-p the likeliest first. The
/// temperature is above 0. FailedPrecondition where all tokens are forbidden.
StatusOr<std::vector<Candidate>> candidatesOf(const SamplingOptions &options, const float *logits,
                                              int64_t vocabSize,
                                              const std::vector<int32_t> &history,
                                              const std::vector<int32_t> &forbidden = {});

struct Sample {
  int32_t id = 0;
  double logProbability = 0; // under the model itself, before any option
};

/// Picks from `logits` (one per token of the vocabulary) what `next` permits. `history` holds the
/// tokens so far, `position` numbers the draw from `stream`; a forced token is taken without a
/// draw. Of equal logits the lowest id is the likeliest. FailedPrecondition if a logit is NaN or
/// +infinity, or if none is left above -infinity.
StatusOr<Sample> sample(const SamplingOptions &options, const float *logits, int64_t vocabSize,
                        const std::vector<int32_t> &history, const RandomStream &stream,
                        uint64_t position, const NextTokens &next = {});

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_GENERATE_SAMPLER_H
