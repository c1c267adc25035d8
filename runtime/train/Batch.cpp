// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "runtime/plan/EntryInputs.h"
#include "runtime/train/Data.h"

namespace heddle::runtime {

std::vector<BatchPart> partsOf(const Batch &batch) {
  std::vector<BatchPart> parts;
  auto add = [&](const std::string &name, DType dtype, const auto &values) {
    parts.push_back({name, dtype, values.data(), values.size()});
  };
  if (!batch.inputIds.empty())
    add("input_ids", DType::I32, batch.inputIds);
  if (!batch.targets.empty())
    add("targets", DType::I32, batch.targets);
  for (const auto &[name, values] : batch.others)
    add(name, DType::I32, values);
  for (const auto &[name, values] : batch.numbers)
    add(name, DType::F32, values);
  return parts;
}

uint64_t targetsOf(const Batch &batch) {
  // A loss of two parts counts rows as much as tokens.
  if (batch.targets.empty() || batch.others.count(kNextSentenceInput))
    return 1;
  return batch.targets.size() - static_cast<uint64_t>(std::count(
                                    batch.targets.begin(), batch.targets.end(), kIgnoredTarget));
}

} // namespace heddle::runtime
