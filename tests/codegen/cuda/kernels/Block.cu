// SPDX-License-Identifier: Apache-2.0
// Named barriers, ids of a three-dimensional grid, atomics and the tile counter.

/// Warps 0 and 1 hand words to warps 2 and 3 and back, `rounds` times, through two named barriers.
GK_KERNEL(128, 1) hand_over(const u32 *in, u32 *out, int rounds) {
  u32 *slot = (u32 *)gk_shared();
  u32 t = gk_thread(), sum = 0;
  for (int i = 0; i < rounds; i++) {
    if (t < 64) {
      if (i)
        gk_barrier_sync(2, 128); // the slot is free
      slot[t] = in[i * 64 + t];
      gk_barrier_arrive(1, 128);
    } else {
      gk_barrier_sync(1, 128); // the slot is full
      sum = sum * 3 + slot[127 - t];
      if (i + 1 < rounds)
        gk_barrier_arrive(2, 128);
    }
  }
  if (t >= 64)
    out[t - 64] = sum;
}
GK_EXPORT(hand_over)

/// Each block writes its number, the grid's size and the sum of its threads' numbers.
GK_KERNEL(64, 1) grid_ids(u32 *out) {
  u32 *sums = (u32 *)gk_shared();
  sums[gk_thread()] = gk_thread();
  gk_syncthreads();
  if (gk_thread())
    return;
  u32 block = (gk_block_z() * gk_blocks_y() + gk_block_y()) * gk_blocks_x() + gk_block_x(), sum = 0;
  for (u32 i = 0; i < gk_threads(); i++)
    sum += sums[i];
  out[block * 2] = gk_block_x() + 10 * gk_block_y() + 100 * gk_block_z();
  out[block * 2 + 1] = gk_blocks_x() + 10 * gk_blocks_y() + 100 * gk_blocks_z() + 1000 * sum;
}
GK_EXPORT(grid_ids)

/// Blocks take tiles until there are none, count each and add up the threads' ones.
GK_KERNEL(32, 1) take_tiles(u32 *counter, int tiles, u32 *taken, float *sum) {
  int *tile = (int *)gk_shared();
  for (;;) {
    if (gk_thread() == 0)
      *tile = gk_next_tile(counter, tiles);
    gk_syncthreads();
    int mine = *tile;
    gk_syncthreads();
    if (mine < 0)
      break;
    if (gk_thread() == 0)
      gk_atomic_add(taken + mine, 1u);
    gk_atomic_add(sum, 1.0f);
  }
  if (gk_thread() == 0)
    gk_tiles_done(counter);
}
GK_EXPORT(take_tiles)
