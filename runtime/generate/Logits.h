// SPDX-License-Identifier: Apache-2.0
// What a model says of the next token, and what is done to it before one is chosen.

#ifndef HEDDLE_RUNTIME_GENERATE_LOGITS_H
#define HEDDLE_RUNTIME_GENERATE_LOGITS_H

#include <cstdint>
#include <vector>

#include "runtime/base/Status.h"

namespace heddle::runtime {

/// The logarithm of each token's probability. FailedPrecondition if a logit is NaN or +infinity, or
/// all are -infinity.
StatusOr<std::vector<double>> logProbabilities(const float *logits, int64_t vocabSize);

/// Scores (logits or log probabilities) of the tokens in `history` fall, for a penalty above 1:
/// positive ones are divided by it, negative ones multiplied (arXiv:1909.05858). Once per token,
/// however often it comes.
void penalizeRepetition(double penalty, const std::vector<int32_t> &history,
                        std::vector<double> &scores);

/// Scores of these tokens, where there are such, become -infinity. FailedPrecondition where that
/// leaves no token.
Status forbid(const std::vector<int32_t> &ids, std::vector<double> &scores);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_GENERATE_LOGITS_H
