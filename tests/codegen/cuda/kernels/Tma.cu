// SPDX-License-Identifier: Apache-2.0
// Bulk copies of one box, loaded as it lies in shared memory and stored from there.
struct Place {
  int rank, x, y, z, w;
};

/// Loads the box at `place` and writes shared memory out as it is.
GK_KERNEL(64, 1) tma_load(GK_TENSOR_MAP map, gk_u32x4 *out, int bytes, Place place) {
  u8 *box = gk_shared();
  u32 mbarrier = gk_shared_address(box + bytes), address = gk_shared_address(box);
  if (gk_thread() == 0) {
    gk_tma_prefetch(map);
    gk_mbarrier_init(mbarrier, 1);
    gk_mbarrier_init_fence();
    gk_mbarrier_expect(mbarrier, bytes);
    if (place.rank == 2)
      gk_tma_load_2d(address, map, mbarrier, place.x, place.y);
    else if (place.rank == 3)
      gk_tma_load_3d(address, map, mbarrier, place.x, place.y, place.z);
    else
      gk_tma_load_4d(address, map, mbarrier, place.x, place.y, place.z, place.w);
  }
  gk_syncthreads();
  gk_mbarrier_wait(mbarrier, 0);
  for (int i = gk_thread(); i < bytes / 16; i += gk_threads())
    gk_store(out + i, gk_load((const gk_u32x4 *)box + i));
}
GK_EXPORT(tma_load)

/// Fills shared memory from `in` and stores (adds) the box to `place`.
GK_KERNEL(64, 1) tma_store(GK_TENSOR_MAP map, const gk_u32x4 *in, int bytes, Place place, int add) {
  u8 *box = gk_shared();
  u32 address = gk_shared_address(box);
  for (int i = gk_thread(); i < bytes / 16; i += gk_threads())
    gk_store((gk_u32x4 *)box + i, gk_load(in + i));
  gk_proxy_fence();
  gk_syncthreads();
  if (gk_thread() == 0) {
    if (add && place.rank == 2)
      gk_tma_add_2d(map, address, place.x, place.y);
    else if (add && place.rank == 3)
      gk_tma_add_3d(map, address, place.x, place.y, place.z);
    else if (add)
      gk_tma_add_4d(map, address, place.x, place.y, place.z, place.w);
    else if (place.rank == 2)
      gk_tma_store_2d(map, address, place.x, place.y);
    else if (place.rank == 3)
      gk_tma_store_3d(map, address, place.x, place.y, place.z);
    else
      gk_tma_store_4d(map, address, place.x, place.y, place.z, place.w);
    gk_bulk_commit();
    gk_bulk_wait<0>();
  }
}
GK_EXPORT(tma_store)

/// 1-D copies in and out: out = in, by way of two pieces of shared memory.
GK_KERNEL(32, 1) bulk_copy(const u8 *in, u8 *out, int bytes) {
  u32 base = gk_shared_address(gk_shared()), mbarrier = base + 2 * bytes;
  if (gk_thread() == 0) {
    gk_mbarrier_init(mbarrier, 1);
    gk_mbarrier_init_fence();
    gk_mbarrier_expect(mbarrier, bytes);
    gk_bulk_load(base, in, bytes, mbarrier);
  }
  gk_syncthreads();
  gk_mbarrier_wait(mbarrier, 0);
  const u32 *from = (const u32 *)gk_shared();
  u32 *to = (u32 *)(gk_shared() + bytes);
  for (int i = gk_thread(); i < bytes / 4; i += 32)
    to[i] = from[i];
  gk_proxy_fence();
  gk_syncthreads();
  if (gk_thread() == 0) {
    gk_bulk_store(out, base + bytes, bytes);
    gk_bulk_commit();
    gk_bulk_wait_read<0>();
  }
}
GK_EXPORT(bulk_copy)
