// SPDX-License-Identifier: Apache-2.0
// How one prompt's answer is looked for, in rows of the batch.

#ifndef HEDDLE_RUNTIME_GENERATE_SEARCH_H
#define HEDDLE_RUNTIME_GENERATE_SEARCH_H

#include <memory>

#include "runtime/generate/AnswerText.h"
#include "runtime/generate/CacheRows.h"
#include "runtime/generate/Generator.h"

namespace heddle::runtime {

/// Is given the logits of its rows until it is done.
class Search {
public:
  virtual ~Search() = default;
  virtual bool done() const = 0;
  /// As many at any time: the prompt at first, then what has been added.
  virtual const std::vector<std::vector<int32_t>> &rows() const = 0;
  /// `logits[r]` follow row r.
  virtual Status advance(const std::vector<const float *> &logits, int64_t vocabSize) = 0;
  /// What to copy between its rows' caches before the next decode; row numbers are its own.
  virtual const std::vector<RowCopy> &copies() const = 0;
  /// Once done.
  virtual Generation answer() const = 0;
};

/// Draws token by token from `stream`, or takes the likeliest, in one row. `listener` gets the text
/// as it comes; both references outlive the search.
std::unique_ptr<Search> makeSampling(const GenerateOptions &options, AnswerText text,
                                     const std::vector<int32_t> &prompt, RandomStream stream,
                                     std::function<void(const std::string &)> listener);

/// Beam search in one row a beam.
std::unique_ptr<Search> makeBeamSearch(const GenerateOptions &options, AnswerText text,
                                       const std::vector<int32_t> &prompt);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_GENERATE_SEARCH_H
