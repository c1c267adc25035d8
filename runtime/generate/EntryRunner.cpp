// SPDX-License-Identifier: Apache-2.0
#include "runtime/generate/EntryRunner.h"

#include <algorithm>

#include "runtime/plan/EntryInputs.h"
#include "runtime/plan/Session.h"

namespace heddle::runtime {

std::vector<int64_t> framesShape(const Executable &executable) {
  const Entry *entry = executable.find("prefill");
  if (entry)
    for (const proto::Value &argument : entry->plan->arguments())
      if (argument.kind() == "input" && argument.name() == kFeaturesInput)
        return shapeOf(argument);
  return {};
}

EntryRunner::EntryRunner(Session &session)
    : session_(session), batch_(session.manifest().batch()), window_(session.manifest().seq()),
      source_(session.manifest().source_seq()), frames_(framesShape(session.executable())) {}

Status EntryRunner::prepare() {
  HEDDLE_ASSIGN_OR_RETURN(prefill_, session_.prepare("prefill"));
  HEDDLE_ASSIGN_OR_RETURN(decode_, session_.prepare("decode"));
  return absl::OkStatus();
}

StatusOr<Tensor> EntryRunner::prefill(const RowTokens &given) {
  const TokenRows &rows = given.rows;
  std::vector<int32_t> ids(batch_ * window_), last(batch_);
  for (size_t b = 0; b < rows.size(); ++b) {
    const std::vector<int32_t> &tokens = *rows[b];
    size_t length = std::min<size_t>(tokens.size(), window_);
    std::copy(tokens.end() - static_cast<ptrdiff_t>(length), tokens.end(),
              ids.begin() + static_cast<ptrdiff_t>(b * window_));
    last[b] = static_cast<int32_t>(length - 1);
  }
  HEDDLE_RETURN_IF_ERROR(
      prefill_->setInput(idsName(), Tensor::of(DType::I32, {batch_, window_}, ids)));
  HEDDLE_RETURN_IF_ERROR(prefill_->setInput("last_index", Tensor::of(DType::I32, {batch_}, last)));
  HEDDLE_RETURN_IF_ERROR(setSources(*prefill_, given.sources, /*read=*/true));
  return logitsOf(*prefill_);
}

StatusOr<Tensor> EntryRunner::decode(const RowTokens &given) {
  const TokenRows &rows = given.rows;
  std::vector<int32_t> ids(batch_), positions(batch_);
  for (size_t b = 0; b < rows.size(); ++b) {
    ids[b] = rows[b]->back();
    positions[b] =
        static_cast<int32_t>(std::min<int64_t>(static_cast<int64_t>(rows[b]->size()), window_) - 1);
  }
  HEDDLE_RETURN_IF_ERROR(decode_->setInput(idsName(), Tensor::of(DType::I32, {batch_, 1}, ids)));
  HEDDLE_RETURN_IF_ERROR(
      decode_->setInput("positions", Tensor::of(DType::I32, {batch_}, positions)));
  HEDDLE_RETURN_IF_ERROR(setSources(*decode_, given.sources, /*read=*/false));
  return logitsOf(*decode_);
}

Status EntryRunner::setSources(PreparedEntry &entry, const std::vector<Source> &sources,
                               bool read) {
  if (source_ == 0)
    return absl::OkStatus();
  if (!frames_.empty())
    return read ? setFrames(sources) : absl::OkStatus();
  std::vector<int32_t> ids(batch_ * source_), mask(batch_ * source_);
  for (size_t b = 0; b < sources.size(); ++b) {
    const std::vector<int32_t> &tokens = *sources[b].tokens;
    const auto first = static_cast<ptrdiff_t>(b) * source_;
    std::copy(tokens.begin(), tokens.end(), ids.begin() + first);
    std::fill_n(mask.begin() + first, tokens.size(), 1);
  }
  if (read)
    HEDDLE_RETURN_IF_ERROR(
        entry.setInput("input_ids", Tensor::of(DType::I32, {batch_, source_}, ids)));
  return entry.setInput("attention_mask", Tensor::of(DType::I32, {batch_, source_}, mask));
}

Status EntryRunner::setFrames(const std::vector<Source> &sources) {
  const int64_t bins = frames_[1], longest = frames_[2];
  std::vector<float> all(batch_ * bins * longest);
  for (size_t b = 0; b < sources.size(); ++b)
    for (int64_t bin = 0; bin < bins; ++bin)
      std::copy_n(sources[b].frames + bin * sources[b].count, sources[b].count,
                  all.begin() + (static_cast<ptrdiff_t>(b) * bins + bin) * longest);
  return prefill_->setInput(kFeaturesInput, Tensor::of(DType::F32, frames_, all));
}

StatusOr<Tensor> EntryRunner::logitsOf(PreparedEntry &entry) {
  ran_ = &entry;
  HEDDLE_RETURN_IF_ERROR(entry.run());
  return entry.output("logits");
}

Status EntryRunner::explain(const Status &status, size_t prompt) {
  HEDDLE_ASSIGN_OR_RETURN(NonFiniteOrigin origin, ran_->findNonFinite());
  return Status(status.code(), absl::StrCat("prompt ", prompt + 1, ": ",
                                            std::string(status.message()), "; ", origin.text()));
}

} // namespace heddle::runtime
