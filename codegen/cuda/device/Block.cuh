// SPDX-License-Identifier: Apache-2.0
// What the threads of a block do together, in an order that their number fixes. `scratch` is shared
// memory of a float for each warp; it may be used again right after.

GK_FUNCTION float gk_block_sum(float x, float *scratch) {
  const u32 warps = gk_threads() / 32;
  x = gk_warp_sum(x);
  if (warps == 1)
    return x;
  if (gk_lane() == 0)
    scratch[gk_thread() / 32] = x;
  gk_syncthreads();
  float sum = scratch[0];
  for (u32 warp = 1; warp < warps; ++warp)
    sum += scratch[warp];
  gk_syncthreads();
  return sum;
}
/// Of numbers; NaN is passed over unless all are.
GK_FUNCTION float gk_block_max(float x, float *scratch) {
  const u32 warps = gk_threads() / 32;
  x = gk_warp_max(x);
  if (warps == 1)
    return x;
  if (gk_lane() == 0)
    scratch[gk_thread() / 32] = x;
  gk_syncthreads();
  float most = scratch[0];
  for (u32 warp = 1; warp < warps; ++warp)
    most = gk_fmax(most, scratch[warp]);
  gk_syncthreads();
  return most;
}
/// In f64, for the norm of the gradients. `scratch` holds a double for each thread.
GK_FUNCTION double gk_block_sum_f64(double x, double *scratch) {
  const u32 thread = gk_thread();
  scratch[thread] = x;
  gk_syncthreads();
  for (u32 half = gk_threads() / 2; half > 0; half /= 2) {
    if (thread < half)
      scratch[thread] += scratch[thread + half];
    gk_syncthreads();
  }
  const double sum = scratch[0];
  gk_syncthreads();
  return sum;
}

/// N elements that lie one behind the other, aligned to their size.
GK_FUNCTION void gk_load4(float (&x)[4], const float *p) {
  const gk_f32x4 v = *(const gk_f32x4 *)p;
  x[0] = v.x;
  x[1] = v.y;
  x[2] = v.z;
  x[3] = v.w;
}
GK_FUNCTION void gk_store4(float *p, const float (&x)[4]) {
  *(gk_f32x4 *)p = {x[0], x[1], x[2], x[3]};
}

/// All bits that any lane of the warp has set.
GK_FUNCTION u32 gk_warp_or(u32 x) {
  GK_UNROLL for (u32 mask = 16; mask > 0; mask /= 2) x |= gk_shuffle_xor(x, mask);
  return x;
}
/// The place of the lowest bit that is set; one must be.
GK_FUNCTION u32 gk_lowest_bit(u32 x) {
  u32 place = 0;
  while (!(x >> place & 1))
    ++place;
  return place;
}
