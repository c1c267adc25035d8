// SPDX-License-Identifier: Apache-2.0
// What an evaluation says beside the loss.

#ifndef HEDDLE_RUNTIME_TRAIN_EVALMETRICS_H
#define HEDDLE_RUNTIME_TRAIN_EVALMETRICS_H

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/train/Data.h"

namespace heddle::runtime {

class PreparedEntry;

/// Of one evaluation, batch by batch: the mean loss, and by objective
///   perplexity              e^loss: causal-lm, masked-lm, sequence-to-sequence
///   accuracy                of classes, of the token that follows, or of each of several labels
///   masked_accuracy         of masked tokens; next_sentence_accuracy beside it
///   span_accuracy           both ends right
///   retrieval_at_1          contrastive: how often the text's own partner is the nearest
class EvalMetrics {
public:
  EvalMetrics(Objective objective, proto::Task::Labels labels)
      : objective_(objective), labels_(labels) {}

  /// Whether the outputs of a forward pass are measured too.
  bool readsOutputs() const;
  /// The loss of a batch, and the entry that ran forward on it; null where there is none.
  Status add(const PreparedEntry *forward, const Batch &batch, float loss);

  /// Over all batches, each weighted by its targets.
  float loss() const;
  /// Name and value, in a fixed order.
  std::vector<std::pair<std::string, double>> values() const;

private:
  struct Share {
    uint64_t right = 0, all = 0;
  };
  void count(const std::string &name, bool right) {
    shares_[name].right += right;
    ++shares_[name].all;
  }
  Status countClasses(const PreparedEntry &forward, const char *output,
                      const std::vector<int32_t> &targets, const std::string &name);
  Status countLabels(const PreparedEntry &forward, const std::vector<float> &targets);
  Status countReplaced(const PreparedEntry &forward, const Batch &batch);
  Status countSpans(const PreparedEntry &forward, const Batch &batch);
  Status countNearest(const PreparedEntry &forward);

  Objective objective_;
  proto::Task::Labels labels_;
  double lossSum_ = 0, weight_ = 0;
  uint64_t first_ = 0; // targets of the first batch
  std::map<std::string, Share> shares_;
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TRAIN_EVALMETRICS_H
