// SPDX-License-Identifier: Apache-2.0
#include "runtime/generate/Sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "runtime/plan/Philox.h"

namespace heddle::runtime {
namespace {

struct Candidate {
  double logit;
  int32_t id;
};

bool likelier(const Candidate &a, const Candidate &b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

void penalizeRepetition(double penalty, const std::vector<int32_t> &history,
                        std::vector<Candidate> &candidates) {
  if (penalty == 1)
    return;
  for (int32_t id : std::set<int32_t>(history.begin(), history.end()))
    if (id >= 0 && static_cast<size_t>(id) < candidates.size()) {
      double &logit = candidates[id].logit;
      logit = logit < 0 ? logit * penalty : logit / penalty;
    }
}

/// Probabilities relative to the likeliest, which comes first.
std::vector<double> weights(const std::vector<Candidate> &sorted) {
  std::vector<double> result(sorted.size());
  for (size_t i = 0; i < sorted.size(); ++i)
    result[i] = std::exp(sorted[i].logit - sorted[0].logit);
  return result;
}

/// How many of the sorted candidates stay.
size_t countToKeep(const SamplingOptions &options, const std::vector<double> &weight) {
  size_t keep = weight.size();
  if (options.topP < 1) {
    double target = options.topP * std::accumulate(weight.begin(), weight.end(), 0.0), sum = 0;
    for (keep = 0; keep < weight.size() && (keep == 0 || sum < target); ++keep)
      sum += weight[keep];
  }
  while (keep > 1 && weight[keep - 1] < options.minP) // the likeliest has weight 1
    --keep;
  return keep;
}

} // namespace

Status checkSampling(const SamplingOptions &options) {
  if (!(options.temperature >= 0 && std::isfinite(options.temperature)))
    return invalidInput("--temperature ", options.temperature, ": expected a number >= 0");
  if (options.topK < 0)
    return invalidInput("--top-k ", options.topK, ": expected a number >= 0");
  if (!(options.topP > 0 && options.topP <= 1))
    return invalidInput("--top-p ", options.topP, ": expected a number in (0, 1]");
  if (!(options.minP >= 0 && options.minP <= 1))
    return invalidInput("--min-p ", options.minP, ": expected a number in [0, 1]");
  if (!(options.repetitionPenalty > 0 && std::isfinite(options.repetitionPenalty)))
    return invalidInput("--repetition-penalty ", options.repetitionPenalty,
                        ": expected a number > 0");
  return absl::OkStatus();
}

StatusOr<Sample> sample(const SamplingOptions &options, const float *logits, int64_t vocabSize,
                        const std::vector<int32_t> &history, uint64_t prompt, uint64_t position) {
  std::vector<Candidate> candidates(vocabSize);
  double highest = -INFINITY;
  for (int64_t i = 0; i < vocabSize; ++i) {
    if (std::isnan(logits[i]) || logits[i] == INFINITY)
      return absl::FailedPreconditionError(
          absl::StrCat("the logit of token ", i, " is ", logits[i]));
    candidates[i] = {logits[i], static_cast<int32_t>(i)};
    highest = std::max<double>(highest, logits[i]);
  }
  if (highest == -INFINITY)
    return absl::FailedPreconditionError("every logit is -infinity");
  double sum = 0;
  for (int64_t i = 0; i < vocabSize; ++i)
    sum += std::exp(logits[i] - highest);

  penalizeRepetition(options.repetitionPenalty, history, candidates);
  size_t picked = 0;
  if (options.temperature == 0) {
    picked = std::min_element(candidates.begin(), candidates.end(), likelier) - candidates.begin();
  } else {
    for (Candidate &candidate : candidates)
      candidate.logit /= options.temperature;
    if (options.topK > 0 && options.topK < vocabSize) {
      std::nth_element(candidates.begin(), candidates.begin() + options.topK, candidates.end(),
                       likelier);
      candidates.resize(options.topK);
    }
    std::sort(candidates.begin(), candidates.end(), likelier);
    std::vector<double> weight = weights(candidates);
    weight.resize(countToKeep(options, weight));
    double draw = RandomStream(options.seed, "sample").uniform(prompt << 32 | position) *
                  std::accumulate(weight.begin(), weight.end(), 0.0);
    while (picked + 1 < weight.size() && draw >= weight[picked])
      draw -= weight[picked++];
  }
  int32_t id = candidates[picked].id;
  return Sample{id, logits[id] - highest - std::log(sum)};
}

} // namespace heddle::runtime
