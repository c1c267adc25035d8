// SPDX-License-Identifier: Apache-2.0
// stmatrix: four registers a lane to a 16x16 tile, plain and transposed.
GK_KERNEL(32, 1) stmatrix(const u32 *in, u16 *out, int transpose) {
  u16 *shared = (u16 *)gk_shared();
  u32 l = gk_lane();
  const u32 *r = in + 4 * l;
  if (transpose)
    gk_stmatrix_x4_trans(
        gk_shared_address(&shared[((l & 7) + (l >> 4) * 8) * 16 + ((l >> 3) & 1) * 8]), r[0], r[1],
        r[2], r[3]);
  else
    gk_stmatrix_x4(gk_shared_address(&shared[(l & 15) * 16 + (l >> 4) * 8]), r[0], r[1], r[2],
                   r[3]);
  gk_syncwarp();
  for (u32 i = l; i < 256; i += 32)
    out[i] = shared[i];
}
GK_EXPORT(stmatrix)
