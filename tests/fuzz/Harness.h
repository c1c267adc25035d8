// SPDX-License-Identifier: Apache-2.0
// What every fuzz target shares: a target defines runInput(), and fails by a sanitizer's report, by
// require(), or by taking more memory than readers may.

#ifndef HEDDLE_TESTS_FUZZ_HARNESS_H
#define HEDDLE_TESTS_FUZZ_HARNESS_H

#include <cstdint>
#include <string_view>

#include "runtime/base/Status.h"

namespace heddle::fuzz {

/// One input, from the fuzzer or from a kept file. Defined once in every target.
void runInput(std::string_view bytes);

/// Ends the process with `what` on stderr unless `holds`.
void require(bool holds, std::string_view what);

/// Whether a reader took its input. Requires that a refusal is one: bad input (exit 2) with a
/// message that is shown within bounds and without anything that a terminal obeys.
bool accepted(const Status &status);
template <typename T> bool accepted(const StatusOr<T> &result) { return accepted(result.status()); }

/// What a reader may hold at once for an input of `size` bytes.
constexpr uint64_t heapLimit(uint64_t size) { return 4 * size + (uint64_t{64} << 20); }

/// Watches the heap while it lives: the process ends as soon as more than `limit` bytes are live
/// that were not before. Only where AddressSanitizer counts allocations; elsewhere it does nothing.
class HeapWatch {
public:
  explicit HeapWatch(uint64_t limit);
  ~HeapWatch();
};

} // namespace heddle::fuzz

#endif // HEDDLE_TESTS_FUZZ_HARNESS_H
