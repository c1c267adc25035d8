// SPDX-License-Identifier: Apache-2.0
// Barriers of a block and of a cluster, mbarriers, fences, and what blocks of a cluster do to each
// other's shared memory.

/// The block's barrier: every thread of the block (bar.sync 0).
GK_CALL void gk_syncthreads() {
#ifdef GK_DEVICE
  asm volatile("bar.sync 0;" ::: "memory");
#else
  gk_abi->barrier(GK_PC, 0, 0, 1);
#endif
}
/// Named barrier `id` 1 to 15 of `threads` threads, a multiple of 32: waits until so many have come
/// by either function (bar.sync, bar.arrive). Whole warps come.
GK_CALL void gk_barrier_sync(u32 id, u32 threads) {
#ifdef GK_DEVICE
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
#else
  gk_abi->barrier(GK_PC, id, threads, 1);
#endif
}
/// Comes without waiting.
GK_CALL void gk_barrier_arrive(u32 id, u32 threads) {
#ifdef GK_DEVICE
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
#else
  gk_abi->barrier(GK_PC, id, threads, 0);
#endif
}

/// Makes this thread's writes visible to the whole device before what it writes next
/// (fence.acq_rel.gpu).
GK_CALL void gk_threadfence() {
#ifdef GK_DEVICE
  asm volatile("fence.acq_rel.gpu;" ::: "memory");
#endif
}

#if GK_SM90
/// An mbarrier is 8 bytes of shared memory, 8-byte aligned, for `count` arrivals a phase. By one
/// thread; then gk_mbarrier_init_fence, then a barrier, before others use it (mbarrier.init).
GK_CALL void gk_mbarrier_init(u32 mbarrier, u32 count) {
#ifdef GK_DEVICE
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(mbarrier), "r"(count) : "memory");
#else
  gk_abi->mbarrierInit(GK_PC, mbarrier, count);
#endif
}
/// Shows this thread's mbarrier inits to bulk copies and to the cluster
/// (fence.mbarrier_init.release.cluster).
GK_CALL void gk_mbarrier_init_fence() {
#ifdef GK_DEVICE
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
#else
  gk_abi->mbarrierInitFence(GK_PC);
#endif
}
/// Arrives, and announces `bytes` of bulk copies that the phase waits for besides: the whole box,
/// also where it is partly out of bounds (mbarrier.arrive.expect_tx).
GK_CALL void gk_mbarrier_expect(u32 mbarrier, u32 bytes) {
#ifdef GK_DEVICE
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(mbarrier), "r"(bytes)
               : "memory");
#else
  gk_abi->mbarrierArrive(GK_PC, mbarrier, -1, bytes);
#endif
}
/// Arrives. What this thread did before is visible to who waits (mbarrier.arrive).
GK_CALL void gk_mbarrier_arrive(u32 mbarrier) {
#ifdef GK_DEVICE
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(mbarrier) : "memory");
#else
  gk_abi->mbarrierArrive(GK_PC, mbarrier, -1, 0);
