// SPDX-License-Identifier: Apache-2.0
// D[64][N] = A B of one warpgroup. The operands come as images of shared memory, with the
// descriptors' fields and the offset of each k step beside them, so that one kernel serves every
// layout.
struct Image {
  const gk_u32x4 *bytes;
  int chunks;
  const int *offsets; ///< of each k step
  u32 leading, stride;
};

template <int kBytes, int N, int tA, int tB, bool inRegisters> struct Product {
  GK_FUNCTION void step(float (&d)[N / 2], const u32 (&a)[4], u64 descriptorA, u64 descriptorB,
                        int accumulate) {
    if constexpr (kBytes == 2 && inRegisters)
      gk_wgmma_bf16_ra<tB>(d, a, descriptorB, accumulate);
    else if constexpr (kBytes == 2)
      gk_wgmma_bf16<tA, tB>(d, descriptorA, descriptorB, accumulate);
    else if constexpr (inRegisters)
      gk_wgmma_tf32_ra(d, a, descriptorB, accumulate);
    else
      gk_wgmma_tf32(d, descriptorA, descriptorB, accumulate);
  }
};

template <int kBytes, int N, int tA, int tB, bool inRegisters>
GK_FUNCTION void product(const Image &A, const Image &B, int steps, u32 mode, const u32 *registers,
                         float *D) {
  u32 tid = gk_thread(), w = tid >> 5, g = gk_lane() >> 2, t = gk_lane() & 3;
  gk_u32x4 *a = (gk_u32x4 *)gk_shared(), *b = a + (A.chunks + 63) / 64 * 64;
  for (int i = tid; i < A.chunks; i += 128)
    gk_store(a + i, gk_load(A.bytes + i));
  for (int i = tid; i < B.chunks; i += 128)
    gk_store(b + i, gk_load(B.bytes + i));
  gk_proxy_fence();
  gk_syncthreads();
  u32 atA = gk_shared_address(a), atB = gk_shared_address(b);
  float d[N / 2];
  GK_UNROLL for (int i = 0; i < N / 2; i++) d[i] = 777.0f; // ignored by the first product
  for (int k = 0; k < steps; k++) {
    u32 fragment[4] = {0, 0, 0, 0};
    if (inRegisters)
      for (int i = 0; i < 4; i++)
        fragment[i] = registers[(k * 128 + tid) * 4 + i];
    gk_wgmma_fence();
    Product<kBytes, N, tA, tB, inRegisters>::step(
        d, fragment, gk_descriptor(atA + A.offsets[k], A.leading, A.stride, mode),
        gk_descriptor(atB + B.offsets[k], B.leading, B.stride, mode), k > 0);
    gk_wgmma_commit();
    gk_wgmma_wait<0>();
    gk_keep(d);
  }
  GK_UNROLL for (int i = 0; i < N / 2; i++)
      D[(16 * w + g + 8 * ((i >> 1) & 1)) * N + 8 * (i >> 2) + 2 * t + (i & 1)] = d[i];
}

#define WGMMA_KERNEL(name, bytes, N, tA, tB, inRegisters)                                          \
  GK_KERNEL(128, 1) name(Image A, Image B, int steps, u32 mode, const u32 *registers, float *D) {  \
    product<bytes, N, tA, tB, inRegisters>(A, B, steps, mode, registers, D);                       \
  }                                                                                                \
  GK_EXPORT(name)
#define WGMMA_SOME(N)                                                                              \
  WGMMA_KERNEL(wgmma_bf16_n##N##_kk, 2, N, 0, 0, false)                                            \
  WGMMA_KERNEL(wgmma_bf16_n##N##_mm, 2, N, 1, 1, false)                                            \
  WGMMA_KERNEL(wgmma_tf32_n##N##_kk, 4, N, 0, 0, false)
#define WGMMA_ALL(N)                                                                               \
  WGMMA_SOME(N)                                                                                    \
  WGMMA_KERNEL(wgmma_bf16_n##N##_km, 2, N, 0, 1, false)                                            \
  WGMMA_KERNEL(wgmma_bf16_n##N##_mk, 2, N, 1, 0, false)                                            \
  WGMMA_KERNEL(wgmma_bf16_n##N##_rk, 2, N, 0, 0, true)                                             \
  WGMMA_KERNEL(wgmma_bf16_n##N##_rm, 2, N, 0, 1, true)                                             \
  WGMMA_KERNEL(wgmma_tf32_n##N##_rk, 4, N, 0, 0, true)
WGMMA_ALL(64)
WGMMA_ALL(256)
WGMMA_SOME(128)
WGMMA_SOME(192)
