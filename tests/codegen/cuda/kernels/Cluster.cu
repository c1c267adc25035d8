// SPDX-License-Identifier: Apache-2.0
// Each block of the cluster loads its part of a box into all of them, reads a word of its neighbour,
// writes one to it and arrives at everybody's mbarrier.
GK_KERNEL(64, 1) cluster_exchange(GK_TENSOR_MAP map, gk_u32x4 *out, int bytes, int rows, u32 *words,
                                  int blocks) {
  struct Tail {
    u64 loaded, arrived;
    u32 mine, got;
  };
  u8 *box = gk_shared();
  Tail &tail = *(Tail *)(box + bytes);
  u32 rank = gk_cluster_rank(), base = gk_shared_address(box);
  u32 loaded = gk_shared_address(&tail.loaded), arrived = gk_shared_address(&tail.arrived);
  if (gk_thread() == 0) {
    gk_mbarrier_init(loaded, 1);
    gk_mbarrier_init(arrived, blocks);
    gk_mbarrier_init_fence();
    tail.mine = 100 + rank;
    tail.got = 0;
  }
  gk_cluster_sync();
  if (gk_thread() == 0) {
    gk_mbarrier_expect(loaded, bytes);
    gk_tma_load_2d_multicast(base + rank * (bytes / blocks), map, loaded, 0,
                             rank * (rows / blocks), (u16)((1 << blocks) - 1));
  }
  gk_mbarrier_wait(loaded, 0);
  for (int i = gk_thread(); i < bytes / 16; i += gk_threads())
    out[rank * (bytes / 16) + i] = ((const gk_u32x4 *)box)[i];
  if (gk_thread() == 0) {
    u32 next = (rank + 1) % blocks;
    words[rank * 2] = gk_lds_cluster(gk_shared_address(&tail.mine), next);
    gk_sts_cluster(gk_shared_address(&tail.got), next, 500 + rank);
    for (int i = 0; i < blocks; i++)
      gk_mbarrier_arrive_cluster_release(arrived, i);
  }
  gk_mbarrier_wait_cluster(arrived, 0);
  if (gk_thread() == 0)
    words[rank * 2 + 1] = tail.got;
  gk_cluster_sync();
}
GK_EXPORT(cluster_exchange)
