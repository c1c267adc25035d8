// SPDX-License-Identifier: Apache-2.0
// Beam search over one prompt's answers: a plain class that is given logits and asks for more.

#ifndef HEDDLE_RUNTIME_GENERATE_BEAMSEARCH_H
#define HEDDLE_RUNTIME_GENERATE_BEAMSEARCH_H

#include <cstdint>
#include <functional>
#include <vector>

#include "runtime/base/Status.h"
#include "runtime/generate/TokenRules.h"

namespace heddle::runtime {

/// When the search ends before the answers are as long as permitted. It has N finished answers
/// then.
enum class EarlyStopping {
  WhenUnlikely, // and the best beam's score, as if it ended now, is no better than the worst of
                // them
  WhenFull,     // and asks for no more
  Never,        // and the best beam cannot get better than the worst of them, at any length
};

struct BeamOptions {
  int64_t beams = 1;        // N
  double lengthPenalty = 1; // an answer's score is its log probability / (its length ^ this)
  EarlyStopping earlyStopping = EarlyStopping::WhenUnlikely;
  double repetitionPenalty = 1; // on the log probabilities: see penalizeRepetition
  int64_t maxNewTokens = 100;
  std::vector<int32_t> endIds; // a token of these ends an answer, as its last one
  TokenRules rules;            // a forced token costs nothing
};

/// InvalidArgument that names the flag out of range.
Status checkBeams(const BeamOptions &options);

/// Each step extends every running beam by every token and ranks the results by log probability.
/// Those of the best N that end are finished answers, of which the N with the best scores are kept;
/// the N best of the others run on. To have N others, (1 + number of end ids) * N are looked at, at
/// least 2 N. The same answers and scores as the beam search of Hugging Face transformers 5. Of
/// equal ones the earlier beam and the lower id come first.
class BeamSearch {
public:
  struct Beam {
    std::vector<int32_t> ids; // new ones only
    double score = 0;         // running: log probability; finished: with the length penalty
    int64_t parent = 0;       // running: the number, one step ago, of the beam that it extends
  };
  /// Whether an answer ends with the last of these new ids, for other reasons than the options'.
  using Ends = std::function<bool(const std::vector<int32_t> &ids)>;

  BeamSearch(BeamOptions options, std::vector<int32_t> prompt, Ends ends = {});

  /// The one empty beam at first, then up to N, the likeliest first.
  const std::vector<Beam> &running() const { return running_; }
  bool done() const { return done_; }
  /// `logits[i]` follow beam i, one per token of the vocabulary. FailedPrecondition for logits that
  /// give no probabilities.
  Status advance(const std::vector<const float *> &logits, int64_t vocabSize);
  /// The best first. At least one once done.
  const std::vector<Beam> &finished() const { return finished_; }

private:
  struct Candidate {
    double score;
    int64_t beam;
    int32_t id;
  };
  StatusOr<std::vector<Candidate>> candidates(const std::vector<const float *> &logits,
                                              int64_t vocabSize) const;
  bool ends(const std::vector<int32_t> &ids) const;
  void finish(Beam beam);
  bool canImprove() const;
  double withPenalty(double score, int64_t length) const;

  BeamOptions options_;
  std::vector<int32_t> prompt_;
  Ends ends_;
  std::vector<Beam> running_, finished_;
  bool done_ = false;
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_GENERATE_BEAMSEARCH_H
