// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/Arena.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <sys/mman.h>

#include "runtime/base/CheckedMath.h"

namespace heddle::runtime {
namespace {

constexpr uint64_t kHugePage = uint64_t{2} << 20;

/// The number after `key` in a file of "key: number" lines.
uint64_t numberAfter(const char *path, const char *key) {
  uint64_t value = 0;
  if (FILE *file = fopen(path, "re")) {
    char line[256];
    size_t length = strlen(key);
    while (fgets(line, sizeof line, file))
      if (strncmp(line, key, length) == 0) {
        value = strtoull(line + length, nullptr, 10);
        break;
      }
    fclose(file);
  }
  return value;
}

} // namespace

StatusOr<Arena> Arena::allocate(uint64_t bytes, const std::string &purpose) {
  Arena arena;
  if (bytes == 0)
    return arena;
  uint64_t alignment = bytes >= kHugePage ? kHugePage : 0;
  auto mapped = checkedAdd(bytes, alignment);
  // Reserved without backing: a plan's arena may be larger than what its entries ever touch.
  void *mapping = mapped && *mapped < (uint64_t{1} << 47)
                      ? mmap(nullptr, *mapped, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                      : MAP_FAILED;
  if (mapping == MAP_FAILED)
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot allocate ", bytes, " bytes for ", purpose));
  arena.mapping_ = mapping;
  arena.mapped_ = *mapped;
  auto address = reinterpret_cast<uintptr_t>(mapping);
  if (alignment)
    address = (address + alignment - 1) / alignment * alignment;
  arena.data_ = reinterpret_cast<void *>(address);
  arena.size_ = bytes;
  if (alignment)
    madvise(arena.data_, bytes, MADV_HUGEPAGE); // advice: a kernel without them is only slower
  return arena;
}

Arena &Arena::operator=(Arena &&other) noexcept {
  std::swap(mapping_, other.mapping_);
  std::swap(mapped_, other.mapped_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Arena::~Arena() {
  if (mapping_)
    munmap(mapping_, mapped_);
}

uint64_t availableMemory() {
  uint64_t available = numberAfter("/proc/meminfo", "MemAvailable:") * 1024;
  // An absent file or the word "max" reads as 0: no limit.
  uint64_t limit = numberAfter("/sys/fs/cgroup/memory.max", "");
  uint64_t used = numberAfter("/sys/fs/cgroup/memory.current", "");
  uint64_t reclaimable = numberAfter("/sys/fs/cgroup/memory.stat", "inactive_file ");
  if (limit > 0) {
    uint64_t taken = used > reclaimable ? used - reclaimable : 0;
    uint64_t left = limit > taken ? limit - taken : 1;
    available = available ? std::min(available, left) : left;
  }
  return available;
}

} // namespace heddle::runtime
