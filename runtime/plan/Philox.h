// SPDX-License-Identifier: Apache-2.0
// Random numbers by counter: Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random
// numbers: as easy as 1, 2, 3" (SC'11). A number depends on its key and counter only, so that
// order and thread count do not matter and a resumed run needs no generator state.

#ifndef HEDDLE_RUNTIME_PLAN_PHILOX_H
#define HEDDLE_RUNTIME_PLAN_PHILOX_H

#include <array>
#include <cstdint>
#include <string_view>

namespace heddle::runtime {

using PhiloxKey = std::array<uint32_t, 2>;
using PhiloxCounter = std::array<uint32_t, 4>;

constexpr PhiloxCounter philox4x32(PhiloxCounter counter, PhiloxKey key) {
  for (int round = 0; round < 10; ++round) {
    uint64_t a = uint64_t{0xD2511F53} * counter[0];
    uint64_t b = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

constexpr PhiloxKey philoxKey(uint64_t seed) {
  return {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
}

/// Whether heddle.dropout keeps element `e`: kept where u >= p (ir/ElementwiseOps.td).
constexpr float dropoutUniform(uint64_t seed, uint64_t e, uint32_t rngId, uint32_t microBatch,
                               uint32_t step) {
  PhiloxCounter counter = {static_cast<uint32_t>(e), static_cast<uint32_t>(e >> 32),
                           rngId | microBatch << 16, step};
  return static_cast<float>(philox4x32(counter, philoxKey(seed))[0] >> 8) * 0x1p-24f;
}

/// FNV-1a: streams are told apart by name.
constexpr uint64_t streamHash(std::string_view name) {
  uint64_t hash = 0xCBF29CE484222325;
  for (char c : name)
    hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3;
  return hash;
}

/// A named sequence of random blocks under a seed ("data.train", "init/wte.weight").
class RandomStream {
public:
  RandomStream(uint64_t seed, std::string_view name) : key_(philoxKey(seed)) {
    uint64_t hash = streamHash(name);
    low_ = static_cast<uint32_t>(hash);
    high_ = static_cast<uint32_t>(hash >> 32);
  }

  /// Four 32-bit words, the same each time they are asked for.
  PhiloxCounter block(uint64_t index) const {
    return philox4x32(
        {static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), low_, high_}, key_);
  }
  uint64_t bits64(uint64_t index) const {
    PhiloxCounter words = block(index);
    return uint64_t{words[1]} << 32 | words[0];
  }
  /// In [0, 1), 53 bits.
  double uniform(uint64_t index) const {
    return static_cast<double>(bits64(index) >> 11) * 0x1p-53;
  }
  /// In [0, bound), bound > 0. The high half of a 128-bit product: the bias is below bound / 2^64.
  uint64_t below(uint64_t index, uint64_t bound) const {
    return static_cast<uint64_t>(static_cast<unsigned __int128>(bits64(index)) * bound >> 64);
  }

private:
  PhiloxKey key_;
  uint32_t low_, high_;
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_PLAN_PHILOX_H
