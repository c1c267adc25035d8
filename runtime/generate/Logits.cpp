// SPDX-License-Identifier: Apache-2.0
#include "runtime/generate/Logits.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace heddle::runtime {

StatusOr<std::vector<double>> logProbabilities(const float *logits, int64_t vocabSize) {
  double highest = -INFINITY;
  for (int64_t i = 0; i < vocabSize; ++i) {
    if (std::isnan(logits[i]) || logits[i] == INFINITY)
      return absl::FailedPreconditionError(
          absl::StrCat("the logit of token ", i, " is ", logits[i]));
    highest = std::max<double>(highest, logits[i]);
  }
  if (highest == -INFINITY)
    return absl::FailedPreconditionError("every logit is -infinity");
  double sum = 0;
  for (int64_t i = 0; i < vocabSize; ++i)
    sum += std::exp(logits[i] - highest);
  double normalizer = highest + std::log(sum);
  std::vector<double> result(logits, logits + vocabSize);
  for (double &value : result)
    value -= normalizer;
  return result;
}

void penalizeRepetition(double penalty, const std::vector<int32_t> &history,
                        std::vector<double> &scores) {
  if (penalty == 1)
    return;
  for (int32_t id : std::set<int32_t>(history.begin(), history.end()))
    if (id >= 0 && static_cast<size_t>(id) < scores.size()) {
      double &score = scores[id];
      score = score < 0 ? score * penalty : score / penalty;
      score = std::min(score, std::numeric_limits<double>::max());
    }
}

Status forbid(const std::vector<int32_t> &ids, std::vector<double> &scores) {
  for (int32_t id : ids)
    if (id >= 0 && static_cast<size_t>(id) < scores.size())
      scores[id] = -INFINITY;
  if (!ids.empty() && *std::max_element(scores.begin(), scores.end()) == -INFINITY)
    return absl::FailedPreconditionError("what may not come next leaves no token: see "
                                         "generation_config.json");
  return absl::OkStatus();
}

} // namespace heddle::runtime
