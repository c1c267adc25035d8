// SPDX-License-Identifier: Apache-2.0
// Matrix products of a warpgroup (wgmma.mma_async), asynchronous, on tiles in shared memory. The
// functions gk_wgmma_* themselves are written by codegen/cuda/WgmmaText.cpp, one for each N:
//
//   gk_wgmma_bf16<tA, tB>(d, descriptorA, descriptorB, accumulate)   m64nNk16
//   gk_wgmma_bf16_ra<tB>(d, a, descriptorB, accumulate)              A in registers
//   gk_wgmma_tf32(d, ...), gk_wgmma_tf32_ra(d, a, ...)               m64nNk8, both K-major
//
// d: N / 2 accumulators; d[i] is row 16w + g + 8 (i / 2 % 2), column 8 (i / 4) + 2t + i % 2.
// tA, tB: 0 K-major, 1 MN-major. accumulate 0 ignores what is in d. a: as for gk_mma_bf16 and
// gk_mma_tf32, warp w has rows 16w to 16w+15.
//
// Order: gk_wgmma_fence (when ordinary code wrote d or a), products, gk_wgmma_commit,
// gk_wgmma_wait; not before it may d be read, a or d be written, or the operands' slots be handed
// back. Operands that threads stored need gk_proxy_fence and a barrier before.

#if GK_SM90
/// Describes an operand at shared address `address`. mode 0: no swizzle, 1: 128 B, 2: 64 B, 3: 32 B,
/// where tiles lie 1024-aligned. With W the span of the swizzle in elements:
///   K-major, image [K/W][rows][W]: stride 8 rows (8 W elements), leading unused; the next k step
///     inside a span is 32 bytes on. No swizzle, image [K/8][rows][8 of 16-bit]: leading rows * 16,
///     stride 128.
///   MN-major, image [MN/W][K][W]: leading K * W elements, stride 8 k (8 W elements); the next k
///     step is 16 rows on. No swizzle, image [MN/8][K][8]: leading 128, stride K * 16.
GK_PURE u64 gk_descriptor(u32 address, u32 leadingBytes, u32 strideBytes, u32 mode) {
  return (u64)((address & 0x3ffffu) >> 4) | (u64)(leadingBytes >> 4) << 16 |
         (u64)(strideBytes >> 4) << 32 | (u64)mode << 62;
}

/// Before the first product of a group whose registers ordinary code wrote (wgmma.fence).
GK_CALL void gk_wgmma_fence() {
#ifdef GK_DEVICE
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#else
  gk_abi->wgmmaFence(GK_PC);
#endif
}
/// Closes a group of products (wgmma.commit_group).
GK_CALL void gk_wgmma_commit() {
#ifdef GK_DEVICE
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#else
  gk_abi->wgmmaCommit(GK_PC);
#endif
}
/// Waits until at most the newest N groups are under way (wgmma.wait_group).
template <int N> GK_CALL void gk_wgmma_wait() {
#ifdef GK_DEVICE
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
#else
  gk_abi->wgmmaWait(GK_PC, N);
#endif
}
/// Keeps the compiler from reading accumulators before this place: right after the wait.
template <int R> GK_CALL void gk_keep(float (&d)[R]) {
#ifdef GK_DEVICE
  GK_UNROLL for (int i = 0; i < R; i++) asm volatile("" : "+f"(d[i])::"memory");
#else
  gk_abi->access(GK_PC, d, R * 4, 0);
#endif
}

#ifndef GK_DEVICE
template <int tA, int tB, int R>
GK_CALL void gk_wgmma_bf16(float (&d)[R], u64 a, u64 b, int accumulate) {
  gk_WgmmaCall call = {d, 2 * R, 2, nullptr, a, b, tA, tB, accumulate};
  gk_abi->wgmma(GK_PC, &call);
}
template <int tB, int R>
GK_CALL void gk_wgmma_bf16_ra(float (&d)[R], const u32 (&a)[4], u64 b, int accumulate) {
  gk_WgmmaCall call = {d, 2 * R, 2, a, 0, b, 0, tB, accumulate};
  gk_abi->wgmma(GK_PC, &call);
}
template <int R> GK_CALL void gk_wgmma_tf32(float (&d)[R], u64 a, u64 b, int accumulate) {
  gk_WgmmaCall call = {d, 2 * R, 4, nullptr, a, b, 0, 0, accumulate};
  gk_abi->wgmma(GK_PC, &call);
}
template <int R>
GK_CALL void gk_wgmma_tf32_ra(float (&d)[R], const u32 (&a)[4], u64 b, int accumulate) {
  gk_WgmmaCall call = {d, 2 * R, 4, a, 0, b, 0, 0, accumulate};
  gk_abi->wgmma(GK_PC, &call);
}
#endif
#endif
