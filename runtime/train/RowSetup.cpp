// SPDX-License-Identifier: Apache-2.0
#include "runtime/train/RowSetup.h"

#include <cmath>

#include "runtime/text/Tokenizer.h"

namespace heddle::runtime {

RowLayout layoutFor(const DataOptions &options) {
  const TrainingTask &task = options.task;
  RowLayout layout;
  layout.batch = options.batch;
  auto ids = task.inputs.find("input_ids");
  layout.seq = ids == task.inputs.end() ? options.seq : ids->second.back();
  layout.padId = task.tokens.pad.value_or(task.tokens.end.value_or(0));
  layout.targetsPerToken = task.objective == Objective::CausalLm ||
                           task.objective == Objective::MaskedLm ||
                           task.objective == Objective::NextSentence ||
                           task.objective == Objective::SequenceToSequence ||
                           (task.objective == Objective::Classification && labelsTokens(task));
  layout.pairs = task.objective == Objective::Contrastive;
  layout.types = task.takes("token_type_ids");
  layout.mask = task.takes("attention_mask");
  if (task.objective == Objective::SequenceToSequence) {
    auto decoder = task.inputs.find("decoder_input_ids");
    layout.decoderSeq = decoder == task.inputs.end() ? options.seq : decoder->second.back();
    layout.decoderMask = task.takes("decoder_attention_mask");
  }
  return layout;
}

StatusOr<std::optional<TokenMasker>> maskerFor(const Tokenizer &tokenizer,
                                               const DataOptions &options) {
  const Objective objective = options.task.objective;
  if (objective != Objective::MaskedLm && objective != Objective::NextSentence)
    return std::optional<TokenMasker>();
  if (!options.task.tokens.mask)
    return invalidInput("--objective ", objectiveName(objective), ": the ", tokenizer.kind(),
                        " tokenizer has no mask token (such as [MASK] or <mask>)");
  std::vector<bool> special(static_cast<size_t>(tokenizer.vocabSize()));
  for (size_t id = 0; id < special.size(); ++id)
    special[id] = tokenizer.isSpecial(static_cast<int32_t>(id));
  return TokenMasker(*options.task.tokens.mask, std::move(special), options.seed);
}

StatusOr<uint64_t> trainingShare(uint64_t count, const char *what, const std::string &name,
                                 const DataOptions &options) {
  if (!(options.valSplit >= 0 && options.valSplit < 1))
    return invalidInput("--val-split ", options.valSplit, ": expected a share in [0, 1)");
  const auto validation =
      static_cast<uint64_t>(std::floor(static_cast<double>(count) * options.valSplit));
  if (options.valSplit > 0 && validation == 0)
    return invalidInput(name, ": --val-split ", options.valSplit, " leaves none of ", count, " ",
                        what, " for validation");
  return count - validation;
}

} // namespace heddle::runtime
