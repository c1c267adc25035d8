// SPDX-License-Identifier: Apache-2.0
// Batches of rows that are made one by one: examples of a file, windows of a text, pairs of
// sentences. A row depends on the seed and its number alone.

#ifndef HEDDLE_RUNTIME_TRAIN_ROWDATA_H
#define HEDDLE_RUNTIME_TRAIN_ROWDATA_H

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/plan/Philox.h"
#include "runtime/train/Data.h"

namespace heddle::runtime {

/// One row of a batch, without its padding. What an objective has no use for is empty.
struct Example {
  std::vector<int32_t> ids;     // at most T
  std::vector<int32_t> types;   // token_type_ids, one for each id
  std::vector<int32_t> targets; // one for each id, or one for the row
  std::vector<float> numbers;   // targets of the row where they are no integers
  std::vector<int32_t> span;    // where it begins and ends
  std::vector<int32_t> decoder; // ids of a decoder's input; `targets` are then those of the decoder
  std::optional<int32_t> other; // next_sentence_label: 0 where the second text follows the first
};

enum class Part { Training, Validation };

class RowSource {
public:
  virtual ~RowSource() = default;
  /// Writes all of `example`.
  virtual void row(Part part, uint64_t number, Example &example) const = 0;
  /// The second text of a pair, for a source of pairs.
  virtual void partner(Part, uint64_t, Example &) const {}
  virtual bool hasValidation() const = 0;
  virtual std::string describe() const = 0;
  virtual std::string fingerprint() const = 0;
};

struct RowLayout {
  int64_t batch = 1, seq = 1;
  int32_t padId = 0;
  bool targetsPerToken = false; // else one for the row
  bool pairs = false;           // the batch's second half are the partners of its first
  bool types = false;           // the entry takes token_type_ids
  bool mask = false;            // attention_mask
  bool decoderMask = false;     // decoder_attention_mask
  int64_t decoderSeq = 0;       // length of the decoder's input, 0: there is none
};

/// Which tokens a model is to guess (arXiv:1810.04805): 15 % of those that are not special; of
/// these 80 % become the mask, 10 % some other token, 10 % stay.
class TokenMasker {
public:
  /// `special` says of each of the tokenizer's ids whether it is never chosen.
  TokenMasker(int32_t maskId, std::vector<bool> special, uint64_t seed);

  /// Masks the ids of row `number` and sets its targets: the ids chosen, -100 elsewhere. How many
  /// were chosen.
  int64_t apply(Part part, uint64_t number, uint64_t seq, Example &example) const;
  /// Chooses one of the ids that may be, if there is any: so that a batch has a target.
  bool chooseOne(Part part, uint64_t number, Example &example) const;

private:
  const RandomStream &stream(Part part) const {
    return part == Part::Training ? training_ : validation_;
  }
  bool mayBeChosen(int32_t id) const { return !special_[static_cast<size_t>(id)]; }

  int32_t maskId_;
  std::vector<bool> special_;
  RandomStream training_, validation_;
};

std::unique_ptr<TrainingData> makeRowData(std::unique_ptr<RowSource> source,
                                          const RowLayout &layout,
                                          std::optional<TokenMasker> masker = {});

/// Examples of a list, in an order drawn anew for each time around. The last ones, from `training`
/// on, are for validation, in their own order. `partners` is empty or as long as `examples`.
std::unique_ptr<RowSource> makeExampleSource(std::vector<Example> examples,
                                             std::vector<Example> partners, uint64_t training,
                                             uint64_t seed, std::string describe);

/// The place of `index` in an order of 0 to count - 1 that `key` stands for.
uint64_t shuffledIndex(PhiloxKey key, uint64_t index, uint64_t count);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TRAIN_ROWDATA_H
