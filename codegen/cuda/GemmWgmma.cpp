// SPDX-License-Identifier: Apache-2.0
// Matrix products by TMA and wgmma: persistent blocks of one producer and two consumer warpgroups,
// 64 rows of the tile each, with a ring of k steps between them. In a cluster of two, blocks take
// tiles one below the other and each loads half of B's tile into both.
#include <algorithm>

#include "codegen/cuda/Gemm.h"

namespace heddle::codegen {
namespace {

constexpr int kTileRows = 128;
constexpr int kSpanBytes = 128;      // of the swizzle: a row of a tile's part
constexpr int kBoxBytes = 64 * 128;  // of C's staging: 64 rows
constexpr int kStagingBoxes = 2 * 2; // two consumers, two turns
constexpr int kSharedLimit = 232448;
constexpr int kThreads = 384;

struct WgmmaTile {
  int tileColumns, stages, cluster;
};

WgmmaTile chooseWgmmaTile(const CudaGemm &gemm) {
  WgmmaTile shape{};
  shape.tileColumns = gemm.n > 128 ? 256 : 128;
  int slotBytes = (kTileRows + shape.tileColumns) * kSpanBytes;
  shape.stages = std::min(6, (kSharedLimit - 1024 - kStagingBoxes * kBoxBytes) / slotBytes);
  shape.cluster = gemm.m > kTileRows ? 2 : 1;
  return shape;
}

Status checkRows(const char *what, int elements, int bytes) {
  if (elements * bytes % 16 == 0)
    return absl::OkStatus();
  return invalidInput("rows of ", what, " have ", elements, " elements of ", bytes,
                      " bytes, which TMA copies only in multiples of 16 bytes");
}

/// A or B: [lines][width] in global memory, tiles of `rows` rows and kSpanBytes along k.
struct WgmmaOperand {
  bool isKMajor;
  int lines, width, rows, elementBytes;

