// SPDX-License-Identifier: Apache-2.0
// Matrix products by cp.async and mma.sync: a tile of C a block, operands by k steps through a ring
// in shared memory. Serves what sm_90's own instructions refuse, and every device before it.
#include "codegen/cuda/Gemm.h"

namespace heddle::codegen {
namespace {

// 32 k of bf16, 16 of f32: a row of a K-major tile has 64 bytes.
constexpr int kStepBytes = 64, kStages = 3;

/// Whole warps of mma tiles: rows x columns of C a block.
struct MmaTile {
  int rows, columns, warpRows, warpColumns;
  int threads() const { return rows / warpRows * (columns / warpColumns) * 32; }
};

MmaTile chooseTile(const CudaGemm &gemm) {
  // The large tile reads less from memory; below one for each multiprocessor it leaves some idle.
  constexpr MmaTile kLarge{128, 128, 64, 32}, kSmall{64, 64, 32, 32};
  int64_t tiles = int64_t{(gemm.m + 127) / 128} * ((gemm.n + 127) / 128);
  return tiles >= gemm.multiprocessors ? kLarge : kSmall;
}

/// A or B as it lies in global memory, [lines][width], and as tiles of it lie in shared memory.
struct MmaOperand {
  const char *name; ///< A or B
  bool isKMajor;    ///< lines are rows (of C's rows or columns), else k
  int lines, width, tileRows;
};

/// The widest copy whose size divides a line, so that each line begins aligned.
int copyBytes(const MmaOperand &operand, int elementBytes) {
  int line = operand.width * elementBytes;
  for (int bytes : {16, 8, 4})
    if (line % bytes == 0)
      return bytes;
  return 2;
}

/// One 16-byte chunk of an operand to shared memory: in the background where lines are aligned to 4
/// bytes, else element by element.
std::string copyFunction(const MmaOperand &operand, int elementBytes) {
  int bytes = copyBytes(operand, elementBytes);
  const char *body = bytes > 2 ? R"(
  GK_UNROLL for (int i = 0; i < 16; i += $bytes$) {
    int valid = gk_max(0, gk_min($bytes$, rest - i));
    gk_cp_async_$bytes$(target + i, valid ? (const u8 *)source + i : (const u8 *)matrix, valid);
  })"
                               : R"(
  GK_UNROLL for (int i = 0; i < 16; i += 2)
    gk_sts_u16(target + i, i < rest ? gk_load(source + i / 2) : (u16)0);)";
  return fillIn(std::string(R"(
// Elements `first` and on of a line of $name$[$lines$][$width$], 16 bytes, zeros beyond its ends.
GK_FUNCTION void copyChunk$name$(u32 target, const Element *matrix, int line, int first) {
  const Element *source = matrix + (u64)line * $width$ + first;
  int rest = line < $lines$ ? ($width$ - first) * $size$ : 0; // bytes)") +
                    body + "\n}\n",
                {{"name", operand.name},
                 {"lines", std::to_string(operand.lines)},
                 {"width", std::to_string(operand.width)},
                 {"size", std::to_string(elementBytes)},
                 {"bytes", std::to_string(bytes)}});
}

/// Where chunks of a tile lie: permuted, so that what a warp reads together is in different banks.
std::string placeFunction(const MmaOperand &operand, int elementBytes) {
  int chunksOfLine = operand.isKMajor ? kStepBytes / 16 : operand.tileRows * elementBytes / 16;
  std::string permuted = operand.isKMajor    ? "(chunk ^ ((line >> 1) & 3))"
                         : elementBytes == 2 ? "(chunk ^ (line & 7))"
                                             : "(chunk ^ 2 * (line & 3))";
  return fillIn(R"(
// Tile of $name$ in shared memory: [$what$], a line of $chunks$ chunks of 16 bytes.
GK_FUNCTION u32 place$name$(u32 line, u32 chunk) { return (line * $chunks$ + $permuted$) * 16; }
)",
                {{"name", operand.name},
                 {"what", operand.isKMajor ? "row][k" : "k][row"},
                 {"chunks", std::to_string(chunksOfLine)},
                 {"permuted", permuted}});
}

std::string loadFunction(const MmaOperand &operand, int elementBytes) {
  int stepElements = kStepBytes / elementBytes, perChunk = 16 / elementBytes;
  int lines = operand.isKMajor ? operand.tileRows : stepElements;
  int chunksOfLine = operand.tileRows * kStepBytes / 16 / lines;
  const char *copy = operand.isKMajor ? "copyChunk$name$(tile + place$name$(line, chunk), matrix, "
                                        "row + line, k + chunk * $per$);"
                                      : "copyChunk$name$(tile + place$name$(line, chunk), matrix, "
                                        "k + line, row + chunk * $per$);";
  return fillIn(std::string(R"(
// Rows `row` and on of $name$, $step$ of k.
GK_FUNCTION void load$name$(u32 tile, const Element *matrix, int row, int k) {
  for (u32 i = gk_thread(); i < $count$; i += kThreads) {
    int line = i / $chunks$, chunk = i % $chunks$;
    )") + copy + "\n  }\n}\n",
                {{"name", operand.name},
                 {"step", std::to_string(stepElements)},
                 {"per", std::to_string(perChunk)},
                 {"chunks", std::to_string(chunksOfLine)},
                 {"count", std::to_string(lines * chunksOfLine)}});
}

/// Fragments of 16 rows of A, of 16 columns of B, 16 k from k on (bf16).
std::string fragmentsBf16(const MmaOperand &operand) {
  bool isA = operand.name[0] == 'A';
  const char *load;
  if (operand.isKMajor)
    load = isA ? "gk_ldmatrix_x4(r, tile + placeA(row + (l & 15), k / 8 + (l >> 4)));"
               : "gk_ldmatrix_x4(r, tile + placeB(row + (l & 7) + (l >> 4) * 8, "
                 "k / 8 + ((l >> 3) & 1)));";
  else
    load = isA ? "gk_ldmatrix_x4_trans(r, tile + placeA(k + (l & 7) + (l >> 4) * 8, "
                 "row / 8 + ((l >> 3) & 1)));"
               : "gk_ldmatrix_x4_trans(r, tile + placeB(k + (l & 15), row / 8 + (l >> 4)));";
  return absl::StrCat("GK_FUNCTION void fragment", operand.name,
                      "(u32 (&r)[4], u32 tile, u32 row, u32 k) {\n  u32 l = gk_lane();\n  ", load,
                      "\n}\n");
}

/// The same for 8 k of f32, rounded to tf32.
std::string fragmentsTf32(const MmaOperand &operand) {
  bool isA = operand.name[0] == 'A';
  // Registers 1 and 2 of A are rows + 8 and k + 4; B's are k + 4 and columns + 8.
  std::string place = operand.isKMajor ? "place$name$(at, depth / 4) + depth % 4 * 4"
                                       : "place$name$(depth, at / 4) + at % 4 * 4";
  return fillIn(R"(
GK_FUNCTION void fragment$name$(u32 (&r)[4], u32 tile, u32 row, u32 k) {
  u32 g = gk_lane() >> 2, t = gk_lane() & 3;
  GK_UNROLL for (u32 i = 0; i < 4; i++) {
    u32 at = row + g + 8 * ($rowBit$), depth = k + t + 4 * ($kBit$);
    r[i] = gk_tf32(gk_lds_f32(tile + $place$));
  }
}
)",
                {{"place", place},
                 {"name", operand.name},
                 {"rowBit", isA ? "i & 1" : "i >> 1"},
                 {"kBit", isA ? "i >> 1" : "i & 1"}});
}

