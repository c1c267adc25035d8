// SPDX-License-Identifier: Apache-2.0
#include "runtime/train/RowData.h"

#include <algorithm>

#include "runtime/plan/EntryInputs.h"

namespace heddle::runtime {
namespace {

/// `values` as row `row` of a tensor [B, size].
template <typename T>
void put(const std::vector<T> &values, uint64_t row, uint64_t size, std::vector<T> &tensor) {
  std::copy_n(values.begin(), std::min<size_t>(size, values.size()), tensor.begin() + row * size);
}

class RowData : public TrainingData {
public:
  RowData(std::unique_ptr<RowSource> source, const RowLayout &layout,
          std::optional<TokenMasker> masker)
      : source_(std::move(source)), layout_(layout), masker_(std::move(masker)) {}

  void trainingBatch(uint64_t index, Batch &batch) const override {
    fill(Part::Training, index, batch);
  }
  bool hasValidation() const override { return source_->hasValidation(); }
  void validationBatch(uint64_t index, Batch &batch) const override {
    fill(Part::Validation, index, batch);
  }
  std::string describe() const override { return source_->describe(); }
  std::string fingerprint() const override { return source_->fingerprint(); }

private:
  void fill(Part part, uint64_t index, Batch &batch) const {
    const auto B = static_cast<uint64_t>(layout_.batch);
    const uint64_t numbers = layout_.pairs ? B / 2 : B;
    batch = {};
    Example example;
    int64_t chosen = 0;
    for (uint64_t b = 0; b < B; ++b) {
      const uint64_t number = index * numbers + b % numbers;
      b < numbers ? source_->row(part, number, example) : source_->partner(part, number, example);
      if (masker_)
        chosen += masker_->apply(part, number, static_cast<uint64_t>(layout_.seq), example);
      add(b, example, batch);
    }
    if (masker_ && chosen == 0)
      chooseOne(part, index * numbers, batch);
  }

  void add(uint64_t row, const Example &example, Batch &batch) const {
    const auto B = static_cast<uint64_t>(layout_.batch), T = static_cast<uint64_t>(layout_.seq);
    const auto decoder = static_cast<uint64_t>(layout_.decoderSeq);
    auto tensor = [&](std::vector<int32_t> &values, uint64_t size,
                      int32_t padding) -> std::vector<int32_t> & {
      if (values.empty())
        values.assign(B * size, padding);
      return values;
    };
    put(example.ids, row, T, tensor(batch.inputIds, T, layout_.padId));
    if (layout_.types)
      put(example.types, row, T, tensor(batch.others["token_type_ids"], T, 0));
    if (layout_.mask)
      put(std::vector<int32_t>(example.ids.size(), 1), row, T,
          tensor(batch.others["attention_mask"], T, 0));
    if (decoder > 0)
      put(example.decoder, row, decoder,
          tensor(batch.others["decoder_input_ids"], decoder, layout_.padId));
    if (layout_.decoderMask)
      put(std::vector<int32_t>(example.decoder.size(), 1), row, decoder,
          tensor(batch.others["decoder_attention_mask"], decoder, 0));
    const uint64_t targets = !layout_.targetsPerToken ? 1 : decoder > 0 ? decoder : T;
    if (!example.targets.empty() || layout_.targetsPerToken)
      put(example.targets, row, targets, tensor(batch.targets, targets, kIgnoredTarget));
    for (size_t i = 0; i < example.span.size(); ++i)
      tensor(batch.others[kSpanInputs[i]], 1, kIgnoredTarget)[row] = example.span[i];
    if (example.other)
      tensor(batch.others[kNextSentenceInput], 1, kIgnoredTarget)[row] = *example.other;
    if (!example.numbers.empty()) {
      std::vector<float> &values = batch.numbers["targets"];
      values.resize(B * example.numbers.size());
      put(example.numbers, row, example.numbers.size(), values);
    }
  }

