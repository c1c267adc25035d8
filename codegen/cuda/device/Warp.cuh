// SPDX-License-Identifier: Apache-2.0
// What the 32 lanes of a warp do together. All of them must come; except for gk_syncwarp nothing
// here orders memory.

/// Orders the memory accesses of the warp's lanes (bar.warp.sync).
GK_CALL void gk_syncwarp() {
#ifdef GK_DEVICE
  asm volatile("bar.warp.sync 0xffffffff;" ::: "memory");
#else
  gk_abi->warpSync(GK_PC);
#endif
}

/// The value of lane ^ mask, of lane `source`, of lane - delta, of lane + delta; where there is no
/// such lane, the lane's own (shfl.sync.bfly, .idx, .up, .down).
#ifdef GK_DEVICE
#define GK_SHUFFLE(name, mode, instruction, clamp)                                                 \
  GK_CALL u32 name(u32 x, u32 argument) {                                                          \
    u32 y;                                                                                         \
    asm volatile("shfl.sync." instruction ".b32 %0, %1, %2, " clamp ", 0xffffffff;"                \
                 : "=r"(y)                                                                         \
                 : "r"(x), "r"(argument));                                                         \
    return y;                                                                                      \
  }                                                                                                \
  GK_CALL float name(float x, u32 argument) {                                                      \
    return gk_from_bits(name(gk_bits(x), argument));                                               \
  }
#else
#define GK_SHUFFLE(name, mode, instruction, clamp)                                                 \
  GK_CALL u32 name(u32 x, u32 argument) { return gk_abi->shuffle(GK_PC, x, mode, argument); }      \
  GK_CALL float name(float x, u32 argument) {                                                      \
    return gk_from_bits(gk_abi->shuffle(GK_PC, gk_bits(x), mode, argument));                       \
  }
#endif
GK_SHUFFLE(gk_shuffle_xor, gk_kShuffleXor, "bfly", "0x1f")
GK_SHUFFLE(gk_shuffle, gk_kShuffleIndex, "idx", "0x1f")
GK_SHUFFLE(gk_shuffle_up, gk_kShuffleUp, "up", "0")
GK_SHUFFLE(gk_shuffle_down, gk_kShuffleDown, "down", "0x1f")
#undef GK_SHUFFLE

/// Sum and maximum over the warp in every lane. The order of the additions is fixed: halves, then
/// quarters, down to neighbours.
GK_FUNCTION float gk_warp_sum(float x) {
  GK_UNROLL for (u32 mask = 16; mask > 0; mask /= 2) x += gk_shuffle_xor(x, mask);
  return x;
}
GK_FUNCTION float gk_warp_max(float x) {
  GK_UNROLL for (u32 mask = 16; mask > 0; mask /= 2) x = gk_fmax(x, gk_shuffle_xor(x, mask));
  return x;
}

/// Loads 8x8 matrices of 16-bit elements from shared memory: lane i gives the address of row i % 8
/// of matrix i / 8, a multiple of 16. Register j holds elements (g, 2t) and (g, 2t+1) of matrix j,
/// _trans: (2t, g) and (2t+1, g); the low half is the lower index (ldmatrix.sync.aligned.m8n8).
///   A fragment from [m][k]: row lane % 16, k chunk lane / 16. From [k][m], _trans: row k
///     lane % 8 + 8 (lane / 16), m chunk lane / 8 % 2.
///   B fragments of 16 columns from [n][k]: row n lane % 8 + 8 (lane / 16), k chunk lane / 8 % 2;
///     r[0], r[1] are columns 0-7. From [k][n], _trans: row k lane % 16, n chunk lane / 16.
/// A chunk is 8 elements. _x2 takes the addresses of lanes 0-15.
#ifdef GK_DEVICE
#define GK_LDMATRIX(suffix, infix)                                                                 \
  GK_CALL void gk_ldmatrix_x4##suffix(u32(&r)[4], u32 address) {                                   \
    asm volatile("ldmatrix.sync.aligned.m8n8.x4" infix ".shared.b16 {%0,%1,%2,%3}, [%4];"          \
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])                                  \
                 : "r"(address)                                                                    \
                 : "memory");                                                                      \
  }                                                                                                \
  GK_CALL void gk_ldmatrix_x2##suffix(u32(&r)[2], u32 address) {                                   \
    asm volatile("ldmatrix.sync.aligned.m8n8.x2" infix ".shared.b16 {%0,%1}, [%2];"                \
                 : "=r"(r[0]), "=r"(r[1])                                                          \
                 : "r"(address)                                                                    \
                 : "memory");                                                                      \
  }
