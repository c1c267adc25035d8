// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "runtime/plan/EntryInputs.h"
#include "runtime/train/RowData.h"

namespace heddle::runtime {
namespace {

// Shares of all 32-bit words.
constexpr auto kChosen = static_cast<uint32_t>(0.15 * 0x1p32);
constexpr auto kMasked = static_cast<uint32_t>(0.8 * 0x1p32);
constexpr auto kMaskedOrRandom = static_cast<uint32_t>(0.9 * 0x1p32);

} // namespace

TokenMasker::TokenMasker(int32_t maskId, std::vector<bool> special, uint64_t seed)
    : maskId_(maskId), special_(std::move(special)), training_(seed, "data.mask"),
      validation_(seed, "data.mask.val") {}

int64_t TokenMasker::apply(Part part, uint64_t number, uint64_t seq, Example &example) const {
  int64_t chosen = 0;
  example.targets.assign(example.ids.size(), kIgnoredTarget);
  for (size_t i = 0; i < example.ids.size(); ++i) {
    int32_t &id = example.ids[i];
    const PhiloxCounter words = stream(part).block(number * seq + i);
    if (!mayBeChosen(id) || words[0] >= kChosen)
      continue;
    example.targets[i] = id;
    ++chosen;
    if (words[1] < kMasked)
      id = maskId_;
    else if (words[1] < kMaskedOrRandom)
      id = static_cast<int32_t>(uint64_t{words[2]} * special_.size() >> 32);
  }
  return chosen;
}

bool TokenMasker::chooseOne(Part part, uint64_t number, Example &example) const {
  std::vector<size_t> places;
  for (size_t i = 0; i < example.ids.size(); ++i)
    if (mayBeChosen(example.ids[i]))
      places.push_back(i);
  if (places.empty())
    return false;
  const size_t at = places[stream(part).block(number)[3] % places.size()];
  example.targets.assign(example.ids.size(), kIgnoredTarget);
  example.targets[at] = example.ids[at];
  example.ids[at] = maskId_;
  return true;
}

} // namespace heddle::runtime
