// SPDX-License-Identifier: Apache-2.0
#include "runtime/generate/Search.h"

#include <algorithm>

namespace heddle::runtime {
namespace {

class Sampling : public Search {
public:
  Sampling(const GenerateOptions &options, AnswerText text, const std::vector<int32_t> &prompt,
           RandomStream stream, std::function<void(const std::string &)> listener)
      : options_(options), text_(std::move(text)), listener_(std::move(listener)), rows_({prompt}),
        stream_(std::move(stream)), done_(options.maxNewTokens == 0) {}

  bool done() const override { return done_; }
  const std::vector<std::vector<int32_t>> &rows() const override { return rows_; }
  const std::vector<RowCopy> &copies() const override { return copies_; }

  Status advance(const std::vector<const float *> &logits, int64_t vocabSize) override {
    const NextTokens next = nextTokens(options_.rules, options_.endIds, rows_[0],
                                       static_cast<int64_t>(ids_.size()), options_.maxNewTokens);
    HEDDLE_ASSIGN_OR_RETURN(Sample picked, sample(options_.sampling, logits[0], vocabSize, rows_[0],
                                                  stream_, ids_.size(), next));
    rows_[0].push_back(picked.id);
    ids_.push_back(picked.id);
    score_ += picked.logProbability;
    const std::vector<int32_t> &ends = options_.endIds;
    done_ = static_cast<int64_t>(ids_.size()) == options_.maxNewTokens ||
            std::find(ends.begin(), ends.end(), picked.id) != ends.end() || text_.stopped(ids_);
    if (listener_)
      show();
    return absl::OkStatus();
  }

  Generation answer() const override {
    return {ids_, text_.alone(ids_), text_.afterPrompt(ids_), score_};
  }

private:
  /// Gives the listener what is certain to stay of the text.
  void show() {
    std::string text = text_.afterPrompt(ids_);
    size_t certain = done_ ? text.size() : certainLength(text, options_.stopTexts);
    if (!done_)
      certain = std::min(certain, text_.settledLength(ids_, text));
    if (certain > shown_) {
      listener_(text.substr(shown_, certain - shown_));
      shown_ = certain;
    }
  }

  const GenerateOptions &options_;
  AnswerText text_;
  std::function<void(const std::string &)> listener_;
  std::vector<std::vector<int32_t>> rows_;
  std::vector<RowCopy> copies_; // none
  RandomStream stream_;
  std::vector<int32_t> ids_;
  double score_ = 0;
  size_t shown_ = 0; // bytes of the text given to the listener
  bool done_;
};

class Beams : public Search {
public:
  Beams(const GenerateOptions &options, AnswerText text, const std::vector<int32_t> &prompt)
      : text_(std::move(text)), rows_(options.beams.beams, prompt), rowOf_({0}),
        search_(withShared(options), prompt,
                [this](const std::vector<int32_t> &ids) { return text_.stopped(ids); }) {}

  bool done() const override { return search_.done(); }
  const std::vector<std::vector<int32_t>> &rows() const override { return rows_; }
  const std::vector<RowCopy> &copies() const override { return copies_; }

  Status advance(const std::vector<const float *> &logits, int64_t vocabSize) override {
    std::vector<const float *> ofBeams;
    for (int64_t row : rowOf_)
      ofBeams.push_back(logits[row]);
    HEDDLE_RETURN_IF_ERROR(search_.advance(ofBeams, vocabSize));
    std::vector<int64_t> parents, parentRows = rowOf_;
    for (const BeamSearch::Beam &beam : search_.running())
      parents.push_back(beam.parent);
    copies_ = assignRows(rows_, parents, rowOf_);
    // A row that no beam has keeps its tokens: computing the last of them again changes nothing.
    std::vector<std::vector<int32_t>> next = rows_;
    for (size_t i = 0; i < parents.size(); ++i) {
      next[rowOf_[i]] = rows_[parentRows[parents[i]]];
      next[rowOf_[i]].push_back(search_.running()[i].ids.back());
    }
    rows_ = std::move(next);
    return absl::OkStatus();
  }

  Generation answer() const override {
    const BeamSearch::Beam &best = search_.finished().front();
    return {best.ids, text_.alone(best.ids), text_.afterPrompt(best.ids), best.score};
  }

private:
  static BeamOptions withShared(const GenerateOptions &options) {
    BeamOptions beams = options.beams;
    beams.repetitionPenalty = options.sampling.repetitionPenalty;
    beams.maxNewTokens = options.maxNewTokens;
    beams.endIds = options.endIds;
    beams.rules = options.rules;
    return beams;
  }

  AnswerText text_;
  std::vector<std::vector<int32_t>> rows_;
  std::vector<int64_t> rowOf_; // of each running beam
  std::vector<RowCopy> copies_;
  BeamSearch search_;
};

} // namespace

std::unique_ptr<Search> makeSampling(const GenerateOptions &options, AnswerText text,
                                     const std::vector<int32_t> &prompt, RandomStream stream,
                                     std::function<void(const std::string &)> listener) {
  return std::make_unique<Sampling>(options, std::move(text), prompt, std::move(stream),
                                    std::move(listener));
}

std::unique_ptr<Search> makeBeamSearch(const GenerateOptions &options, AnswerText text,
                                       const std::vector<int32_t> &prompt) {
  return std::make_unique<Beams>(options, std::move(text), prompt);
}

} // namespace heddle::runtime
