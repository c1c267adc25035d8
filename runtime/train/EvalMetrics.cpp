// SPDX-License-Identifier: Apache-2.0
#include "runtime/train/EvalMetrics.h"

#include <algorithm>
#include <cmath>

#include "runtime/plan/EntryInputs.h"
#include "runtime/plan/PreparedEntry.h"

namespace heddle::runtime {
namespace {

bool gives(const PreparedEntry &forward, const std::string &name) {
  for (const proto::Value &result : forward.plan().results())
    if (result.name() == name)
      return true;
  return false;
}

int64_t largest(const float *values, int64_t count) {
  return std::max_element(values, values + count) - values;
}

} // namespace

bool EvalMetrics::readsOutputs() const {
  switch (objective_) {
  case Objective::None:
  case Objective::CausalLm:
  case Objective::Denoising:
    return false;
  case Objective::Classification:
    return labels_ != proto::Task::NUMBERS;
  default:
    return true;
  }
}

Status EvalMetrics::add(const PreparedEntry *entry, const Batch &batch, float loss) {
  const uint64_t targets = targetsOf(batch);
  if (weight_ == 0)
    first_ = std::max<uint64_t>(targets, 1);
  // Batches of one size weigh exactly 1: their mean is the plain one, to the last bit.
  const double weight = static_cast<double>(targets) / static_cast<double>(first_);
  lossSum_ += weight * loss;
  weight_ += weight;
  if (!entry)
    return absl::OkStatus();
  const PreparedEntry &forward = *entry;
  switch (objective_) {
  case Objective::MaskedLm:
    return countClasses(forward, "logits", batch.targets, "masked_accuracy");
  case Objective::NextSentence: {
    HEDDLE_RETURN_IF_ERROR(
        countClasses(forward, "prediction_logits", batch.targets, "masked_accuracy"));
    auto labels = batch.others.find(kNextSentenceInput);
    if (labels == batch.others.end())
      return absl::OkStatus();
    return countClasses(forward, "seq_relationship_logits", labels->second,
                        "next_sentence_accuracy");
  }
  case Objective::Classification:
    if (labels_ == proto::Task::SPAN)
      return countSpans(forward, batch);
    if (labels_ == proto::Task::SEVERAL_CLASSES && batch.numbers.count("targets"))
      return countLabels(forward, batch.numbers.at("targets"));
    if (labels_ == proto::Task::REPLACED_TOKENS)
      return countReplaced(forward, batch);
    return countClasses(forward, "logits", batch.targets, "accuracy");
  case Objective::Images:
  case Objective::SequenceToSequence:
    return countClasses(forward, "logits", batch.targets, "accuracy");
  case Objective::Contrastive:
    return countNearest(forward);
  default:
    return absl::OkStatus();
  }
}

Status EvalMetrics::countClasses(const PreparedEntry &forward, const char *output,
                                 const std::vector<int32_t> &targets, const std::string &name) {
  if (targets.empty() || !gives(forward, output))
    return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(Tensor logits, forward.output(output));
  const int64_t classes = logits.shape.back();
  if (logits.elements() != static_cast<int64_t>(targets.size()) * classes)
    return absl::OkStatus();
  for (size_t i = 0; i < targets.size(); ++i)
    if (targets[i] != kIgnoredTarget)
      count(name,
            largest(logits.as<float>() + static_cast<int64_t>(i) * classes, classes) == targets[i]);
  return absl::OkStatus();
}

Status EvalMetrics::countLabels(const PreparedEntry &forward, const std::vector<float> &targets) {
  if (!gives(forward, "logits"))
    return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(Tensor logits, forward.output("logits"));
  for (size_t i = 0; i < targets.size(); ++i)
    count("accuracy", (logits.as<float>()[i] > 0) == (targets[i] > 0.5f));
  return absl::OkStatus();
}

Status EvalMetrics::countReplaced(const PreparedEntry &forward, const Batch &batch) {
  if (!gives(forward, "logits"))
    return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(Tensor logits, forward.output("logits"));
  if (logits.elements() != static_cast<int64_t>(batch.targets.size()))
    return absl::OkStatus();
  auto mask = batch.others.find("attention_mask");
  for (size_t i = 0; i < batch.targets.size(); ++i) {
    const bool hidden = mask != batch.others.end() && mask->second[i] == 0;
    if (batch.targets[i] != kIgnoredTarget && !hidden)
      count("accuracy", (logits.as<float>()[i] > 0) == (batch.targets[i] == 1));
  }
  return absl::OkStatus();
}

Status EvalMetrics::countSpans(const PreparedEntry &forward, const Batch &batch) {
  auto begins = batch.others.find(kSpanInputs[0]), ends = batch.others.find(kSpanInputs[1]);
  if (begins == batch.others.end() || ends == batch.others.end() ||
      !gives(forward, "start_logits") || !gives(forward, "end_logits"))
    return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(Tensor start, forward.output("start_logits"));
  HEDDLE_ASSIGN_OR_RETURN(Tensor end, forward.output("end_logits"));
  const int64_t seq = start.shape.back();
  for (size_t b = 0; b < begins->second.size(); ++b) {
    if (begins->second[b] == kIgnoredTarget)
      continue;
    const int64_t at = static_cast<int64_t>(b) * seq;
    count("span_accuracy", largest(start.as<float>() + at, seq) == begins->second[b] &&
                               largest(end.as<float>() + at, seq) == ends->second[b]);
  }
  return absl::OkStatus();
}

Status EvalMetrics::countNearest(const PreparedEntry &forward) {
  if (!gives(forward, "sentence_embedding"))
    return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(Tensor tensor, forward.output("sentence_embedding"));
  const int64_t pairs = tensor.shape[0] / 2, width = tensor.shape[1];
  const float *rows = tensor.as<float>();
  auto cosine = [&](int64_t a, int64_t b) { // but for the length of a, which all share
    double product = 0, square = 0;
    for (int64_t c = 0; c < width; ++c) {
      product += static_cast<double>(rows[a * width + c]) * rows[b * width + c];
      square += static_cast<double>(rows[b * width + c]) * rows[b * width + c];
    }
    return product / std::sqrt(std::max(square, 1e-24));
  };
  for (int64_t i = 0; i < pairs; ++i) {
    int64_t best = 0;
    for (int64_t j = 1; j < pairs; ++j)
      if (cosine(i, pairs + j) > cosine(i, pairs + best))
        best = j;
    count("retrieval_at_1", best == i);
  }
  return absl::OkStatus();
}

float EvalMetrics::loss() const {
  return weight_ > 0 ? static_cast<float>(lossSum_ / weight_) : 0; // no target: no loss
}

std::vector<std::pair<std::string, double>> EvalMetrics::values() const {
  std::vector<std::pair<std::string, double>> values;
  if (objective_ == Objective::CausalLm || objective_ == Objective::MaskedLm ||
      objective_ == Objective::SequenceToSequence)
    values.emplace_back("perplexity", std::exp(static_cast<double>(loss())));
  for (const auto &[name, share] : shares_)
    values.emplace_back(name, static_cast<double>(share.right) / static_cast<double>(share.all));
  return values;
}

} // namespace heddle::runtime
