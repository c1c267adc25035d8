// SPDX-License-Identifier: Apache-2.0
#include "runtime/train/CheckpointNames.h"

#include <algorithm>
#include <charconv>

#include "runtime/train/Checkpoint.h"

namespace heddle::runtime {
namespace {

constexpr char kStepPrefix[] = "step-";
constexpr size_t kDigits = 8;

} // namespace

std::string checkpointName(uint64_t step) {
  std::string digits = std::to_string(step);
  if (digits.size() < kDigits)
    digits.insert(0, kDigits - digits.size(), '0');
  return kStepPrefix + digits;
}

std::optional<uint64_t> parseCheckpointName(const std::string &name) {
  if (!name.starts_with(kStepPrefix))
    return std::nullopt;
  const char *begin = name.data() + sizeof(kStepPrefix) - 1;
  const char *end = name.data() + name.size();
  uint64_t step = 0;
  auto [stop, error] = std::from_chars(begin, end, step);
  // The round trip refuses signs, missing or extra zeros, and whatever else is no name of ours.
  if (error != std::errc() || stop != end || checkpointName(step) != name)
    return std::nullopt;
  return step;
}

StatusOr<std::vector<CheckpointEntry>> listCheckpoints(FileLayer &layer, const std::string &out) {
  HEDDLE_ASSIGN_OR_RETURN(std::vector<std::string> names, layer.list(out));
  std::vector<CheckpointEntry> entries;
  for (const std::string &name : names) {
    bool replaced = name.starts_with(kReplacedPrefix);
    std::string plain = replaced ? name.substr(sizeof(kReplacedPrefix) - 1) : name;
    if (std::optional<uint64_t> step = parseCheckpointName(plain))
      entries.push_back({name, *step, replaced});
  }
  std::sort(entries.begin(), entries.end(), [](const auto &a, const auto &b) {
    return a.step != b.step ? a.step > b.step : a.replaced < b.replaced;
  });
  return entries;
}

} // namespace heddle::runtime
