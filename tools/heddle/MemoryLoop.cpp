// SPDX-License-Identifier: Apache-2.0
#include "tools/heddle/MemoryLoop.h"

#include <atomic>
#include <cstdint>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/heddle/PinnedRounds.h"

namespace heddle::tools {
namespace {

// Together beyond the last level of cache of any processor that we know (384 MiB).
constexpr uint64_t kBytes = uint64_t(512) << 20;

/// Memory whose pages are there, in huge ones where the system gives them: reading is to wait for
/// DRAM, not for page tables.
class Pages {
public:
  Pages() {
    uint64_t free = static_cast<uint64_t>(sysconf(_SC_AVPHYS_PAGES)) *
                    static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    if (free < 2 * kBytes)
      return;
    data_ = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data_ == MAP_FAILED)
      return;
    madvise(data_, kBytes, MADV_HUGEPAGE);
    for (uint64_t i = 0; i < kBytes / sizeof(uint64_t); ++i)
      words()[i] = i;
  }
  ~Pages() {
    if (data_ != MAP_FAILED)
      munmap(data_, kBytes);
  }
  Pages(const Pages &) = delete;
  Pages &operator=(const Pages &) = delete;

  bool there() const { return data_ != MAP_FAILED; }
  uint64_t *words() const { return static_cast<uint64_t *>(data_); }

private:
  void *data_ = MAP_FAILED;
};

/// The sum of `count` words, so that the compiler must read them; it vectorizes this.
uint64_t sumOf(const uint64_t *words, uint64_t count) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < count; ++i)
    sum += words[i];
  return sum;
}

} // namespace

double measureReadBandwidth(int threads) {
  Pages pages;
  if (!pages.there())
    return 0;
  std::atomic<uint64_t> sink{0};
  uint64_t share = kBytes / sizeof(uint64_t) / static_cast<uint64_t>(threads);
  double seconds = fastestRound(
      threads, [&](int thread) { sink += sumOf(pages.words() + share * thread, share); });
  return static_cast<double>(share * sizeof(uint64_t)) * threads / seconds / 1e9;
}

} // namespace heddle::tools
