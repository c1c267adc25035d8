// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/EntryInputs.h"

#include <algorithm>

namespace heddle::runtime {
namespace {

/// Class numbers, or the floats that a regression and several labels at once are compared with.
StatusOr<Tensor> targetsFrom(const Tensor &labels, bool shift) {
  if (labels.dtype == DType::F32 || labels.dtype == DType::F64)
    return convertTensor(labels, DType::F32, "labels");
  HEDDLE_ASSIGN_OR_RETURN(Tensor targets, convertTensor(labels, DType::I32, "labels"));
  if (!shift || targets.shape.size() < 2)
    return targets;
  int64_t T = targets.shape.back();
  int32_t *values = targets.as<int32_t>();
  for (int64_t i = 0; i < targets.elements(); ++i)
    values[i] = i % T + 1 < T ? values[i + 1] : kIgnoredTarget;
  return targets;
}

/// [..., T]: the start, then all labels but the last.
StatusOr<Tensor> decoderInputsFrom(const Tensor &labels, const InputRules &rules) {
  HEDDLE_ASSIGN_OR_RETURN(Tensor given, convertTensor(labels, DType::I32, "labels"));
  if (given.shape.size() < 2)
    return invalidInput("input labels: has shape ", shapeText(given.shape), ", expected [B, T]");
  if (!rules.decoderStart)
    return invalidInput("input decoder_input_ids: missing, and the model does not say with which "
                        "token its decoder starts (decoder_start_token_id)");
  Tensor read = given;
  const int64_t T = given.shape.back();
  for (int64_t i = 0; i < given.elements(); ++i) {
    const int64_t before = i % T == 0 ? *rules.decoderStart : given.as<int32_t>()[i - 1];
    if (before == kIgnoredTarget && !rules.decoderPadding)
      return invalidInput("input labels: -100 has a place in what the decoder reads, but the model "
                          "has no padding token (pad_token_id)");
    read.as<int32_t>()[i] =
        static_cast<int32_t>(before == kIgnoredTarget ? *rules.decoderPadding : before);
  }
  return read;
}

} // namespace

InputRules inputRules(const proto::Manifest &manifest) {
  InputRules rules{manifest.shift_labels(), manifest.source_seq() > 0, {}, {}};
  if (manifest.has_decoder_start_id())
    rules.decoderStart = manifest.decoder_start_id();
  if (manifest.has_decoder_padding_id())
    rules.decoderPadding = manifest.decoder_padding_id();
  if (manifest.has_needed_token())
    rules.neededToken = manifest.needed_token();
  return rules;
}

Status checkNeededToken(const int32_t *ids, int64_t count, int64_t seq,
                        std::optional<int64_t> token) {
  for (int64_t begin = 0; token && begin < count; begin += seq) {
    const int32_t *end = ids + std::min(begin + seq, count);
    if (std::find(ids + begin, end, *token) == end)
      return invalidInput("input_ids: row ", begin / seq, " has no token ", *token,
                          ", whose vector stands for the text (eos_token_id in config.json)");
  }
  return absl::OkStatus();
}

bool isTarget(std::string_view name) {
  return name == "targets" || name == kNextSentenceInput ||
         std::find(std::begin(kSpanInputs), std::end(kSpanInputs), name) != std::end(kSpanInputs);
}

bool hasTargets(const TensorMap &inputs) {
  return std::any_of(inputs.begin(), inputs.end(),
                     [](const auto &input) { return isTarget(input.first); });
}

bool takesTargets(const proto::Plan &plan) {
  return std::any_of(plan.arguments().begin(), plan.arguments().end(),
                     [](const proto::Value &argument) { return isTarget(argument.name()); });
}

Status makeEntryInputs(TensorMap &inputs, const InputRules &rules) {
  if (auto labels = inputs.find("labels"); labels != inputs.end()) {
    if (rules.encoderDecoder && !inputs.count("decoder_input_ids")) {
      HEDDLE_ASSIGN_OR_RETURN(Tensor read, decoderInputsFrom(labels->second, rules));
      inputs["decoder_input_ids"] = std::move(read);
    }
    HEDDLE_ASSIGN_OR_RETURN(Tensor targets, targetsFrom(labels->second, rules.shiftLabels));
    inputs.erase(labels);
    inputs["targets"] = std::move(targets);
  }
  auto ids = inputs.find("input_ids");
  if (rules.neededToken && ids != inputs.end() && !ids->second.shape.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(Tensor read, convertTensor(ids->second, DType::I32, "input_ids"));
    HEDDLE_RETURN_IF_ERROR(checkNeededToken(read.as<int32_t>(), read.elements(), read.shape.back(),
                                            rules.neededToken));
  }
  for (const char *name : kSpanInputs) {
    auto given = inputs.find(name);
    if (given == inputs.end() || ids == inputs.end() || ids->second.shape.empty())
      continue;
    HEDDLE_ASSIGN_OR_RETURN(given->second, convertTensor(given->second, DType::I32, name));
    clampSpans(given->second.as<int32_t>(), given->second.elements(), ids->second.shape.back());
  }
  return absl::OkStatus();
}

void clampSpans(int32_t *places, int64_t count, int64_t seq) {
  for (int64_t i = 0; i < count; ++i)
    places[i] = places[i] >= seq ? kIgnoredTarget : std::max(places[i], 0);
}

std::vector<int32_t> tokenPositions(const int32_t *ids, int64_t count, int64_t seq,
                                    int32_t padding) {
  std::vector<int32_t> positions(count, padding);
  for (int64_t begin = 0; begin < count; begin += seq) {
    int32_t last = padding;
    for (int64_t i = begin; i < std::min(begin + seq, count); ++i)
      if (ids[i] != padding)
        positions[i] = ++last;
  }
  return positions;
}

} // namespace heddle::runtime
