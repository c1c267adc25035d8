// SPDX-License-Identifier: Apache-2.0
#include "runtime/generate/BeamSearch.h"

#include <algorithm>
#include <cmath>

#include "runtime/generate/Logits.h"

namespace heddle::runtime {

Status checkBeams(const BeamOptions &options) {
  if (options.beams < 1)
    return invalidInput("--beams ", options.beams, ": expected a number >= 1");
  if (!std::isfinite(options.lengthPenalty))
    return invalidInput("--length-penalty ", options.lengthPenalty, ": expected a finite number");
  return absl::OkStatus();
}

BeamSearch::BeamSearch(BeamOptions options, std::vector<int32_t> prompt, Ends ends)
    : options_(std::move(options)), prompt_(std::move(prompt)), ends_(std::move(ends)), running_(1),
      done_(options_.maxNewTokens == 0) {
  if (done_)
    finished_.resize(1);
}

double BeamSearch::withPenalty(double score, int64_t length) const {
  return score / std::pow(static_cast<double>(length), options_.lengthPenalty);
}

StatusOr<std::vector<BeamSearch::Candidate>>
BeamSearch::candidates(const std::vector<const float *> &logits, int64_t vocabSize) const {
  std::vector<Candidate> all;
  all.reserve(running_.size() * vocabSize);
  for (size_t b = 0; b < running_.size(); ++b) {
    HEDDLE_ASSIGN_OR_RETURN(std::vector<double> scores, logProbabilities(logits[b], vocabSize));
    std::vector<int32_t> history = prompt_;
    history.insert(history.end(), running_[b].ids.begin(), running_[b].ids.end());
    const NextTokens next =
        nextTokens(options_.rules, options_.endIds, history,
                   static_cast<int64_t>(running_[b].ids.size()), options_.maxNewTokens);
    if (next.forced) {
      all.push_back({running_[b].score, static_cast<int64_t>(b), *next.forced});
      continue;
    }
    penalizeRepetition(options_.repetitionPenalty, history, scores);
    HEDDLE_RETURN_IF_ERROR(forbid(next.forbidden, scores));
    for (int64_t id = 0; id < vocabSize; ++id)
      all.push_back(
          {running_[b].score + scores[id], static_cast<int64_t>(b), static_cast<int32_t>(id)});
  }
  size_t share = std::max<size_t>(2, 1 + options_.endIds.size());
  size_t count = std::min(all.size(), share * options_.beams);
  std::partial_sort(all.begin(), all.begin() + static_cast<ptrdiff_t>(count), all.end(),
                    [](const Candidate &a, const Candidate &b) {
                      if (a.score != b.score)
                        return a.score > b.score;
                      return a.beam != b.beam ? a.beam < b.beam : a.id < b.id;
                    });
  all.resize(count);
  return all;
}

bool BeamSearch::ends(const std::vector<int32_t> &ids) const {
  const std::vector<int32_t> &endIds = options_.endIds;
  return static_cast<int64_t>(ids.size()) >= options_.maxNewTokens ||
         std::find(endIds.begin(), endIds.end(), ids.back()) != endIds.end() ||
         (ends_ && ends_(ids));
}

/// Among equal scores the answer that was there first stays in front.
void BeamSearch::finish(Beam beam) {
  beam.score = withPenalty(beam.score, static_cast<int64_t>(beam.ids.size()));
  auto at = std::upper_bound(finished_.begin(), finished_.end(), beam,
                             [](const Beam &a, const Beam &b) { return a.score > b.score; });
  finished_.insert(at, std::move(beam));
  if (static_cast<int64_t>(finished_.size()) > options_.beams)
    finished_.pop_back();
}

bool BeamSearch::canImprove() const {
  if (running_.empty())
    return false;
  if (static_cast<int64_t>(finished_.size()) < options_.beams)
    return true;
  if (options_.earlyStopping == EarlyStopping::WhenFull)
    return false;
  // Log probabilities only fall as answers grow. With a positive penalty the longest are divided by
  // the most.
  bool longest = options_.earlyStopping == EarlyStopping::Never && options_.lengthPenalty > 0;
  auto length = longest ? options_.maxNewTokens : static_cast<int64_t>(running_[0].ids.size());
  return withPenalty(running_[0].score, length) > finished_.back().score;
}

Status BeamSearch::advance(const std::vector<const float *> &logits, int64_t vocabSize) {
  HEDDLE_ASSIGN_OR_RETURN(std::vector<Candidate> ranked, candidates(logits, vocabSize));
  std::vector<Beam> next;
  for (size_t rank = 0; rank < ranked.size(); ++rank) {
    const Candidate &candidate = ranked[rank];
    Beam beam = {running_[candidate.beam].ids, candidate.score, candidate.beam};
    beam.ids.push_back(candidate.id);
    bool best = rank < static_cast<size_t>(options_.beams);
    if (!ends(beam.ids)) {
      if (next.size() < static_cast<size_t>(options_.beams))
        next.push_back(std::move(beam));
    } else if (best) {
      finish(std::move(beam));
    }
  }
  running_ = std::move(next);
  done_ = !canImprove();
  return absl::OkStatus();
}

} // namespace heddle::runtime
