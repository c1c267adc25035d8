// SPDX-License-Identifier: Apache-2.0
// C[M][N] = A[M][K] B[N][K]^T in bf16 with f32 sums, by cp.async, ldmatrix and mma.sync: a tile of
// 64 x 64 a block, four warps of 32 x 32, a ring of three k steps. K is a multiple of 8; what lies
// beyond M, N and K is filled with zeros.
constexpr int kTile = 64, kStep = 32, kStages = 3;
constexpr int kTileBytes = kTile * kStep * 2;

struct alignas(1024) Shared {
  u8 a[kStages][kTileBytes];
  u8 b[kStages][kTileBytes];
};

/// The byte of chunk `chunk` (8 elements) of row `row`: chunks are permuted so that the eight rows
/// of a matrix lie in different banks.
GK_FUNCTION u32 chunkAt(u32 row, u32 chunk) { return row * 64 + (chunk ^ ((row >> 1) & 3)) * 16; }

/// Starts the copy of rows `first` to first + 63 at k of a matrix [rows][K].
GK_FUNCTION void loadTile(u32 tile, const u16 *matrix, int first, int rows, int k, int K) {
  for (u32 i = gk_thread(); i < kTile * kStep / 8; i += 128) {
    u32 row = i / (kStep / 8), chunk = i % (kStep / 8);
    int at = k + chunk * 8;
    u32 valid = first + (int)row < rows && at < K ? 16 : 0;
    const u16 *source = valid ? matrix + (u64)(first + row) * K + at : matrix;
    gk_cp_async_16(tile + chunkAt(row, chunk), source, valid);
  }
}

GK_KERNEL(128, 2) gemm_mma(const u16 *A, const u16 *B, u16 *C, int M, int N, int K) {
  Shared &shared = *(Shared *)gk_shared();
  u32 l = gk_lane(), warp = gk_thread() >> 5, warpRow = (warp & 1) * 32, warpColumn = (warp >> 1) * 32;
  int row = gk_block_y() * kTile, column = gk_block_x() * kTile, steps = (K + kStep - 1) / kStep;
  float sums[2][4][4] = {};
  auto load = [&](int step) {
    loadTile(gk_shared_address(shared.a[step % kStages]), A, row, M, step * kStep, K);
    loadTile(gk_shared_address(shared.b[step % kStages]), B, column, N, step * kStep, K);
  };
  for (int step = 0; step < kStages - 1; step++) {
    if (step < steps)
      load(step);
    gk_cp_async_commit();
  }
  for (int step = 0; step < steps; step++) {
    gk_cp_async_wait<kStages - 2>();
    gk_syncthreads(); // this step's tiles are there, and the last step's are read
    if (step + kStages - 1 < steps)
      load(step + kStages - 1);
    gk_cp_async_commit();
    u32 tileA = gk_shared_address(shared.a[step % kStages]);
    u32 tileB = gk_shared_address(shared.b[step % kStages]);
    GK_UNROLL for (u32 k = 0; k < kStep / 16; k++) {
      u32 a[2][4], b[2][4];
      GK_UNROLL for (u32 i = 0; i < 2; i++) {
        gk_ldmatrix_x4(a[i], tileA + chunkAt(warpRow + i * 16 + (l & 15), 2 * k + (l >> 4)));
        gk_ldmatrix_x4(b[i], tileB + chunkAt(warpColumn + i * 16 + (l & 7) + (l >> 4) * 8,
                                             2 * k + ((l >> 3) & 1)));
      }
      GK_UNROLL for (u32 i = 0; i < 2; i++) {
        GK_UNROLL for (u32 j = 0; j < 4; j++) {
          u32 pair[2] = {b[j >> 1][(j & 1) * 2], b[j >> 1][(j & 1) * 2 + 1]};
          gk_mma_bf16(sums[i][j], a[i], pair);
        }
      }
    }
  }
  GK_UNROLL for (u32 i = 0; i < 2; i++) {
    GK_UNROLL for (u32 j = 0; j < 4; j++) {
      GK_UNROLL for (u32 e = 0; e < 4; e++) {
        int r = row + warpRow + i * 16 + (l >> 2) + 8 * (e >> 1);
        int c = column + warpColumn + j * 8 + (l & 3) * 2 + (e & 1);
        if (r < M && c < N)
          C[(u64)r * N + c] = gk_bf16(sums[i][j][e]);
      }
    }
  }
}
GK_EXPORT(gemm_mma)
