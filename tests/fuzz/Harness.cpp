// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/Harness.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "runtime/base/PrintableText.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HEDDLE_COUNTS_HEAP
#include <sanitizer/allocator_interface.h>
#endif
#endif

namespace heddle::fuzz {
namespace {

#ifdef HEDDLE_COUNTS_HEAP
std::atomic<int64_t> liveBytes{0};
std::atomic<int64_t> mostBytes{INT64_MAX};

void countAllocation(const volatile void *, size_t size) {
  int64_t live = liveBytes.fetch_add(static_cast<int64_t>(size), std::memory_order_relaxed) +
                 static_cast<int64_t>(size);
  if (live > mostBytes.load(std::memory_order_relaxed)) {
    mostBytes = INT64_MAX; // the report allocates too
    require(false, "a reader holds more memory than 4 times its input and 64 MB");
  }
}

void countRelease(const volatile void *address) {
  if (address)
    liveBytes.fetch_sub(
        static_cast<int64_t>(__sanitizer_get_allocated_size(const_cast<const void *>(address))),
        std::memory_order_relaxed);
}
#endif

} // namespace

void require(bool holds, std::string_view what) {
  if (holds)
    return;
  fprintf(stderr, "fuzz: %.*s\n", static_cast<int>(what.size()), what.data());
  abort();
}

bool accepted(const Status &status) {
  if (status.ok())
    return true;
  std::string message(status.message());
  require(exitCode(status) == 2, "bad input is no InvalidArgument: " + status.ToString());
  require(!message.empty(), "an error without a message");
  std::string shown = printableText(message);
  require(shown.size() <= kPrintableBytes + 16 && isValidUtf8(shown), "a message without bounds");
  for (unsigned char c : shown)
    require((c >= 0x20 && c != 0x7F) || c == '\n', "a control character in: " + shown);
  return false;
}

#ifdef HEDDLE_COUNTS_HEAP
HeapWatch::HeapWatch(uint64_t limit) {
  [[maybe_unused]] static int installed =
      __sanitizer_install_malloc_and_free_hooks(countAllocation, countRelease);
  mostBytes = liveBytes + static_cast<int64_t>(limit);
}
HeapWatch::~HeapWatch() { mostBytes = INT64_MAX; }
#else
HeapWatch::HeapWatch(uint64_t) {}
HeapWatch::~HeapWatch() = default;
#endif

} // namespace heddle::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  heddle::fuzz::HeapWatch watch(heddle::fuzz::heapLimit(size));
  heddle::fuzz::runInput({reinterpret_cast<const char *>(data), size});
  return 0;
}
