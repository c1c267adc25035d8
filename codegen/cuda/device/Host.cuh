// SPDX-License-Identifier: Apache-2.0
// What stands first on the host only. The text is compiled with -fsanitize=thread, whose callbacks
// are defined here instead of being taken from its library: each plain load and store of the kernel
// is shown to the emulator before it happens. They are hidden, so that a process that is itself
// under ThreadSanitizer does not take them for its own, nor lends its own to the kernel.

extern "C" __attribute__((visibility("default"))) const gk_EmulatorAbi *gk_abi;
const gk_EmulatorAbi *gk_abi = nullptr;

#define GK_HIDDEN                                                                                  \
  extern "C" __attribute__((visibility("hidden"), used, noinline, no_sanitize("thread")))
#define GK_SEE(address, bytes, kind)                                                               \
  gk_abi->access(__builtin_return_address(0), address, bytes, kind)
#define GK_CALLBACKS(bytes)                                                                        \
  GK_HIDDEN void __tsan_read##bytes(void *p) { GK_SEE(p, bytes, 0); }                              \
  GK_HIDDEN void __tsan_write##bytes(void *p) { GK_SEE(p, bytes, 1); }                             \
  GK_HIDDEN void __tsan_unaligned_read##bytes(void *p) { GK_SEE(p, bytes, 2); }                    \
  GK_HIDDEN void __tsan_unaligned_write##bytes(void *p) { GK_SEE(p, bytes, 3); }                   \
  GK_HIDDEN void __tsan_volatile_read##bytes(void *p) { GK_SEE(p, bytes, 0); }                     \
  GK_HIDDEN void __tsan_volatile_write##bytes(void *p) { GK_SEE(p, bytes, 1); }                    \
  GK_HIDDEN void __tsan_read_write##bytes(void *p) {                                               \
    GK_SEE(p, bytes, 0);                                                                           \
    GK_SEE(p, bytes, 1);                                                                           \
  }                                                                                                \
  GK_HIDDEN void __tsan_unaligned_read_write##bytes(void *p) {                                     \
    GK_SEE(p, bytes, 2);                                                                           \
    GK_SEE(p, bytes, 3);                                                                           \
  }
GK_CALLBACKS(1)
GK_CALLBACKS(2)
GK_CALLBACKS(4)
GK_CALLBACKS(8)
GK_CALLBACKS(16)
GK_HIDDEN void __tsan_init() {}
GK_HIDDEN void __tsan_func_entry(void *) {}
GK_HIDDEN void __tsan_func_exit() {}
GK_HIDDEN void __tsan_read_range(void *p, unsigned long n) { GK_SEE(p, n, 2); }
GK_HIDDEN void __tsan_write_range(void *p, unsigned long n) { GK_SEE(p, n, 3); }
GK_HIDDEN void *__tsan_memcpy(void *to, const void *from, unsigned long n) {
  GK_SEE(from, n, 2);
  GK_SEE(to, n, 3);
  return __builtin_memcpy(to, from, n);
}
GK_HIDDEN void *__tsan_memmove(void *to, const void *from, unsigned long n) {
  GK_SEE(from, n, 2);
  GK_SEE(to, n, 3);
  return __builtin_memmove(to, from, n);
}
GK_HIDDEN void *__tsan_memset(void *to, int value, unsigned long n) {
  GK_SEE(to, n, 3);
  return __builtin_memset(to, value, n);
}

template <int... I> struct gk_Indices;
template <int N, int... I> struct gk_MakeIndices {
  typedef typename gk_MakeIndices<N - 1, N - 1, I...>::type type;
};
template <int... I> struct gk_MakeIndices<0, I...> {
  typedef gk_Indices<I...> type;
};