  int spanElements() const { return kSpanBytes / elementBytes; }
  /// K-major: rows of one span along k. MN-major: 64 rows wide, 64 k deep, side by side.
  TensorMapSpec map(int boxRows) const {
    TensorMapSpec spec;
    spec.type = elementBytes == 2 ? CudaType::BF16 : CudaType::F32;
    spec.dims = {static_cast<uint64_t>(width), static_cast<uint64_t>(lines)};
    spec.strides = {static_cast<uint64_t>(width) * elementBytes};
    spec.box = {static_cast<uint32_t>(spanElements()),
                static_cast<uint32_t>(isKMajor ? boxRows : spanElements())};
    return spec;
  }
  /// Leading byte distance of its descriptor: between parts of 64 rows, unused where K-major.
  int leading() const { return isKMajor ? 16 : 64 * kSpanBytes; }
  /// From one wgmma's k to the next, in the descriptor's units of 16 bytes.
  int step() const { return isKMajor ? 2 : 16 * kSpanBytes / 16; }
};

/// Loads `rows` rows of an operand, of which this block loads its share of `cluster`.
std::string loadText(const WgmmaOperand &operand, const std::string &map, const std::string &target,
                     const std::string &row, int cluster) {
  std::string call = cluster > 1 ? "gk_tma_load_2d_multicast" : "gk_tma_load_2d";
  std::string mask = cluster > 1 ? ", kEveryBlock" : "";
  int share = operand.rows / cluster;
  std::string offset = cluster > 1 ? absl::StrCat(" + rank * ", share) : "";
  if (operand.isKMajor) {
    std::string place =
        cluster > 1 ? absl::StrCat(target, " + rank * ", share * kSpanBytes) : target;
    return absl::StrCat("      ", call, "(", place, ", ", map, ", loaded, k, ", row, offset, mask,
                        ");\n");
  }
  // Parts of 64 rows, 64 k each.
  std::string part = cluster > 1 ? absl::StrCat("(part + rank * ", share / 64, ")") : "part";
  return absl::StrCat("      for (int part = 0; part < ", share / 64, "; part++)\n        ", call,
                      "(", target, " + ", part, " * ", 64 * kSpanBytes, ", ", map, ", loaded, ",
                      row, " + ", part, " * 64, k", mask, ");\n");
}

constexpr const char *kParts = R"(
constexpr int kTileM = 128, kTileN = $tileN$, kTileK = $tileK$, kStages = $stages$;
constexpr int kBytesA = kTileM * 128, kBytesB = kTileN * 128;
constexpr int kTiles = $tiles$, kSteps = $steps$, kCluster = $cluster$;
constexpr u16 kEveryBlock = (1 << kCluster) - 1;

struct alignas(1024) Shared {
  u8 a[kStages][kBytesA];
  u8 b[kStages][kBytesB];
  u8 staging[2][2][64 * 128]; // of C, by consumer and turn: 64 rows of 128 bytes
  u64 full[kStages], empty[kStages];
};

// A place in the ring and the parity of its phase.
struct Slot {
  u32 index, parity;
};
GK_FUNCTION void advance(Slot &slot) {
  if (++slot.index == kStages) {
    slot.index = 0;
    slot.parity ^= 1;
  }
}
$tileOrder$
// One thread: every k step of every tile, as slots get free.
GK_FUNCTION void produce(Shared &shared, const gk_TensorMap &mapA, const gk_TensorMap &mapB,
                         int rank) {
  Slot slot = {0, 0};
  for (int t = gk_block_x() / kCluster; t < kTiles; t += gk_blocks_x() / kCluster) {
    Tile tile = tileOf(t);
    int row = (tile.row * kCluster + rank) * kTileM, column = tile.column * kTileN;
    for (int step = 0; step < kSteps; step++) {
      int k = step * kTileK;
      u32 a = gk_shared_address(shared.a[slot.index]), b = gk_shared_address(shared.b[slot.index]);
      u32 loaded = gk_shared_address(&shared.full[slot.index]);
      gk_mbarrier_wait(gk_shared_address(&shared.empty[slot.index]), slot.parity ^ 1);
      gk_mbarrier_expect(loaded, kBytesA + kBytesB);
$loadA$$loadB$      advance(slot);
    }
  }
}

// Hands a slot back to those who load into it: one arrival a warp and block.
GK_FUNCTION void release(Shared &shared, u32 index) {
  u32 empty = gk_shared_address(&shared.empty[index]);
  $release$
}
)";

// 64 columns of bf16 a box, through stmatrix.
constexpr const char *kStoreBf16 = R"(
GK_FUNCTION void stage(u32 staging, const float *sums, int column$biasParameter$) {
  u32 l = gk_lane(), line = (gk_thread() & 127) / 32 * 16 + (l & 15);
  u32 pairs[16];
  GK_UNROLL for (int i = 0; i < 8; i++) {
    const float *four = sums + 4 * i;
$bias$    pairs[2 * i] = gk_bf16x2(four[0]$addLow$, four[1]$addHigh$);
    pairs[2 * i + 1] = gk_bf16x2(four[2]$addLow$, four[3]$addHigh$);
  }
  GK_UNROLL for (int i = 0; i < 4; i++)
      gk_stmatrix_x4(staging + line * 128 + ((2 * i + (l >> 4)) ^ (line & 7)) * 16, pairs[4 * i],
                     pairs[4 * i + 1], pairs[4 * i + 2], pairs[4 * i + 3]);
}
)";

// 32 columns of f32 a box, by pairs.
constexpr const char *kStoreF32 = R"(
GK_FUNCTION void stage(u32 staging, const float *sums, int column$biasParameter$) {
  u32 l = gk_lane();
  GK_UNROLL for (int i = 0; i < 4; i++) {
    const float *four = sums + 4 * i;
$bias$    GK_UNROLL for (int half = 0; half < 2; half++) {
      u32 line = (gk_thread() & 127) / 32 * 16 + (l >> 2) + 8 * half;
      u32 chunk = (2 * i + (l & 3) / 2) ^ (line & 7);
      gk_sts_f32x2(staging + line * 128 + chunk * 16 + (l & 1) * 8, four[2 * half]$addLow$,
                   four[2 * half + 1]$addHigh$);
    }
  }
}
)";

