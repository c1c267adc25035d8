// SPDX-License-Identifier: Apache-2.0
// What a model is trained on.

#ifndef HEDDLE_RUNTIME_TRAIN_DATA_H
#define HEDDLE_RUNTIME_TRAIN_DATA_H

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/DType.h"
#include "runtime/base/Limits.h"
#include "runtime/base/Status.h"
#include "runtime/plan/EntryInputs.h"
#include "runtime/train/Objective.h"

namespace heddle::runtime {

class FileLayer;
class Tokenizer;

/// Token ids [B, T] with the token that follows each, or with whatever else the model is to give
/// for each or for the row, [B, T] or [B]; -100 in targets is ignored. Other inputs by name:
/// attention_mask, token_type_ids, position_ids [B, T], start_positions, end_positions [B]; and
/// those that are no integers: targets of a regression, pixel_values.
struct Batch {
  std::vector<int32_t> inputIds; // empty where a model takes none
  std::vector<int32_t> targets;  // empty where others stand in their place
  std::map<std::string, std::vector<int32_t>> others = {};
  std::map<std::string, std::vector<float>> numbers = {};
  /// By how much it weighs among others of a step. Left out: its targets that count. Batches that
  /// come ready weigh alike, as a loop over them with PyTorch has it.
  std::optional<uint64_t> weight = {};
};

/// What an entry is given of a batch. Lives as long as the batch.
struct BatchPart {
  std::string name;
  DType dtype = DType::I32;
  const void *data = nullptr;
  uint64_t elements = 0;
  uint64_t bytes() const { return 4 * elements; }
};
std::vector<BatchPart> partsOf(const Batch &batch);

/// How many targets count, that is, by how much a batch weighs in an evaluation; 1 where each of a
/// batch's rows counts alike.
uint64_t targetsOf(const Batch &batch);
/// By how much it weighs in a step.
inline uint64_t weightOf(const Batch &batch) { return batch.weight.value_or(targetsOf(batch)); }

/// Batches by number: the same number gives the same batch, so that a resumed run needs no more
/// state than its step. Immutable.
class TrainingData {
public:
  virtual ~TrainingData() = default;
  virtual void trainingBatch(uint64_t index, Batch &batch) const = 0;
  virtual bool hasValidation() const = 0;
  virtual void validationBatch(uint64_t index, Batch &batch) const = 0;
  /// Their number where batches come ready, else 0.
  virtual uint64_t readyBatches() const { return 0; }
  /// For the user: "1,115,394 tokens, 111,539 of them for validation".
  virtual std::string describe() const = 0;
  /// Changes when the data does: a resumed run warns.
  virtual std::string fingerprint() const = 0;
};

enum class DataKind { Text, Records, Tokens, Batches, Images };

/// What `--data` names, found without reading it all. Batches know their B and T, else 0, and how
/// long input_ids are: an encoder may read more or less than its decoder.
struct DataInfo {
  DataKind kind = DataKind::Text;
  int64_t batch = 0;
  int64_t seq = 0;
  int64_t sourceSeq = 0;
};
StatusOr<DataInfo> inspectData(FileLayer &layer, const std::string &path);

/// Does the objective learn from such data? InvalidArgument that names what it does learn from.
Status checkDataKind(const std::string &path, DataKind kind, Objective objective);

/// A text file, or all files below a folder in the order of their paths, one after the other.
/// Hidden files are left out. Of a .jsonl file the texts of its records. More than `limit` bytes in
/// all are an error.
StatusOr<std::string> readTrainingText(FileLayer &layer, const std::string &path,
                                       uint64_t limit = limits::kTrainingTextBytes);

struct DataOptions {
  int64_t batch = 1;
  int64_t seq = 1;
  int64_t vocabSize = 0;
  uint64_t seed = 0;
  double valSplit = 0; // the last share of the tokens
  int64_t classes = 0; // labels of ready batches are below it; 0: below vocabSize
  TrainingTask task = {};
  /// Of encoder-decoders: what input_ids are, and what the decoder reads where only labels say it.
  int64_t sourceSeq = 0;
  int64_t sourceVocabSize = 0;
  InputRules rules = {};
};

/// Opens `path` as inspectData says, for the objective of options.task. `tokenizer` is needed for
/// text and records only, and outlives the data. Errors: fewer than T + 1
/// tokens in either part, an id outside the vocabulary (with its place), other B or T than
/// compiled.
StatusOr<std::unique_ptr<TrainingData>> openTrainingData(FileLayer &layer, const std::string &path,
                                                         const Tokenizer *tokenizer,
                                                         const DataOptions &options);

/// Windows of T + 1 tokens at places drawn by seed and batch number.
StatusOr<std::unique_ptr<TrainingData>>
makeTokenWindows(std::vector<int32_t> tokens, const std::string &name, const DataOptions &options);

/// Ready batches [N, B, T], or [N, B] of what belongs to rows, taken in order and again from the
/// first. `batches` holds all N of them in each of its members.
StatusOr<std::unique_ptr<TrainingData>>
makeReadyBatches(Batch batches, int64_t count, const std::string &name, const DataOptions &options);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TRAIN_DATA_H