std::string storeText(const CudaGemm &gemm) {
  std::string value =
      gemm.hasBias ? absl::StrCat("sums[i][j][e] + ",
                                  gemm.input == CudaType::BF16 ? "gk_f32(bias[c])" : "bias[c]")
                   : "sums[i][j][e]";
  return gemm.output == CudaType::BF16 ? "gk_bf16(" + value + ")" : value;
}

constexpr const char *kBody = R"(
GK_KERNEL($threads$, $blocks$) $name$(const Element *A, const Element *B, Result *C$biasParameter$) {
  Shared &shared = *(Shared *)gk_shared();
  u32 warp = gk_thread() >> 5, l = gk_lane();
  u32 warpRow = warp % (kTileM / kWarpM) * kWarpM, warpColumn = warp / (kTileM / kWarpM) * kWarpN;
  Tile tile = tileOf(gk_block_x());
  int row = tile.row * kTileM, column = tile.column * kTileN;
  float sums[kWarpM / 16][kWarpN / 8][4] = {};
  auto load = [&](int step) {
    loadA(gk_shared_address(shared.a[step % kStages]), A, row, step * kStepK);
    loadB(gk_shared_address(shared.b[step % kStages]), B, column, step * kStepK);
  };
  for (int step = 0; step < kStages - 1; step++) {
    if (step < kSteps)
      load(step);
    gk_cp_async_commit();
  }
  for (int step = 0; step < kSteps; step++) {
    gk_cp_async_wait<kStages - 2>();
    gk_syncthreads(); // this step's tiles are there, and the last step's have been read
    if (step + kStages - 1 < kSteps)
      load(step + kStages - 1);
    gk_cp_async_commit();
    u32 tileA = gk_shared_address(shared.a[step % kStages]);
    u32 tileB = gk_shared_address(shared.b[step % kStages]);
    GK_UNROLL for (u32 k = 0; k < kStepK; k += $mmaK$) {
      u32 a[kWarpM / 16][4], b[kWarpN / 16][4];
      GK_UNROLL for (u32 i = 0; i < kWarpM / 16; i++) fragmentA(a[i], tileA, warpRow + 16 * i, k);
      GK_UNROLL for (u32 j = 0; j < kWarpN / 16; j++) fragmentB(b[j], tileB, warpColumn + 16 * j, k);
      GK_UNROLL for (u32 i = 0; i < kWarpM / 16; i++) {
        GK_UNROLL for (u32 j = 0; j < kWarpN / 8; j++) {
          u32 pair[2] = {b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]};
          $mma$(sums[i][j], a[i], pair);
        }
      }
    }
  }
  GK_UNROLL for (u32 i = 0; i < kWarpM / 16; i++) {
    GK_UNROLL for (u32 j = 0; j < kWarpN / 8; j++) {
      GK_UNROLL for (u32 e = 0; e < 4; e++) {
        int r = row + warpRow + i * 16 + (l >> 2) + 8 * (e >> 1);
        int c = column + warpColumn + j * 8 + (l & 3) * 2 + (e & 1);
        if (r < $m$ && c < $n$)
          C[(u64)r * $n$ + c] = $value$;
      }
    }
  }
}
GK_EXPORT($name$)
)";

} // namespace