constexpr const char *kRest = R"(
// A warpgroup: 64 rows of every tile.
GK_FUNCTION void consume(Shared &shared, const gk_TensorMap &mapC, int rank$biasParameter$) {
  u32 consumer = gk_thread() / 128 - 1;
  bool isFirst = (gk_thread() & 127) == 0;
  Slot slot = {0, 0};
  float d[kTileN / 2];
  for (int t = gk_block_x() / kCluster; t < kTiles; t += gk_blocks_x() / kCluster) {
    Tile tile = tileOf(t);
    int previous = -1;
    for (int step = 0; step < kSteps; step++) {
      gk_mbarrier_wait(gk_shared_address(&shared.full[slot.index]), slot.parity);
      u64 a = gk_descriptor(gk_shared_address(shared.a[slot.index]) + consumer * 64 * 128,
                            $leadingA$, 1024, 1);
      u64 b = gk_descriptor(gk_shared_address(shared.b[slot.index]), $leadingB$, 1024, 1);
      gk_wgmma_fence();
      GK_UNROLL for (int i = 0; i < 4; i++)
          $wgmma$(d, a + i * $stepA$, b + i * $stepB$, step > 0 || i > 0);
      gk_wgmma_commit();
      if (previous >= 0) {
        gk_wgmma_wait<1>(); // the step before this one has read its slot
        release(shared, previous);
      }
      previous = slot.index;
      advance(slot);
    }
    gk_wgmma_wait<0>();
    gk_keep(d);
    release(shared, previous);
    int row = (tile.row * kCluster + rank) * kTileM + consumer * 64, column = tile.column * kTileN;
    GK_UNROLL for (int box = 0; box < kTileN / $boxColumns$; box++) {
      u32 staging = gk_shared_address(shared.staging[consumer][box & 1]);
      if (isFirst)
        gk_bulk_wait_read<1>(); // the store before the last one has read this buffer
      gk_barrier_sync(1 + consumer, 128);
      stage(staging, d + box * $boxColumns$ / 2, column + box * $boxColumns$$biasArgument$);
      gk_proxy_fence();
      gk_barrier_sync(3 + consumer, 128);
      if (isFirst) {
        gk_tma_store_2d(mapC, staging, column + box * $boxColumns$, row);
        gk_bulk_commit();
      }
    }
  }
  if (isFirst)
    gk_bulk_wait_read<0>();
}

GK_KERNEL(384, 1) $name$(GK_TENSOR_MAP mapA, GK_TENSOR_MAP mapB, GK_TENSOR_MAP mapC$biasParameter$) {
  Shared &shared = *(Shared *)gk_shared();
  if (gk_thread() == 0) {
    for (int i = 0; i < kStages; i++) {
      gk_mbarrier_init(gk_shared_address(&shared.full[i]), 1);
      gk_mbarrier_init(gk_shared_address(&shared.empty[i]), 8 * kCluster);
    }
    gk_mbarrier_init_fence();
  }
  $barrier$();
  int rank = $rank$;
  if (gk_thread() < 128) {
    gk_registers_decrease<40>();
    if (gk_thread() == 0)
      produce(shared, mapA, mapB, rank);
  } else {
    gk_registers_increase<232>();
    consume(shared, mapC, rank$biasArgument$);
  }
$end$}
GK_EXPORT($name$)
)";

/// The two bias values of a thread's columns, zero beyond the end: their products are not stored.
std::string biasText(const CudaGemm &gemm) {
  if (!gemm.hasBias)
    return "";
  std::string read = gemm.input == CudaType::BF16 ? "gk_f32(bias[$])" : "bias[$]";
  auto of = [&](const char *index) { return std::string(read).replace(read.find('$'), 1, index); };
  return absl::StrCat("    int c = column + 8 * i + 2 * (l & 3);\n    float low = c < ", gemm.n,
                      " ? ", of("c"), " : 0.0f;\n    float high = c + 1 < ", gemm.n, " ? ",
                      of("c + 1"), " : 0.0f;\n");
}

} // namespace

