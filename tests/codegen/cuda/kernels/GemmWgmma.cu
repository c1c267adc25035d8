// SPDX-License-Identifier: Apache-2.0
// C[M][N] = A[M][K] B[N][K]^T + bias[N], bf16 with f32 sums: persistent blocks of one producer and two
// consumer warpgroups, a ring of TMA loads, wgmma, and an epilogue by stmatrix and TMA store. In a
// cluster of two each block loads half of B's tile into both.
constexpr int kTileM = 128, kTileN = 128, kTileK = 64, kStages = 3;
constexpr int kTileBytes = 128 * kTileK * 2; // of A, and of B
constexpr int kBoxBytes = 64 * 64 * 2;       // of C

struct alignas(1024) Shared {
  u8 a[kStages][kTileBytes];
  u8 b[kStages][kTileBytes];
  u8 staging[2][2][kBoxBytes]; // by consumer and turn
  u64 full[kStages], empty[kStages];
};

/// A place in the ring and the parity of its phase.
struct Slot {
  u32 index, parity;
};
GK_FUNCTION void advance(Slot &slot) {
  if (++slot.index == kStages) {
    slot.index = 0;
    slot.parity ^= 1;
  }
}

/// The tiles of this block, the same sequence for producer and consumers.
struct Tiles {
  int next, step, count, columns;
};
template <int kCluster> GK_FUNCTION Tiles tilesOf(int M, int N) {
  int columns = (N + kTileN - 1) / kTileN;
  int rows = (M + kTileM * kCluster - 1) / (kTileM * kCluster);
  return {(int)gk_block_x() / kCluster, (int)gk_blocks_x() / kCluster, rows * columns, columns};
}

template <int kCluster>
GK_FUNCTION void produce(Shared &shared, const gk_TensorMap &mapA, const gk_TensorMap &mapB,
                         Tiles tiles, int K) {
  u32 full = gk_shared_address(shared.full), empty = gk_shared_address(shared.empty);
  int rank = kCluster > 1 ? (int)gk_cluster_rank() : 0;
  Slot slot = {0, 0};
  for (int tile = tiles.next; tile < tiles.count; tile += tiles.step) {
    int row = (tile / tiles.columns * kCluster + rank) * kTileM;
    int column = tile % tiles.columns * kTileN;
    for (int k = 0; k < K; k += kTileK) {
      u32 a = gk_shared_address(shared.a[slot.index]), b = gk_shared_address(shared.b[slot.index]);
      u32 loaded = full + 8 * slot.index;
      gk_mbarrier_wait(empty + 8 * slot.index, slot.parity ^ 1);
      gk_mbarrier_expect(loaded, 2 * kTileBytes);
      gk_tma_load_2d(a, mapA, loaded, k, row);
      if (kCluster > 1)
        gk_tma_load_2d_multicast(b + rank * (kTileBytes / kCluster), mapB, loaded, k,
                                 column + rank * (kTileN / kCluster), (u16)((1 << kCluster) - 1));
      else
        gk_tma_load_2d(b, mapB, loaded, k, column);
      advance(slot);
    }
  }
}

/// Hands a slot back to the producers that load into it: one arrival a warp and block.
template <int kCluster> GK_FUNCTION void release(u32 empty, u32 index) {
  u32 lane = gk_lane();
  if (kCluster > 1 && lane < kCluster)
    gk_mbarrier_arrive_cluster(empty + 8 * index, lane);
  if (kCluster == 1 && lane == 0)
    gk_mbarrier_arrive(empty + 8 * index);
}

/// 64 rows of the tile's sums to C, a box of 64 columns at a time.
GK_FUNCTION void storeTile(Shared &shared, const gk_TensorMap &mapC, const u16 *bias, int N,
                           float (&d)[kTileN / 2], u32 consumer, int row, int column) {
  u32 thread = gk_thread() & 127, w = thread >> 5, l = gk_lane(), t = l & 3;
  for (u32 box = 0; box < kTileN / 64; box++) {
    u32 staging = gk_shared_address(shared.staging[consumer][box & 1]);
    if (thread == 0)
      gk_bulk_wait_read<1>(); // the store before the last one has read this buffer
    gk_barrier_sync(1 + consumer, 128);
    u32 pairs[16];
    GK_UNROLL for (u32 i = 0; i < 8; i++) {
      const float *sums = d + box * 32 + i * 4;
      int first = column + box * 64 + i * 8 + 2 * t;
      float low = first < N ? gk_f32(bias[first]) : 0.0f;
      float high = first + 1 < N ? gk_f32(bias[first + 1]) : 0.0f;
      pairs[2 * i] = gk_bf16x2(sums[0] + low, sums[1] + high);
      pairs[2 * i + 1] = gk_bf16x2(sums[2] + low, sums[3] + high);
    }
    u32 line = w * 16 + (l & 15);
    GK_UNROLL for (u32 i = 0; i < 4; i++)
        gk_stmatrix_x4(staging + line * 128 + ((2 * i + (l >> 4)) ^ (line & 7)) * 16, pairs[4 * i],
                       pairs[4 * i + 1], pairs[4 * i + 2], pairs[4 * i + 3]);
    gk_proxy_fence();
    gk_barrier_sync(3 + consumer, 128);
    if (thread == 0) {
      gk_tma_store_2d(mapC, staging, column + box * 64, row);
      gk_bulk_commit();
    }
  }
}

