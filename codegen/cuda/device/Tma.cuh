// SPDX-License-Identifier: Apache-2.0
// Bulk copies between global and shared memory (cp.async.bulk and cp.async.bulk.tensor). One thread
// issues each.
//
// A load reports its bytes to an mbarrier that expects them (gk_mbarrier_expect); after the wait on
// it every thread may read, also wgmma, without a fence. Before it overwrites what threads stored,
// those need gk_proxy_fence and a barrier. A store needs gk_proxy_fence by every thread that wrote
// the source, then a barrier, then the store, gk_bulk_commit, and gk_bulk_wait_read before the
// source is written again or the block ends.
//
// Coordinates count elements from the fastest dimension; they may be negative or beyond the end:
// loads give zeros there, stores leave it out. The first one times the element's size must be a
// multiple of 16, else the kernel traps. Shared addresses are multiples of 128, with a swizzle of
// 1024. A swizzle permutes 16-byte chunks of the box by address bits 7 and up.

#if GK_SM90
#ifdef GK_DEVICE
#define GK_TMA_LOAD(rank, suffix, mask, pattern, ...)                                              \
  asm volatile("cp.async.bulk.tensor." rank                                                        \
               ".shared::cluster.global.mbarrier::complete_tx::bytes" suffix                       \
               " [%0], [%1, " pattern "], [%2]" mask ";" ::"r"(address),                           \
               "l"(&map), "r"(mbarrier), __VA_ARGS__                                               \
               : "memory")
#endif

/// Loads the map's box at (x, y, ...) to `address`.
GK_CALL void gk_tma_load_2d(u32 address, const gk_TensorMap &map, u32 mbarrier, int x, int y) {
#ifdef GK_DEVICE
  GK_TMA_LOAD("2d", "", "", "{%3,%4}", "r"(x), "r"(y));
#else
  int c[] = {x, y};
  gk_abi->tmaLoad(GK_PC, address, &map, mbarrier, 2, c, 0);
#endif
}
GK_CALL void gk_tma_load_3d(u32 address, const gk_TensorMap &map, u32 mbarrier, int x, int y,
                            int z) {
#ifdef GK_DEVICE
  GK_TMA_LOAD("3d", "", "", "{%3,%4,%5}", "r"(x), "r"(y), "r"(z));
#else
  int c[] = {x, y, z};
  gk_abi->tmaLoad(GK_PC, address, &map, mbarrier, 3, c, 0);
#endif
}
GK_CALL void gk_tma_load_4d(u32 address, const gk_TensorMap &map, u32 mbarrier, int x, int y, int z,
                            int w) {
#ifdef GK_DEVICE
  GK_TMA_LOAD("4d", "", "", "{%3,%4,%5,%6}", "r"(x), "r"(y), "r"(z), "r"(w));
#else
  int c[] = {x, y, z, w};
  gk_abi->tmaLoad(GK_PC, address, &map, mbarrier, 4, c, 0);
#endif
}

/// The same into every block of the cluster whose bit in `mask` is set, at the same shared address,
/// reported to the mbarrier at the same address there: each of them expects the whole bytes.
GK_CALL void gk_tma_load_2d_multicast(u32 address, const gk_TensorMap &map, u32 mbarrier, int x,
                                      int y, u16 mask) {
#ifdef GK_DEVICE
  GK_TMA_LOAD("2d", ".multicast::cluster", ", %5", "{%3,%4}", "r"(x), "r"(y), "h"(mask));
#else
  int c[] = {x, y};
  gk_abi->tmaLoad(GK_PC, address, &map, mbarrier, 2, c, mask);
#endif
}
GK_CALL void gk_tma_load_3d_multicast(u32 address, const gk_TensorMap &map, u32 mbarrier, int x,
                                      int y, int z, u16 mask) {
#ifdef GK_DEVICE
  GK_TMA_LOAD("3d", ".multicast::cluster", ", %6", "{%3,%4,%5}", "r"(x), "r"(y), "r"(z),
              "h"(mask));
#else
  int c[] = {x, y, z};
  gk_abi->tmaLoad(GK_PC, address, &map, mbarrier, 3, c, mask);
#endif
}
GK_CALL void gk_tma_load_4d_multicast(u32 address, const gk_TensorMap &map, u32 mbarrier, int x,
                                      int y, int z, int w, u16 mask) {
#ifdef GK_DEVICE
  GK_TMA_LOAD("4d", ".multicast::cluster", ", %7", "{%3,%4,%5,%6}", "r"(x), "r"(y), "r"(z), "r"(w),
              "h"(mask));
#else
  int c[] = {x, y, z, w};
  gk_abi->tmaLoad(GK_PC, address, &map, mbarrier, 4, c, mask);
#endif
}
#undef GK_TMA_LOAD

