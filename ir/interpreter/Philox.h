// SPDX-License-Identifier: Apache-2.0
// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11) as
// heddle.dropout uses it. The runtime and the generated kernels have forms of their own; tests hold
// them equal.

#ifndef HEDDLE_IR_INTERPRETER_PHILOX_H
#define HEDDLE_IR_INTERPRETER_PHILOX_H

#include <array>
#include <cstdint>

namespace heddle::ir {

/// Ten rounds over a counter of four words.
inline std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, uint64_t key) {
  uint32_t key0 = static_cast<uint32_t>(key), key1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    uint64_t product0 = uint64_t{0xD2511F53} * counter[0];
    uint64_t product1 = uint64_t{0xCD9E8D57} * counter[2];
    counter = {
        static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key0, static_cast<uint32_t>(product1),
        static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key1, static_cast<uint32_t>(product0)};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return counter;
}

/// The random stream of one dropout op.
struct DropoutStream {
  uint64_t seed = 0;
  uint32_t step = 0;
  uint32_t microBatch = 0;
  uint32_t rngId = 0;

  /// Uniform in [0, 1), a multiple of 2^-24, for the element of that linear index.
  double uniform(uint64_t element) const {
    std::array<uint32_t, 4> words =
        philox({static_cast<uint32_t>(element), static_cast<uint32_t>(element >> 32),
                rngId | microBatch << 16, step},
               seed);
    return static_cast<double>(words[0] >> 8) * 0x1p-24;
  }

  /// What dropout multiplies the element by: 0 or 1 / (1 - p).
  double factor(uint64_t element, double p) const {
    return uniform(element) >= p ? 1.0 / (1.0 - p) : 0.0;
  }
};

} // namespace heddle::ir

#endif // HEDDLE_IR_INTERPRETER_PHILOX_H