#endif
}
/// Arrives on the mbarrier at the same address of block `rank` of the cluster. Orders nothing but
/// asynchronous reads that were waited for: enough to hand back a slot that only wgmma read, and
/// much cheaper than the releasing form (mapa, mbarrier.arrive.shared::cluster).
GK_CALL void gk_mbarrier_arrive_cluster(u32 mbarrier, u32 rank) {
#ifdef GK_DEVICE
  asm volatile("{ .reg .b32 remote; mapa.shared::cluster.u32 remote, %0, %1; "
               "mbarrier.arrive.shared::cluster.b64 _, [remote]; }" ::"r"(mbarrier),
               "r"(rank)
               : "memory");
#else
  gk_abi->mbarrierArrive(GK_PC, mbarrier, (int)rank, 0);
#endif
}
/// The same with release at cluster scope, where the waiter reads what this thread stored.
GK_CALL void gk_mbarrier_arrive_cluster_release(u32 mbarrier, u32 rank) {
#ifdef GK_DEVICE
  asm volatile("{ .reg .b32 remote; mapa.shared::cluster.u32 remote, %0, %1; "
               "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [remote]; }" ::"r"(mbarrier),
               "r"(rank)
               : "memory");
#else
  gk_abi->mbarrierArrive(GK_PC, mbarrier, (int)rank, 0);
#endif
}
/// Waits until the phase of parity `parity` is over. Phases count from 0; a fresh barrier passes a
/// wait on parity 1 at once (mbarrier.try_wait.parity in a loop).
GK_CALL void gk_mbarrier_wait(u32 mbarrier, u32 parity) {
#ifdef GK_DEVICE
  u32 done;
  do
    asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; "
                 "selp.u32 %0, 1, 0, p; }"
                 : "=r"(done)
                 : "r"(mbarrier), "r"(parity)
                 : "memory");
  while (!done);
#else
  gk_abi->mbarrierWait(GK_PC, mbarrier, parity);
#endif
}
/// The same with acquire at cluster scope, the partner of gk_mbarrier_arrive_cluster_release.
GK_CALL void gk_mbarrier_wait_cluster(u32 mbarrier, u32 parity) {
#ifdef GK_DEVICE
  u32 done;
  do
    asm volatile("{ .reg .pred p; "
                 "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, [%1], %2; "
                 "selp.u32 %0, 1, 0, p; }"
                 : "=r"(done)
                 : "r"(mbarrier), "r"(parity)
                 : "memory");
  while (!done);
#else
  gk_abi->mbarrierWait(GK_PC, mbarrier, parity);
#endif
}

/// Shows this thread's ordinary stores to shared memory to wgmma and bulk copies. By every thread
/// that stored, before the barrier after which the copy or wgmma is issued
/// (fence.proxy.async.shared::cta). Missing ones seldom show on hardware.
GK_CALL void gk_proxy_fence() {
#ifdef GK_DEVICE
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#else
  gk_abi->proxyFence(GK_PC);
#endif
}

/// Barrier of all threads of the cluster. No block may end before others have done with its shared
/// memory: kernels that touch each other's end with it (barrier.cluster.arrive, .wait).
GK_CALL void gk_cluster_sync() {
#ifdef GK_DEVICE
  asm volatile("barrier.cluster.arrive.aligned;\n\tbarrier.cluster.wait.aligned;" ::: "memory");
#else
  gk_abi->clusterBarrier(GK_PC);
#endif
}
/// This block's number in its cluster (%cluster_ctarank).
GK_CALL u32 gk_cluster_rank() {
#ifdef GK_DEVICE
  u32 rank;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
#else
  return gk_ids()->clusterRank;
#endif
}
/// A word at a shared address of block `rank` of the cluster (mapa, ld.shared::cluster).
GK_CALL u32 gk_lds_cluster(u32 address, u32 rank) {
  u32 x;
#ifdef GK_DEVICE
  asm volatile("{ .reg .b32 remote; mapa.shared::cluster.u32 remote, %1, %2; "
               "ld.shared::cluster.u32 %0, [remote]; }"
               : "=r"(x)
               : "r"(address), "r"(rank)
               : "memory");
#else
  gk_abi->loadShared(GK_PC, &x, address, (int)rank, 4);
#endif
  return x;
}
/// Stores there (mapa, st.shared::cluster).
GK_CALL void gk_sts_cluster(u32 address, u32 rank, u32 x) {
#ifdef GK_DEVICE
  asm volatile("{ .reg .b32 remote; mapa.shared::cluster.u32 remote, %0, %1; "
               "st.shared::cluster.u32 [remote], %2; }" ::"r"(address),
               "r"(rank), "r"(x)
               : "memory");
#else
  gk_abi->storeShared(GK_PC, &x, address, (int)rank, 4);
#endif
}
#endif
