// SPDX-License-Identifier: Apache-2.0
// A ring of two slots: warp 0 produces, warps 1 to 3 consume; parities over many phases.
GK_KERNEL(128, 1) mbarrier_ring(const u32 *in, u32 *out, int rounds) {
  struct Shared {
    u64 full[2], empty[2];
    u32 slot[2][32];
  };
  Shared &shared = *(Shared *)gk_shared();
  u32 full = gk_shared_address(shared.full), empty = gk_shared_address(shared.empty);
  u32 warp = gk_thread() / 32, l = gk_lane();
  if (gk_thread() == 0) {
    for (int i = 0; i < 2; i++) {
      gk_mbarrier_init(full + 8 * i, 32);
      gk_mbarrier_init(empty + 8 * i, 3);
    }
    gk_mbarrier_init_fence();
  }
  gk_syncthreads();
  u32 sum = 0;
  for (int i = 0; i < rounds; i++) {
    u32 slot = i & 1, parity = (i >> 1) & 1;
    if (warp == 0) {
      gk_mbarrier_wait(empty + 8 * slot, parity ^ 1);
      shared.slot[slot][l] = in[i * 32 + l];
      gk_mbarrier_arrive(full + 8 * slot);
    } else {
      gk_mbarrier_wait(full + 8 * slot, parity);
      sum = sum * 3 + shared.slot[slot][31 - l];
      gk_syncwarp();
      if (l == 0)
        gk_mbarrier_arrive(empty + 8 * slot);
    }
  }
  if (warp)
    out[(warp - 1) * 32 + l] = sum;
}
GK_EXPORT(mbarrier_ring)