  /// In the first row that has a token to guess.
  void chooseOne(Part part, uint64_t first, Batch &batch) const {
    const auto T = static_cast<size_t>(layout_.seq);
    for (uint64_t b = 0; b < static_cast<uint64_t>(layout_.batch); ++b) {
      Example example;
      source_->row(part, first + b, example);
      if (!masker_->chooseOne(part, first + b, example))
        continue;
      std::copy(example.ids.begin(), example.ids.end(), batch.inputIds.begin() + b * T);
      std::copy(example.targets.begin(), example.targets.end(), batch.targets.begin() + b * T);
      return;
    }
  }

  std::unique_ptr<RowSource> source_;
  RowLayout layout_;
  std::optional<TokenMasker> masker_;
};

class ExampleSource : public RowSource {
public:
  ExampleSource(std::vector<Example> examples, std::vector<Example> partners, uint64_t training,
                uint64_t seed, std::string describe)
      : examples_(std::move(examples)), partners_(std::move(partners)), training_(training),
        order_(seed, "data.order"), describe_(std::move(describe)) {}

  void row(Part part, uint64_t number, Example &example) const override {
    example = examples_[at(part, number)];
  }
  void partner(Part part, uint64_t number, Example &example) const override {
    example = partners_[at(part, number)];
  }
  bool hasValidation() const override { return training_ < examples_.size(); }
  std::string describe() const override { return describe_; }
  std::string fingerprint() const override {
    uint64_t hash = 0;
    for (const auto *list : {&examples_, &partners_})
      for (const Example &e : *list) {
        for (const auto *values : {&e.ids, &e.types, &e.targets, &e.span, &e.decoder})
          hash = mix(hash, values->data(), values->size());
        hash = mix(hash, e.numbers.data(), e.numbers.size());
      }
    return absl::StrCat(examples_.size(), " examples, hash ", absl::Hex(hash));
  }

private:
  template <typename T> static uint64_t mix(uint64_t hash, const T *values, size_t count) {
    std::string_view bytes(reinterpret_cast<const char *>(values), sizeof(T) * count);
    return (hash ^ streamHash(bytes)) * 0x100000001B3 + count;
  }

  uint64_t at(Part part, uint64_t number) const {
    if (part == Part::Validation)
      return training_ + number % (examples_.size() - training_);
    PhiloxCounter words = order_.block(number / training_);
    return shuffledIndex({words[0], words[1]}, number % training_, training_);
  }

  std::vector<Example> examples_, partners_;
  uint64_t training_;
  RandomStream order_;
  std::string describe_;
};

} // namespace

uint64_t shuffledIndex(PhiloxKey key, uint64_t index, uint64_t count) {
  // A Feistel network permutes the numbers of 2h bits; those beyond `count` go through it again,
  // until the result is within: again a permutation, and no table of the order is needed.
  uint32_t half = 1;
  while (uint64_t{1} << 2 * half < count)
    ++half;
  const uint64_t mask = (uint64_t{1} << half) - 1;
  do {
    uint64_t left = index >> half, right = index & mask;
    for (uint32_t round = 0; round < 6; ++round) {
      PhiloxCounter words = philox4x32(
          {static_cast<uint32_t>(right), static_cast<uint32_t>(right >> 32), round, 0}, key);
      uint64_t mixed = (uint64_t{words[1]} << 32 | words[0]) & mask;
      uint64_t next = left ^ mixed;
      left = right;
      right = next;
    }
    index = left << half | right;
  } while (index >= count);
  return index;
}

std::unique_ptr<TrainingData> makeRowData(std::unique_ptr<RowSource> source,
                                          const RowLayout &layout,
                                          std::optional<TokenMasker> masker) {
  return std::make_unique<RowData>(std::move(source), layout, std::move(masker));
}

std::unique_ptr<RowSource> makeExampleSource(std::vector<Example> examples,
                                             std::vector<Example> partners, uint64_t training,
                                             uint64_t seed, std::string describe) {
  return std::make_unique<ExampleSource>(std::move(examples), std::move(partners), training, seed,
                                         std::move(describe));
}

} // namespace heddle::runtime
