// SPDX-License-Identifier: Apache-2.0
// One kernel a wrapper of Math.cuh, Warp.cuh and Shared.cuh, on small integers.

/// D[16][8] = A[16][16] B[16][8] in bf16, fragments taken from global memory by their definition.
GK_KERNEL(32, 1) mma_bf16(const u16 *A, const u16 *B, float *D) {
  u32 g = gk_lane() >> 2, t = gk_lane() & 3, a[4], b[2];
  float c[4] = {0, 0, 0, 0};
  for (u32 i = 0; i < 4; i++) {
    u32 row = g + 8 * (i & 1), k = 2 * t + 8 * (i >> 1);
    a[i] = A[row * 16 + k] | (u32)A[row * 16 + k + 1] << 16;
  }
  for (u32 i = 0; i < 2; i++) {
    u32 k = 2 * t + 8 * i;
    b[i] = B[k * 8 + g] | (u32)B[(k + 1) * 8 + g] << 16;
  }
  gk_mma_bf16(c, a, b);
  for (u32 i = 0; i < 4; i++)
    D[(g + 8 * (i >> 1)) * 8 + 2 * t + (i & 1)] = c[i];
}
GK_EXPORT(mma_bf16)

/// D[16][8] += A[16][8] B[8][8] in tf32.
GK_KERNEL(32, 1) mma_tf32(const float *A, const float *B, float *D) {
  u32 g = gk_lane() >> 2, t = gk_lane() & 3, a[4], b[2];
  float c[4];
  for (u32 i = 0; i < 4; i++)
    c[i] = D[(g + 8 * (i >> 1)) * 8 + 2 * t + (i & 1)];
  for (u32 i = 0; i < 4; i++)
    a[i] = gk_tf32(A[(g + 8 * (i & 1)) * 8 + t + 4 * (i >> 1)]);
  for (u32 i = 0; i < 2; i++)
    b[i] = gk_tf32(B[(t + 4 * i) * 8 + g]);
  gk_mma_tf32(c, a, b);
  for (u32 i = 0; i < 4; i++)
    D[(g + 8 * (i >> 1)) * 8 + 2 * t + (i & 1)] = c[i];
}
GK_EXPORT(mma_tf32)

/// D[16][16] = A B through ldmatrix. transposeA: A lies as [k][m]; transposeB: B as [k][n], else as
/// [n][k].
GK_KERNEL(32, 1) ldmatrix_mma(const u16 *A, const u16 *B, float *D, int transposeA,
                              int transposeB) {
  u16 *sa = (u16 *)gk_shared(), *sb = sa + 256;
  u32 l = gk_lane(), g = l >> 2, t = l & 3, a[4], b[4];
  for (u32 i = l; i < 256; i += 32) {
    sa[i] = A[i];
    sb[i] = B[i];
  }
  gk_syncwarp();
  if (transposeA)
    gk_ldmatrix_x4_trans(
        a, gk_shared_address(&sa[((l & 7) + (l >> 4) * 8) * 16 + ((l >> 3) & 1) * 8]));
  else
    gk_ldmatrix_x4(a, gk_shared_address(&sa[(l & 15) * 16 + (l >> 4) * 8]));
  if (transposeB)
    gk_ldmatrix_x4_trans(b, gk_shared_address(&sb[(l & 15) * 16 + (l >> 4) * 8]));
  else
    gk_ldmatrix_x4(b, gk_shared_address(&sb[((l & 7) + (l >> 4) * 8) * 16 + ((l >> 3) & 1) * 8]));
  for (u32 half = 0; half < 2; half++) {
    float c[4] = {0, 0, 0, 0};
    u32 pair[2] = {b[2 * half], b[2 * half + 1]};
    gk_mma_bf16(c, a, pair);
    for (u32 i = 0; i < 4; i++)
      D[(g + 8 * (i >> 1)) * 16 + half * 8 + 2 * t + (i & 1)] = c[i];
  }
}
GK_EXPORT(ldmatrix_mma)

