// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/mlir/Feedback.h"

#include <cctype>
#include <cstdint>

namespace {

constexpr uint32_t kCounters = 1 << 14;

// libFuzzer reads and clears what lies in this section as it does its own counters.
__attribute__((section("__libfuzzer_extra_counters"), used)) uint8_t counters[kCounters];

} // namespace

namespace heddle::fuzz {

void sawEvent(const std::string &event) {
  uint32_t hash = 2166136261u; // FNV-1a
  bool quoted = false;
  for (char c : event) {
    if (c == '\'' || c == '"')
      quoted = !quoted;
    if (quoted || std::isdigit(static_cast<unsigned char>(c)))
      continue;
    hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
  }
  uint8_t &counter = counters[hash % kCounters];
  counter += counter < 255;
}

} // namespace heddle::fuzz
