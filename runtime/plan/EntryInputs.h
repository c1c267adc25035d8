// SPDX-License-Identifier: Apache-2.0
// From tensors as Hugging Face names and means them to the inputs of our entries.

#ifndef HEDDLE_RUNTIME_PLAN_ENTRYINPUTS_H
#define HEDDLE_RUNTIME_PLAN_ENTRYINPUTS_H

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/Executable.pb.h"
#include "runtime/plan/Tensor.h"

namespace heddle::runtime {

/// What a loss leaves out.
inline constexpr int32_t kIgnoredTarget = -100;
/// Where a span begins and ends, [B]: what a loss for spans takes in place of `targets`.
inline constexpr const char *kSpanInputs[] = {"start_positions", "end_positions"};

/// Whether the second text of a pair follows the first, [B].
inline constexpr const char *kNextSentenceInput = "next_sentence_label";

/// What an encoder reads that does not read tokens: numbers in bins, frame after frame.
inline constexpr char kFeaturesInput[] = "input_features";

/// Whether only a loss takes an input of that name.
bool isTarget(std::string_view name);
bool hasTargets(const TensorMap &inputs);
/// Whether the entry has any such input; a contrastive loss compares its inputs with each other.
bool takesTargets(const proto::Plan &plan);

/// What a model says of its inputs.
struct InputRules {
  bool shiftLabels = false;    // labels at t + 1 are the targets at t
  bool encoderDecoder = false; // the decoder reads its labels, one place later
  std::optional<int64_t> decoderStart = {}, decoderPadding = {};
  std::optional<int64_t> neededToken = {}; // that every text holds
};
InputRules inputRules(const proto::Manifest &manifest);

/// InvalidArgument that names the first of the rows of T ids without the token, if one is needed.
Status checkNeededToken(const int32_t *ids, int64_t count, int64_t seq,
                        std::optional<int64_t> token);

/// `labels` become `targets`, shifted to the token before where labels are. A decoder behind an
/// encoder that is given no decoder_input_ids reads what stands before each label: the start, then
/// the labels. Places of spans outside of the sequence [B, T] of `input_ids` become kIgnoredTarget,
/// negative ones 0.
/// A row of `input_ids` without the token that every text needs is an error.
Status makeEntryInputs(TensorMap &inputs, const InputRules &rules);

/// The same for places alone.
void clampSpans(int32_t *places, int64_t count, int64_t seq);

/// Per row of T tokens: padding + 1, padding + 2, ... for those that are not `padding`, and
/// `padding` for those that are.
std::vector<int32_t> tokenPositions(const int32_t *ids, int64_t count, int64_t seq,
                                    int32_t padding);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_PLAN_ENTRYINPUTS_H