StatusOr<CudaKernel> gemmByWgmma(const CudaGemm &gemm) {
  int size = bytesOf(gemm.input);
  if (size == 4 && gemm.layout != CudaGemmLayout::NT)
    return invalidInput("wgmma multiplies f32 operands only where both lie along k (NT)");
  bool isAKMajor = gemm.layout != CudaGemmLayout::TN, isBKMajor = gemm.layout == CudaGemmLayout::NT;
  WgmmaTile shape = chooseWgmmaTile(gemm);
  WgmmaOperand a{isAKMajor, isAKMajor ? gemm.m : gemm.k, isAKMajor ? gemm.k : gemm.m, kTileRows,
                 size};
  WgmmaOperand b{isBKMajor, isBKMajor ? gemm.n : gemm.k, isBKMajor ? gemm.k : gemm.n,
                 shape.tileColumns, size};
  HEDDLE_RETURN_IF_ERROR(checkRows("A", a.width, size));
  HEDDLE_RETURN_IF_ERROR(checkRows("B", b.width, size));
  HEDDLE_RETURN_IF_ERROR(checkRows("C", gemm.n, bytesOf(gemm.output)));

  int rowsOfTiles = (gemm.m + kTileRows * shape.cluster - 1) / (kTileRows * shape.cluster);
  int columnsOfTiles = (gemm.n + shape.tileColumns - 1) / shape.tileColumns;
  int tiles = rowsOfTiles * columnsOfTiles, tileK = kSpanBytes / size;
  int boxColumns = kSpanBytes / bytesOf(gemm.output);
  bool isCluster = shape.cluster > 1;

  CudaKernel kernel;
  kernel.name = gemm.name() + "_wgmma";
  kernel.architecture = "sm_90a";
  (size == 2 ? kernel.wgmma.bf16 : kernel.wgmma.tf32) = {shape.tileColumns};
  int shared = shape.stages * (kTileRows + shape.tileColumns) * kSpanBytes +
               kStagingBoxes * kBoxBytes + 2 * 8 * shape.stages;
  kernel.launch.grid[0] =
      std::min(tiles, std::max(1, gemm.multiprocessors / shape.cluster)) * shape.cluster;
  kernel.launch.cluster = shape.cluster;
  kernel.launch.threads = kThreads;
  kernel.launch.sharedBytes = (shared + 1023) / 1024 * 1024;
  TensorMapSpec c;
  c.type = gemm.output;
  c.dims = {static_cast<uint64_t>(gemm.n), static_cast<uint64_t>(gemm.m)};
  c.strides = {static_cast<uint64_t>(gemm.n) * bytesOf(gemm.output)};
  c.box = {static_cast<uint32_t>(boxColumns), 64};
  kernel.parameters = {{kGemmA, true, a.map(kTileRows)},
                       {kGemmB, true, b.map(shape.tileColumns / shape.cluster)},
                       {kGemmC, true, c}};
  if (gemm.hasBias)
    kernel.parameters.push_back({kGemmBias, false, {}});

  std::string biasType = size == 2 ? "u16" : "float";
  std::string wgmma =
      size == 4 ? "gk_wgmma_tf32"
                : absl::StrCat("gk_wgmma_bf16<", isAKMajor ? 0 : 1, ", ", isBKMajor ? 0 : 1, ">");
  kernel.text =
      gemmTitle(gemm, absl::StrCat("Tiles of ", kTileRows, " x ", shape.tileColumns,
                                   " in clusters of ", shape.cluster, ", a ring of ", shape.stages,
                                   " k steps of ", tileK, ", TMA and wgmma."));
  kernel.text += fillIn(
      std::string(kParts) + (gemm.output == CudaType::BF16 ? kStoreBf16 : kStoreF32) + kRest,
      {{"tileOrder", gemmTileOrder(rowsOfTiles, columnsOfTiles)},
       {"loadA", loadText(a, "mapA", "a", "row", 1)},
       {"loadB", loadText(b, "mapB", "b", "column", shape.cluster)},
       {"release", isCluster ? "if (gk_lane() < kCluster)\n    gk_mbarrier_arrive_cluster(empty, "
                               "gk_lane());"
                             : "if (gk_lane() == 0)\n    gk_mbarrier_arrive(empty);"},
       {"bias", biasText(gemm)},
       {"addLow", gemm.hasBias ? " + low" : ""},
       {"addHigh", gemm.hasBias ? " + high" : ""},
       {"biasParameter", gemm.hasBias ? ", const " + biasType + " *bias" : ""},
       {"biasArgument", gemm.hasBias ? ", bias" : ""},
       {"barrier", isCluster ? "gk_cluster_sync" : "gk_syncthreads"},
       {"rank", isCluster ? "gk_cluster_rank()" : "0"},
       {"end", isCluster
                   ? "  // No block ends while the other one may still arrive at its mbarriers.\n"
                     "  gk_syncwarp();\n  gk_cluster_sync();\n"
                   : ""},
       {"name", kernel.name},
       {"wgmma", wgmma},
       {"tileN", std::to_string(shape.tileColumns)},
       {"tileK", std::to_string(tileK)},
       {"stages", std::to_string(shape.stages)},
       {"tiles", std::to_string(tiles)},
       {"steps", std::to_string((gemm.k + tileK - 1) / tileK)},
       {"cluster", std::to_string(shape.cluster)},
       {"boxColumns", std::to_string(boxColumns)},
       {"leadingA", std::to_string(a.leading())},
       {"leadingB", std::to_string(b.leading())},
       {"stepA", std::to_string(a.step())},
       {"stepB", std::to_string(b.step())}});
  return kernel;
}

} // namespace heddle::codegen