CudaKernel gemmByMma(const CudaGemm &gemm) {
  MmaTile tile = chooseTile(gemm);
  int size = bytesOf(gemm.input), stepK = kStepBytes / size;
  bool isAKMajor = gemm.layout != CudaGemmLayout::TN, isBKMajor = gemm.layout == CudaGemmLayout::NT;
  MmaOperand a{"A", isAKMajor, isAKMajor ? gemm.m : gemm.k, isAKMajor ? gemm.k : gemm.m, tile.rows};
  MmaOperand b{"B", isBKMajor, isBKMajor ? gemm.n : gemm.k, isBKMajor ? gemm.k : gemm.n,
               tile.columns};
  int rowsOfTiles = (gemm.m + tile.rows - 1) / tile.rows;
  int columnsOfTiles = (gemm.n + tile.columns - 1) / tile.columns;
  const char *element = gemm.input == CudaType::BF16 ? "u16" : "float";

  CudaKernel kernel;
  kernel.name = gemm.name() + "_mma";
  kernel.architecture = "sm_80";
  kernel.launch = {{static_cast<uint32_t>(rowsOfTiles) * columnsOfTiles, 1, 1},
                   1,
                   static_cast<uint32_t>(tile.threads()),
                   static_cast<uint32_t>(kStages * (tile.rows + tile.columns) * kStepBytes)};
  for (int buffer : {kGemmA, kGemmB, kGemmC})
    kernel.parameters.push_back({buffer, false, {}});
  if (gemm.hasBias)
    kernel.parameters.push_back({kGemmBias, false, {}});

  kernel.text =
      gemmTitle(gemm, absl::StrCat("Tiles of ", tile.rows, " x ", tile.columns, ", a ring of ",
                                   kStages, " k steps of ", stepK, ", mma.sync."));
  kernel.text += fillIn(R"(typedef $element$ Element;
typedef $result$ Result;
constexpr int kTileM = $tileM$, kTileN = $tileN$, kWarpM = $warpM$, kWarpN = $warpN$;
constexpr int kStepK = $stepK$, kSteps = $steps$, kStages = $stages$, kThreads = $threads$;

struct alignas(1024) Shared {
  u8 a[kStages][kTileM * $stepBytes$];
  u8 b[kStages][kTileN * $stepBytes$];
};
)",
                        {{"element", element},
                         {"result", gemm.output == CudaType::BF16 ? "u16" : "float"},
                         {"tileM", std::to_string(tile.rows)},
                         {"tileN", std::to_string(tile.columns)},
                         {"warpM", std::to_string(tile.warpRows)},
                         {"warpN", std::to_string(tile.warpColumns)},
                         {"stepK", std::to_string(stepK)},
                         {"steps", std::to_string((gemm.k + stepK - 1) / stepK)},
                         {"stages", std::to_string(kStages)},
                         {"threads", std::to_string(tile.threads())},
                         {"stepBytes", std::to_string(kStepBytes)}});
  kernel.text += gemmTileOrder(rowsOfTiles, columnsOfTiles);
  for (const MmaOperand &operand : {a, b})
    kernel.text += copyFunction(operand, size) + placeFunction(operand, size) +
                   loadFunction(operand, size) +
                   (size == 2 ? fragmentsBf16(operand) : fragmentsTf32(operand));
  kernel.text += fillIn(kBody, {{"name", kernel.name},
                                {"threads", std::to_string(tile.threads())},
                                {"blocks", tile.rows == 128 ? "1" : "2"},
                                {"biasParameter", gemm.hasBias ? ", const Element *bias" : ""},
                                {"mmaK", size == 2 ? "16" : "8"},
                                {"mma", size == 2 ? "gk_mma_bf16" : "gk_mma_tf32"},
                                {"m", std::to_string(gemm.m)},
                                {"n", std::to_string(gemm.n)},
                                {"value", storeText(gemm)}});
  return kernel;
}

} // namespace heddle::codegen