template <int kCluster>
GK_FUNCTION void consume(Shared &shared, const gk_TensorMap &mapC, const u16 *bias, Tiles tiles,
                         int N, int K) {
  u32 full = gk_shared_address(shared.full), empty = gk_shared_address(shared.empty);
  u32 consumer = gk_thread() / 128 - 1;
  int rank = kCluster > 1 ? (int)gk_cluster_rank() : 0;
  Slot slot = {0, 0};
  float d[kTileN / 2];
  for (int tile = tiles.next; tile < tiles.count; tile += tiles.step) {
    int previous = -1;
    for (int k = 0; k < K; k += kTileK) {
      gk_mbarrier_wait(full + 8 * slot.index, slot.parity);
      u64 a = gk_descriptor(gk_shared_address(shared.a[slot.index] + consumer * 64 * 128), 16, 1024,
                            1);
      u64 b = gk_descriptor(gk_shared_address(shared.b[slot.index]), 16, 1024, 1);
      gk_wgmma_fence();
      GK_UNROLL for (int i = 0; i < kTileK / 16; i++)
          gk_wgmma_bf16<0, 0>(d, a + 2 * i, b + 2 * i, k > 0 || i > 0);
      gk_wgmma_commit();
      if (previous >= 0) {
        gk_wgmma_wait<1>(); // the step before this one has read its slot
        release<kCluster>(empty, previous);
      }
      previous = slot.index;
      advance(slot);
    }
    gk_wgmma_wait<0>();
    gk_keep(d);
    release<kCluster>(empty, previous);
    storeTile(shared, mapC, bias, N, d, consumer,
              (tile / tiles.columns * kCluster + rank) * kTileM + consumer * 64,
              tile % tiles.columns * kTileN);
  }
  if ((gk_thread() & 127) == 0)
    gk_bulk_wait_read<0>();
}

template <int kCluster>
GK_FUNCTION void gemm(const gk_TensorMap &mapA, const gk_TensorMap &mapB, const gk_TensorMap &mapC,
                      const u16 *bias, int M, int N, int K) {
  Shared &shared = *(Shared *)gk_shared();
  if (gk_thread() == 0) {
    for (int i = 0; i < kStages; i++) {
      gk_mbarrier_init(gk_shared_address(&shared.full[i]), 1);
      gk_mbarrier_init(gk_shared_address(&shared.empty[i]), 8 * kCluster);
    }
    gk_mbarrier_init_fence();
  }
  if (kCluster > 1)
    gk_cluster_sync();
  else
    gk_syncthreads();
  Tiles tiles = tilesOf<kCluster>(M, N);
  if (gk_thread() < 128) {
    gk_registers_decrease<40>();
    if (gk_thread() == 0)
      produce<kCluster>(shared, mapA, mapB, tiles, K);
  } else {
    gk_registers_increase<232>();
    consume<kCluster>(shared, mapC, bias, tiles, N, K);
  }
  if (kCluster > 1) {
    gk_syncwarp();
    gk_cluster_sync(); // no block ends while the other one still arrives at its mbarriers
  }
}

GK_KERNEL(384, 1) gemm_wgmma(GK_TENSOR_MAP mapA, GK_TENSOR_MAP mapB, GK_TENSOR_MAP mapC,
                             const u16 *bias, int M, int N, int K) {
  gemm<1>(mapA, mapB, mapC, bias, M, N, K);
}
GK_EXPORT(gemm_wgmma)
GK_KERNEL(384, 1) gemm_wgmma_cluster2(GK_TENSOR_MAP mapA, GK_TENSOR_MAP mapB, GK_TENSOR_MAP mapC,
                                      const u16 *bias, int M, int N, int K) {
  gemm<2>(mapA, mapB, mapC, bias, M, N, K);
}
GK_EXPORT(gemm_wgmma_cluster2)
