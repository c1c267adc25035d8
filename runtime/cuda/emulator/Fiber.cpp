// SPDX-License-Identifier: Apache-2.0
#include "runtime/cuda/emulator/Fiber.h"

#include <cerrno>
#include <cstring>
#include <pthread.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define HEDDLE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HEDDLE_ASAN 1
#endif
#endif
#ifdef HEDDLE_ASAN
extern "C" void __sanitizer_start_switch_fiber(void **, const void *, size_t);
extern "C" void __sanitizer_finish_switch_fiber(void *, const void **, size_t *);
#endif

extern "C" void heddleSwitchStack(uint64_t *save, uint64_t load);
// Saves what the calling convention lets a function keep, on the old stack, and takes it from the
// new one. A system call for the signal mask, which ucontext makes, would cost ten times as much.
asm(R"(
  .text
  .globl heddleSwitchStack
  .hidden heddleSwitchStack
  .type heddleSwitchStack, @function
heddleSwitchStack:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
  .size heddleSwitchStack, .-heddleSwitchStack
)");

namespace heddle::emulator {
namespace {

constexpr size_t kGuardBytes = 4096;
constexpr size_t kSlotBytes = StackPool::kStackBytes + kGuardBytes;

/// Tops at one distance from each other would all fall into one set of the first cache.
size_t stagger(size_t index) { return index % 64 * 704; }

} // namespace

StackPool::~StackPool() {
  if (bytes_)
    munmap(reinterpret_cast<void *>(base_), bytes_);
}

Status StackPool::reserve(size_t count) {
  size_t bytes = count * kSlotBytes;
  if (bytes <= bytes_)
    return absl::OkStatus();
  if (bytes_)
    munmap(reinterpret_cast<void *>(base_), bytes_);
  base_ = bytes_ = 0;
  void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return absl::ResourceExhaustedError(absl::StrCat("no memory for the stacks of ", count,
                                                     " emulated threads: ", strerror(errno)));
  base_ = reinterpret_cast<uint64_t>(memory);
  bytes_ = bytes;
  for (size_t i = 0; i < count; ++i)
    mprotect(reinterpret_cast<void *>(base_ + i * kSlotBytes), kGuardBytes, PROT_NONE);
  return absl::OkStatus();
}

uint8_t *StackPool::bottom(size_t index) const {
  return reinterpret_cast<uint8_t *>(base_ + index * kSlotBytes + kGuardBytes);
}

void FiberContext::prepare(StackPool &pool, size_t index, void (*entry)()) {
  bottom_ = pool.bottom(index);
  size_ = StackPool::kStackBytes;
  uint64_t top = reinterpret_cast<uint64_t>(bottom_) + size_ - stagger(index) - 64;
  auto *words = reinterpret_cast<uint64_t *>(top / 64 * 64);
  *--words = 0; // the entry's return address: it has none
  *--words = reinterpret_cast<uint64_t>(entry);
  for (int saved = 0; saved < 6; ++saved)
    *--words = 0;
  stackPointer_ = reinterpret_cast<uint64_t>(words);
}

#ifdef HEDDLE_ASAN
void tellEntered(FiberContext &from) {
  const void *bottom = nullptr;
  size_t size = 0;
  __sanitizer_finish_switch_fiber(nullptr, &bottom, &size);
  from.bottom_ = bottom;
  from.size_ = size;
}
static thread_local FiberContext *leaving = nullptr;
#endif

void fiberEntered() {
#ifdef HEDDLE_ASAN
  tellEntered(*leaving);
#endif
}

void FiberContext::switchTo(FiberContext &from, FiberContext &to) {
#ifdef HEDDLE_ASAN
  void *fake = nullptr;
  leaving = &from;
  __sanitizer_start_switch_fiber(&fake, to.bottom_, to.size_);
  heddleSwitchStack(&from.stackPointer_, to.stackPointer_);
  const void *bottom = nullptr;
  size_t size = 0;
  __sanitizer_finish_switch_fiber(fake, &bottom, &size);
  leaving->bottom_ = bottom;
  leaving->size_ = size;
#else
  heddleSwitchStack(&from.stackPointer_, to.stackPointer_);
#endif
}

} // namespace heddle::emulator