/// `bytes` bytes that lie together; both addresses and the size are multiples of 16.
GK_CALL void gk_bulk_load(u32 address, const void *source, u32 bytes, u32 mbarrier) {
#ifdef GK_DEVICE
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes "
               "[%0], [%1], %2, [%3];" ::"r"(address),
               "l"(source), "r"(bytes), "r"(mbarrier)
               : "memory");
#else
  gk_abi->bulkLoad(GK_PC, address, source, bytes, mbarrier);
#endif
}
GK_CALL void gk_bulk_store(void *target, u32 address, u32 bytes) {
#ifdef GK_DEVICE
  asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(target),
               "r"(address), "r"(bytes)
               : "memory");
#else
  gk_abi->bulkStore(GK_PC, target, address, bytes);
#endif
}

/// Stores a box to (x, y, ...); gk_tma_add_*: adds it, in f32 or bf16 as the map says, element by
/// element and in any order (cp.reduce.async.bulk.tensor .add).
#ifdef GK_DEVICE
#define GK_TMA_OUT(name, instruction, add)                                                         \
  GK_CALL void name##_2d(const gk_TensorMap &map, u32 address, int x, int y) {                     \
    asm volatile(instruction(2) " [%0, {%2,%3}], [%1];" ::"l"(&map), "r"(address), "r"(x), "r"(y)  \
                 : "memory");                                                                      \
  }                                                                                                \
  GK_CALL void name##_3d(const gk_TensorMap &map, u32 address, int x, int y, int z) {              \
    asm volatile(instruction(3) " [%0, {%2,%3,%4}], [%1];" ::"l"(&map), "r"(address), "r"(x),      \
                 "r"(y), "r"(z)                                                                    \
                 : "memory");                                                                      \
  }                                                                                                \
  GK_CALL void name##_4d(const gk_TensorMap &map, u32 address, int x, int y, int z, int w) {       \
    asm volatile(instruction(4) " [%0, {%2,%3,%4,%5}], [%1];" ::"l"(&map), "r"(address), "r"(x),   \
                 "r"(y), "r"(z), "r"(w)                                                            \
                 : "memory");                                                                      \
  }
#define GK_STORE_PTX(rank) "cp.async.bulk.tensor." #rank "d.global.shared::cta.bulk_group"
#define GK_ADD_PTX(rank) "cp.reduce.async.bulk.tensor." #rank "d.global.shared::cta.add.bulk_group"
#else
#define GK_TMA_OUT(name, instruction, add)                                                         \
  GK_CALL void name##_2d(const gk_TensorMap &map, u32 address, int x, int y) {                     \
    int c[] = {x, y};                                                                              \
    gk_abi->tmaStore(GK_PC, &map, address, 2, c, add);                                             \
  }                                                                                                \
  GK_CALL void name##_3d(const gk_TensorMap &map, u32 address, int x, int y, int z) {              \
    int c[] = {x, y, z};                                                                           \
    gk_abi->tmaStore(GK_PC, &map, address, 3, c, add);                                             \
  }                                                                                                \
  GK_CALL void name##_4d(const gk_TensorMap &map, u32 address, int x, int y, int z, int w) {       \
    int c[] = {x, y, z, w};                                                                        \
    gk_abi->tmaStore(GK_PC, &map, address, 4, c, add);                                             \
  }
#endif
GK_TMA_OUT(gk_tma_store, GK_STORE_PTX, 0)
GK_TMA_OUT(gk_tma_add, GK_ADD_PTX, 1)
#undef GK_TMA_OUT

/// Fetches a map before it is used (prefetch.tensormap).
GK_CALL void gk_tma_prefetch(const gk_TensorMap &map) {
#ifdef GK_DEVICE
  asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory");
#endif
}
/// Closes the group of this thread's stores since the last one (cp.async.bulk.commit_group).
GK_CALL void gk_bulk_commit() {
#ifdef GK_DEVICE
  asm volatile("cp.async.bulk.commit_group;" ::: "memory");
#else
  gk_abi->bulkCommit(GK_PC);
#endif
}
/// Waits until of all but the newest N groups of this thread the source has been read
/// (cp.async.bulk.wait_group.read).
template <int N> GK_CALL void gk_bulk_wait_read() {
#ifdef GK_DEVICE
  asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(N) : "memory");
#else
  gk_abi->bulkWait(GK_PC, N, 1);
#endif
}
/// Waits until all but the newest N groups are complete: this thread may read what they wrote
/// (cp.async.bulk.wait_group).
template <int N> GK_CALL void gk_bulk_wait() {
#ifdef GK_DEVICE
  asm volatile("cp.async.bulk.wait_group %0;" ::"n"(N) : "memory");
#else
  gk_abi->bulkWait(GK_PC, N, 0);
#endif
}
#endif
