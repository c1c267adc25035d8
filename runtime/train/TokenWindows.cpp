// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "runtime/plan/Philox.h"
#include "runtime/train/Data.h"

namespace heddle::runtime {
namespace {

/// FNV-1a over the tokens: enough to notice that the data is another one.
std::string hashText(const std::vector<int32_t> &tokens) {
  std::string_view bytes(reinterpret_cast<const char *>(tokens.data()), 4 * tokens.size());
  return absl::StrCat(tokens.size(), " tokens, hash ", absl::Hex(streamHash(bytes)));
}

Status checkIds(const std::vector<int32_t> &ids, int64_t vocabSize, bool ignorable,
                const std::string &name) {
  for (size_t i = 0; i < ids.size(); ++i)
    if ((ids[i] < 0 || ids[i] >= vocabSize) && !(ignorable && ids[i] == -100))
      return invalidInput(name, ": token ", ids[i], " at ", i, " is outside the vocabulary of ",
                          vocabSize);
  return absl::OkStatus();
}

Status checkLabels(const std::vector<int32_t> &labels, int64_t classes, const std::string &name) {
  for (size_t i = 0; i < labels.size(); ++i)
    if ((labels[i] < 0 || labels[i] >= classes) && labels[i] != -100)
      return invalidInput(name, ": labels: ", labels[i], " at ", i, " is none of the ", classes,
                          " classes");
  return absl::OkStatus();
}

class TokenWindows : public TrainingData {
public:
  TokenWindows(std::vector<int32_t> tokens, uint64_t trainingTokens, const DataOptions &options)
      : tokens_(std::move(tokens)), trainingTokens_(trainingTokens), options_(options),
        training_(options.seed, "data.train"), validation_(options.seed, "data.val") {}

  void trainingBatch(uint64_t index, Batch &batch) const override {
    draw(training_, index, 0, trainingTokens_, batch);
  }
  bool hasValidation() const override { return trainingTokens_ < tokens_.size(); }
  void validationBatch(uint64_t index, Batch &batch) const override {
    draw(validation_, index, trainingTokens_, tokens_.size() - trainingTokens_, batch);
  }
  std::string describe() const override {
    std::string text = absl::StrCat(tokens_.size(), " tokens");
    if (hasValidation())
      absl::StrAppend(&text, ", the last ", tokens_.size() - trainingTokens_, " for validation");
    return text;
  }
  std::string fingerprint() const override { return hashText(tokens_); }

private:
  /// B windows within `size` tokens from `start`.
  void draw(const RandomStream &stream, uint64_t index, uint64_t start, uint64_t size,
            Batch &batch) const {
    uint64_t B = options_.batch, T = options_.seq;
    batch.inputIds.resize(B * T);
    batch.targets.resize(B * T);
    for (uint64_t b = 0; b < B; ++b) {
      const int32_t *window = tokens_.data() + start + stream.below(index * B + b, size - T);
      std::copy(window, window + T, batch.inputIds.begin() + b * T);
      std::copy(window + 1, window + T + 1, batch.targets.begin() + b * T);
    }
  }

  std::vector<int32_t> tokens_;
  uint64_t trainingTokens_;
  DataOptions options_;
  RandomStream training_, validation_;
};

class ReadyBatches : public TrainingData {
public:
  ReadyBatches(Batch batches, uint64_t count) : batches_(std::move(batches)), count_(count) {}

  void trainingBatch(uint64_t index, Batch &batch) const override {
    take(batches_.inputIds, index, batch.inputIds);
    take(batches_.targets, index, batch.targets);
    for (const auto &[name, values] : batches_.others)
      take(values, index, batch.others[name]);
    for (const auto &[name, values] : batches_.numbers)
      take(values, index, batch.numbers[name]);
    batch.weight = 1;
  }
  bool hasValidation() const override { return false; }
  void validationBatch(uint64_t, Batch &) const override {}
  uint64_t readyBatches() const override { return count_; }
  std::string describe() const override { return absl::StrCat(count_, " ready batches"); }
  std::string fingerprint() const override {
    std::string text =
        absl::StrCat(hashText(batches_.inputIds), "; labels ", hashText(batches_.targets));
    for (const auto &[name, values] : batches_.others)
      absl::StrAppend(&text, "; ", name, " ", hashText(values));
    for (const auto &[name, values] : batches_.numbers)
      absl::StrAppend(&text, "; ", name, " ",
                      hashText({reinterpret_cast<const int32_t *>(values.data()),
                                reinterpret_cast<const int32_t *>(values.data()) + values.size()}));
    return text;
  }

private:
  template <typename T>
  void take(const std::vector<T> &from, uint64_t index, std::vector<T> &to) const {
    size_t size = from.size() / count_, at = index % count_ * size;
    to.assign(from.begin() + at, from.begin() + at + size);
  }

  Batch batches_;
  uint64_t count_;
};

} // namespace

StatusOr<std::unique_ptr<TrainingData>>
makeTokenWindows(std::vector<int32_t> tokens, const std::string &name, const DataOptions &options) {
  if (!(options.valSplit >= 0 && options.valSplit < 1))
    return invalidInput("--val-split ", options.valSplit, ": expected a share in [0, 1)");
  HEDDLE_RETURN_IF_ERROR(checkIds(tokens, options.vocabSize, false, name));
  auto validation =
      static_cast<uint64_t>(std::floor(static_cast<double>(tokens.size()) * options.valSplit));
  uint64_t training = tokens.size() - validation, window = options.seq + 1;
  if (training < window)
    return invalidInput(name, ": ", training, " tokens for training, a window takes ", window,
                        " (sequence ", options.seq, " and the token that follows)");
  if (options.valSplit > 0 && validation < window)
    return invalidInput(name, ": --val-split ", options.valSplit, " leaves ", validation,
                        " tokens for validation, a window takes ", window);
  return std::unique_ptr<TrainingData>(
      std::make_unique<TokenWindows>(std::move(tokens), training, options));
}

StatusOr<std::unique_ptr<TrainingData>> makeReadyBatches(Batch batches, int64_t count,
                                                         const std::string &name,
                                                         const DataOptions &options) {
  const bool sources = options.sourceSeq > 0;
  HEDDLE_RETURN_IF_ERROR(checkIds(batches.inputIds,
                                  sources ? options.sourceVocabSize : options.vocabSize, false,
                                  absl::StrCat(name, ": input_ids")));
  HEDDLE_RETURN_IF_ERROR(options.classes > 0 ? checkLabels(batches.targets, options.classes, name)
                                             : checkIds(batches.targets, options.vocabSize, true,
                                                        absl::StrCat(name, ": labels")));
  return std::unique_ptr<TrainingData>(
      std::make_unique<ReadyBatches>(std::move(batches), static_cast<uint64_t>(count)));
}

} // namespace heddle::runtime
