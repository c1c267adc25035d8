// SPDX-License-Identifier: Apache-2.0
#include "codegen/cuda/Gemm.h"

namespace heddle::codegen {
namespace {

const char *layoutName(CudaGemmLayout layout) {
  switch (layout) {
  case CudaGemmLayout::NT:
    return "nt";
  case CudaGemmLayout::NN:
    return "nn";
  case CudaGemmLayout::TN:
    return "tn";
  }
  return "";
}

const char *typeName(CudaType type) { return type == CudaType::BF16 ? "bf16" : "f32"; }

std::string shapeText(int rows, int columns) { return absl::StrCat("[", rows, "][", columns, "]"); }

} // namespace

std::string CudaGemm::name() const {
  return absl::StrCat("gemm_", layoutName(layout), "_", typeName(input),
                      output == input ? "" : absl::StrCat("_to_", typeName(output)), "_m", m, "_n",
                      n, "_k", k, hasBias ? "_bias" : "");
}

std::string gemmTitle(const CudaGemm &gemm, const std::string &how) {
  bool isATransposed = gemm.layout == CudaGemmLayout::TN;
  bool isBTransposed = gemm.layout == CudaGemmLayout::NT;
  std::string a =
      isATransposed ? "A" + shapeText(gemm.k, gemm.m) + "^T" : "A" + shapeText(gemm.m, gemm.k);
  std::string b =
      isBTransposed ? "B" + shapeText(gemm.n, gemm.k) + "^T" : "B" + shapeText(gemm.k, gemm.n);
  return absl::StrCat("// C", shapeText(gemm.m, gemm.n), " = ", a, " ", b,
                      gemm.hasBias ? absl::StrCat(" + bias[", gemm.n, "]") : "", ", ",
                      typeName(gemm.input), " to ", typeName(gemm.output), ", sums in f32.\n// ",
                      how, "\n");
}

std::string gemmTileOrder(int rowsOfTiles, int columnsOfTiles) {
  return fillIn(
      R"(
struct Tile {
  int row, column; // counted in tiles
};
// $rows$ x $columns$ tiles in groups of 8 rows: neighbours in time share B's columns in the cache.
GK_FUNCTION Tile tileOf(int number) {
  int inGroup = 8 * $columns$, group = number / inGroup, rest = number % inGroup;
  int rows = gk_min(8, $rows$ - group * 8);
  return {group * 8 + rest % rows, rest / rows};
}
)",
      {{"rows", std::to_string(rowsOfTiles)}, {"columns", std::to_string(columnsOfTiles)}});
}

} // namespace heddle::codegen