GK_LDMATRIX(, "")
GK_LDMATRIX(_trans, ".trans")
#else
#define GK_LDMATRIX(suffix, transpose)                                                             \
  GK_CALL void gk_ldmatrix_x4##suffix(u32(&r)[4], u32 address) {                                   \
    gk_abi->ldmatrix(GK_PC, r, 4, address, transpose);                                             \
  }                                                                                                \
  GK_CALL void gk_ldmatrix_x2##suffix(u32(&r)[2], u32 address) {                                   \
    gk_abi->ldmatrix(GK_PC, r, 2, address, transpose);                                             \
  }
GK_LDMATRIX(, 0)
GK_LDMATRIX(_trans, 1)
#endif
#undef GK_LDMATRIX

#if GK_SM90
/// The inverse: stores four 8x8 matrices of 16-bit elements, the addresses as for gk_ldmatrix_x4,
/// the registers as it returns them (stmatrix.sync.aligned.m8n8.x4). For 16 columns of accumulators:
/// (c0 c1), (c2 c3) of columns 0-7, then of columns 8-15, with the addresses of an A fragment.
#ifdef GK_DEVICE
#define GK_STMATRIX(suffix, infix, transpose)                                                      \
  GK_CALL void gk_stmatrix_x4##suffix(u32 address, u32 r0, u32 r1, u32 r2, u32 r3) {               \
    asm volatile("stmatrix.sync.aligned.m8n8.x4" infix ".shared.b16 [%0], {%1,%2,%3,%4};" ::"r"(   \
                     address),                                                                     \
                 "r"(r0), "r"(r1), "r"(r2), "r"(r3)                                                \
                 : "memory");                                                                      \
  }
#else
#define GK_STMATRIX(suffix, infix, transpose)                                                      \
  GK_CALL void gk_stmatrix_x4##suffix(u32 address, u32 r0, u32 r1, u32 r2, u32 r3) {               \
    u32 r[4] = {r0, r1, r2, r3};                                                                   \
    gk_abi->stmatrix(GK_PC, r, 4, address, transpose);                                             \
  }
#endif
GK_STMATRIX(, "", 0)
GK_STMATRIX(_trans, ".trans", 1)
#undef GK_STMATRIX
#endif

/// c += a b for a 16x16 tile of A and a 16x8 tile of B in bf16, f32 accumulators
/// (mma.sync.aligned.m16n8k16.row.col). a: (g, 2t), (g+8, 2t), (g, 2t+8), (g+8, 2t+8), each with its
/// right neighbour; b: (k 2t, n g), (2t+8, g), each with the k below; c: (g, 2t), (g, 2t+1),
/// (g+8, 2t), (g+8, 2t+1).
GK_CALL void gk_mma_bf16(float (&c)[4], const u32 (&a)[4], const u32 (&b)[2]) {
#ifdef GK_DEVICE
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
               "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  gk_abi->mma(GK_PC, c, a, b, 2);
#endif
}
/// The same for a 16x8 tile of A and an 8x8 tile of B in tf32 (m16n8k8). a: (g, t), (g+8, t),
/// (g, t+4), (g+8, t+4); b: (k t, n g), (t+4, g).
GK_CALL void gk_mma_tf32(float (&c)[4], const u32 (&a)[4], const u32 (&b)[2]) {
#ifdef GK_DEVICE
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
               "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  gk_abi->mma(GK_PC, c, a, b, 4);
#endif
}
