// SPDX-License-Identifier: Apache-2.0
// Shared memory by address: ordinary loads and stores, and copies from global memory by cp.async.

/// Loads and stores of 1, 2 or 4 words at a shared address that is a multiple of their size
/// (ld.shared, st.shared). They order nothing: a barrier stands between writer and reader.
#ifdef GK_DEVICE
#define GK_SHARED_ACCESS(name, type, letter)                                                       \
  GK_CALL type gk_lds_##name(u32 address) {                                                        \
    type x;                                                                                        \
    asm volatile("ld.shared.b32 %0, [%1];" : "=" letter(x) : "r"(address) : "memory");             \
    return x;                                                                                      \
  }                                                                                                \
  GK_CALL void gk_lds_##name##x2(type(&v)[2], u32 address) {                                       \
    asm volatile("ld.shared.v2.b32 {%0,%1}, [%2];"                                                 \
                 : "=" letter(v[0]), "=" letter(v[1])                                              \
                 : "r"(address)                                                                    \
                 : "memory");                                                                      \
  }                                                                                                \
  GK_CALL void gk_lds_##name##x4(type(&v)[4], u32 address) {                                       \
    asm volatile("ld.shared.v4.b32 {%0,%1,%2,%3}, [%4];"                                           \
                 : "=" letter(v[0]), "=" letter(v[1]), "=" letter(v[2]), "=" letter(v[3])          \
                 : "r"(address)                                                                    \
                 : "memory");                                                                      \
  }                                                                                                \
  GK_CALL void gk_sts_##name(u32 address, type x) {                                                \
    asm volatile("st.shared.b32 [%0], %1;" ::"r"(address), letter(x) : "memory");                  \
  }                                                                                                \
  GK_CALL void gk_sts_##name##x2(u32 address, type x, type y) {                                    \
    asm volatile("st.shared.v2.b32 [%0], {%1,%2};" ::"r"(address), letter(x), letter(y)            \
                 : "memory");                                                                      \
  }                                                                                                \
  GK_CALL void gk_sts_##name##x4(u32 address, type x, type y, type z, type w) {                    \
    asm volatile("st.shared.v4.b32 [%0], {%1,%2,%3,%4};" ::"r"(address), letter(x), letter(y),     \
                 letter(z), letter(w)                                                              \
                 : "memory");                                                                      \
  }
GK_SHARED_ACCESS(u32, u32, "r")
GK_SHARED_ACCESS(f32, float, "f")
#else
#define GK_SHARED_ACCESS(name, type)                                                               \
  GK_CALL type gk_lds_##name(u32 address) {                                                        \
    type x;                                                                                        \
    gk_abi->loadShared(GK_PC, &x, address, -1, 4);                                                 \
    return x;                                                                                      \
  }                                                                                                \
  GK_CALL void gk_lds_##name##x2(type(&v)[2], u32 address) {                                       \
    gk_abi->loadShared(GK_PC, v, address, -1, 8);                                                  \
  }                                                                                                \
  GK_CALL void gk_lds_##name##x4(type(&v)[4], u32 address) {                                       \
    gk_abi->loadShared(GK_PC, v, address, -1, 16);                                                 \
  }                                                                                                \
  GK_CALL void gk_sts_##name(u32 address, type x) {                                                \
    gk_abi->storeShared(GK_PC, &x, address, -1, 4);                                                \
  }                                                                                                \
  GK_CALL void gk_sts_##name##x2(u32 address, type x, type y) {                                    \
    type v[2] = {x, y};                                                                            \
    gk_abi->storeShared(GK_PC, v, address, -1, 8);                                                 \
  }                                                                                                \
  GK_CALL void gk_sts_##name##x4(u32 address, type x, type y, type z, type w) {                    \
    type v[4] = {x, y, z, w};                                                                      \
    gk_abi->storeShared(GK_PC, v, address, -1, 16);                                                \
  }
GK_SHARED_ACCESS(u32, u32)
GK_SHARED_ACCESS(f32, float)
#endif
#undef GK_SHARED_ACCESS

/// Half a word, at an even address (st.shared.b16).
GK_CALL void gk_sts_u16(u32 address, u16 x) {
#ifdef GK_DEVICE
  asm volatile("st.shared.b16 [%0], %1;" ::"r"(address), "h"(x) : "memory");
#else
  gk_abi->storeShared(GK_PC, &x, address, -1, 2);
#endif
}

/// Copies 16 (8, 4) bytes from global to shared memory in the background: the first `valid` of them,
/// the rest becomes zero; with valid 0 the source is not read. Both addresses are multiples of the
/// size (cp.async.cg, for 8 and 4 bytes cp.async.ca). The bytes may be used after a wait that covers
/// the copy's group, by other threads after a barrier besides.
#ifdef GK_DEVICE
#define GK_CP_ASYNC(bytes, cache)                                                                  \
  GK_CALL void gk_cp_async_##bytes(u32 address, const void *source, u32 valid) {                   \
    asm volatile("cp.async." cache ".shared.global [%0], [%1], " #bytes ", %2;" ::"r"(address),    \
                 "l"(source), "r"(valid)                                                           \
                 : "memory");                                                                      \
  }
GK_CP_ASYNC(16, "cg")
GK_CP_ASYNC(8, "ca")
GK_CP_ASYNC(4, "ca")
#else
#define GK_CP_ASYNC(bytes)                                                                         \
  GK_CALL void gk_cp_async_##bytes(u32 address, const void *source, u32 valid) {                   \
    gk_abi->cpAsync(GK_PC, address, source, bytes, valid);                                         \
  }
GK_CP_ASYNC(16)
GK_CP_ASYNC(8)
GK_CP_ASYNC(4)
#endif
#undef GK_CP_ASYNC

/// Closes the group of this thread's copies since the last one (cp.async.commit_group).
GK_CALL void gk_cp_async_commit() {
#ifdef GK_DEVICE
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  gk_abi->cpAsyncCommit(GK_PC);
#endif
}
/// Waits until at most the newest N groups of this thread are under way (cp.async.wait_group).
template <int N> GK_CALL void gk_cp_async_wait() {
#ifdef GK_DEVICE
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
#else
  gk_abi->cpAsyncWait(GK_PC, N);
#endif
}