/// The registers that ldmatrix x2 gives for rows 0 to 15 of 8 elements.
GK_KERNEL(32, 1) ldmatrix_x2(const u16 *in, u32 *out, int transpose) {
  u16 *shared = (u16 *)gk_shared();
  u32 l = gk_lane(), r[2];
  for (u32 i = l; i < 128; i += 32)
    shared[i] = in[i];
  gk_syncwarp();
  if (transpose)
    gk_ldmatrix_x2_trans(r, gk_shared_address(&shared[(l & 15) * 8]));
  else
    gk_ldmatrix_x2(r, gk_shared_address(&shared[(l & 15) * 8]));
  out[l] = r[0];
  out[32 + l] = r[1];
}
GK_EXPORT(ldmatrix_x2)

/// out: xor, index, up, down of u32, then sum and maximum of the floats.
GK_KERNEL(32, 1) shuffles(const u32 *in, u32 argument, u32 *out) {
  u32 l = gk_lane(), x = in[l];
  out[l] = gk_shuffle_xor(x, argument);
  out[32 + l] = gk_shuffle(x, argument);
  out[64 + l] = gk_shuffle_up(x, argument);
  out[96 + l] = gk_shuffle_down(x, argument);
  float f = (float)(int)x;
  out[128 + l] = gk_bits(gk_warp_sum(f));
  out[160 + l] = gk_bits(gk_warp_max(f));
  out[192 + l] = gk_bits(gk_shuffle_xor(f, argument));
}
GK_EXPORT(shuffles)

/// Conversions, bit for bit, of 32 floats.
GK_KERNEL(32, 1) conversions(const float *in, u32 *out) {
  u32 l = gk_lane();
  float x = in[l];
  u32 pair = gk_bf16x2(x, -x);
  out[l] = pair;
  out[32 + l] = gk_bits(gk_f32_low(pair));
  out[64 + l] = gk_bits(gk_f32_high(pair));
  out[96 + l] = gk_tf32(x);
  out[128 + l] = gk_bits(gk_f32(gk_bf16(x)));
}
GK_EXPORT(conversions)

/// ex2, lg2, tanh, rcp, rsqrt, sqrt, fma, fmax, fmin of 32 floats.
GK_KERNEL(32, 1) elementary(const float *in, float *out) {
  u32 l = gk_lane();
  float x = in[l];
  out[l] = gk_ex2(x);
  out[32 + l] = gk_lg2(x);
  out[64 + l] = gk_tanh(x);
  out[96 + l] = gk_rcp(x);
  out[128 + l] = gk_rsqrt(x);
  out[160 + l] = gk_sqrt(x);
  out[192 + l] = gk_fma(x, x, -1.0f);
  out[224 + l] = gk_fmax(x, 1.0f);
  out[256 + l] = gk_fmin(x, gk_infinity());
}
GK_EXPORT(elementary)

/// Every width of shared loads and stores: out[i] = in[i] + 1 over 32 * 14 words.
GK_KERNEL(32, 1) shared_words(const u32 *in, u32 *out) {
  u32 l = gk_lane(), base = gk_shared_address(gk_shared()) + l * 64;
  const u32 *from = in + l * 14;
  u32 *to = out + l * 14;
  gk_sts_u32x4(base, from[0], from[1], from[2], from[3]);
  gk_sts_u32x2(base + 16, from[4], from[5]);
  gk_sts_u32(base + 24, from[6]);
  gk_sts_f32x4(base + 32, gk_from_bits(from[7]), gk_from_bits(from[8]), gk_from_bits(from[9]),
               gk_from_bits(from[10]));
  gk_sts_f32x2(base + 48, gk_from_bits(from[11]), gk_from_bits(from[12]));
  gk_sts_f32(base + 56, gk_from_bits(from[13]));
  u32 a[4], b[2];
  float c[4], d[2];
  gk_lds_u32x4(a, base);
  gk_lds_u32x2(b, base + 16);
  gk_lds_f32x4(c, base + 32);
  gk_lds_f32x2(d, base + 48);
  for (u32 i = 0; i < 4; i++) {
    to[i] = a[i] + 1;
    to[7 + i] = gk_bits(c[i]) + 1;
  }
  for (u32 i = 0; i < 2; i++) {
    to[4 + i] = b[i] + 1;
    to[11 + i] = gk_bits(d[i]) + 1;
  }
  to[6] = gk_lds_u32(base + 24) + 1;
  to[13] = gk_bits(gk_lds_f32(base + 56)) + 1;
}
GK_EXPORT(shared_words)
