// SPDX-License-Identifier: Apache-2.0
#include "runtime/generate/Sampler.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "runtime/generate/Logits.h"

namespace heddle::runtime {
namespace {

bool likelier(const Candidate &a, const Candidate &b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

double highestLogit(const std::vector<Candidate> &candidates) {
  return std::min_element(candidates.begin(), candidates.end(), likelier)->logit;
}

/// Probabilities relative to that of the likeliest.
std::vector<double> weightsOf(const std::vector<Candidate> &candidates) {
  double highest = highestLogit(candidates);
  std::vector<double> weights(candidates.size());
  for (size_t i = 0; i < weights.size(); ++i)
    weights[i] = std::exp(candidates[i].logit - highest);
  return weights;
}

void keepTopK(int64_t k, std::vector<Candidate> &candidates) {
  if (k == 0 || k >= static_cast<int64_t>(candidates.size()))
    return;
  std::vector<double> logits;
  for (const Candidate &candidate : candidates)
    logits.push_back(candidate.logit);
  std::nth_element(logits.begin(), logits.begin() + k - 1, logits.end(), std::greater<>());
  double last = logits[k - 1];
  std::erase_if(candidates, [&](const Candidate &c) { return c.logit < last; });
}

void keepTopP(double p, std::vector<Candidate> &candidates) {
  if (p == 1)
    return;
  // Which of equal ones are cut is as arbitrary as in others' stable ascending sorts, and the same.
  std::sort(candidates.begin(), candidates.end(), [](const Candidate &a, const Candidate &b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id > b.id;
  });
  std::vector<double> weights = weightsOf(candidates);
  double target = p * std::accumulate(weights.begin(), weights.end(), 0.0), sum = 0;
  size_t keep = 0;
  for (; keep < weights.size() && (keep == 0 || sum < target); ++keep)
    sum += weights[keep];
  candidates.resize(keep);
}

void keepMinP(double p, std::vector<Candidate> &candidates) {
  if (p == 0)
    return;
  double highest = highestLogit(candidates);
  std::erase_if(candidates, [&](const Candidate &c) { return std::exp(c.logit - highest) < p; });
}

/// All tokens. The penalty depends on a score's sign, so it takes the logits themselves.
StatusOr<std::vector<Candidate>> penalized(const SamplingOptions &options, const float *logits,
                                           int64_t vocabSize, const std::vector<int32_t> &history,
                                           const std::vector<int32_t> &forbidden) {
  std::vector<double> scores(logits, logits + vocabSize);
  penalizeRepetition(options.repetitionPenalty, history, scores);
  HEDDLE_RETURN_IF_ERROR(forbid(forbidden, scores));
  std::vector<Candidate> candidates(vocabSize);
  for (int64_t i = 0; i < vocabSize; ++i)
    candidates[i] = {scores[i], static_cast<int32_t>(i)};
  return candidates;
}

size_t draw(const std::vector<Candidate> &candidates, double uniform) {
  std::vector<double> weights = weightsOf(candidates);
  double left = uniform * std::accumulate(weights.begin(), weights.end(), 0.0);
  size_t picked = 0;
  while (picked + 1 < weights.size() && left >= weights[picked])
    left -= weights[picked++];
  return picked;
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

RandomStream promptStream(uint64_t seed, const std::vector<int32_t> &prompt, uint64_t copy) {
  std::string name = absl::StrCat("sample/", copy);
  for (int32_t id : prompt)
    absl::StrAppend(&name, ",", id);
  return RandomStream(seed, name);
}

StatusOr<std::vector<Candidate>> candidatesOf(const SamplingOptions &options, const float *logits,
                                              int64_t vocabSize,
                                              const std::vector<int32_t> &history,
                                              const std::vector<int32_t> &forbidden) {
  HEDDLE_ASSIGN_OR_RETURN(std::vector<Candidate> candidates,
                          penalized(options, logits, vocabSize, history, forbidden));
  std::erase_if(candidates, [](const Candidate &c) { return c.logit == -INFINITY; });
  // Below the highest, so that the smallest temperature makes no infinity.
  double highest = highestLogit(candidates);
  for (Candidate &candidate : candidates)
    candidate.logit = (candidate.logit - highest) / options.temperature;
  keepTopK(options.topK, candidates);
  keepTopP(options.topP, candidates);
  keepMinP(options.minP, candidates);
  return candidates;
}

StatusOr<Sample> sample(const SamplingOptions &options, const float *logits, int64_t vocabSize,
                        const std::vector<int32_t> &history, const RandomStream &stream,
                        uint64_t position, const NextTokens &next) {
  HEDDLE_ASSIGN_OR_RETURN(std::vector<double> own, logProbabilities(logits, vocabSize));
  if (next.forced)
    return Sample{*next.forced, own[*next.forced]};
  int32_t id = 0;
  if (options.temperature == 0) {
    HEDDLE_ASSIGN_OR_RETURN(std::vector<Candidate> all,
                            penalized(options, logits, vocabSize, history, next.forbidden));
    id = std::min_element(all.begin(), all.end(), likelier)->id;
  } else {
    HEDDLE_ASSIGN_OR_RETURN(std::vector<Candidate> left,
                            candidatesOf(options, logits, vocabSize, history, next.forbidden));
    id = left[draw(left, stream.uniform(position))].id;
  }
  return Sample{id, own[id]};
}

} // namespace heddle::runtime
