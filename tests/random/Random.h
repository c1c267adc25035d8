// SPDX-License-Identifier: Apache-2.0
// Random numbers that are the same on every machine and with every standard library: a graph is a
// function of its seed alone.

#ifndef HEDDLE_TESTS_RANDOM_RANDOM_H
#define HEDDLE_TESTS_RANDOM_RANDOM_H

#include <cassert>
#include <cstdint>
#include <string_view>
#include <vector>

namespace heddle::random {

/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014):
/// neighbouring seeds give streams that have nothing in common.
class Random {
public:
  explicit Random(uint64_t seed) : state_(seed) {}
  /// A stream of its own for a name, so that what one reads does not shift the other.
  Random(uint64_t seed, std::string_view name) : state_(seed) {
    for (unsigned char c : name)
      state_ = (state_ ^ c) * 0x100000001b3;
    next();
  }

  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  /// In [0, limit).
  int64_t below(int64_t limit) {
    assert(limit > 0);
    return static_cast<int64_t>(next() % static_cast<uint64_t>(limit));
  }
  /// In [low, high].
  int64_t between(int64_t low, int64_t high) { return low + below(high - low + 1); }
  /// True once in `times`.
  bool oneIn(int64_t times) { return below(times) == 0; }
  /// In [0, 1), a multiple of 2^-24, so that f32 holds it.
  double uniform() { return static_cast<double>(next() >> 40) * 0x1p-24; }

  template <typename T> const T &pick(const std::vector<T> &from) {
    return from[static_cast<size_t>(below(static_cast<int64_t>(from.size())))];
  }
  template <typename T> void shuffle(std::vector<T> &values) {
    for (size_t i = values.size(); i > 1; --i)
      std::swap(values[i - 1], values[static_cast<size_t>(below(static_cast<int64_t>(i)))]);
  }

private:
  uint64_t state_;
};

} // namespace heddle::random

#endif // HEDDLE_TESTS_RANDOM_RANDOM_H
