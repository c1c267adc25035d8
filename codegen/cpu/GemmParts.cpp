// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/GemmParts.h"

#include "codegen/cpu/GemmEpilogue.h"
#include "codegen/cpu/MicroKernel.h"
#include "codegen/cpu/Pack.h"

using namespace mlir;

namespace heddle::codegen {

GemmParts::GemmParts(ImplicitLocOpBuilder &b, const Target &target, ir::KernelOp kernel,
                     const GemmProblem &problem)
    : b_(b), target_(target), kernel_(kernel), problem_(problem),
      blocking_(chooseBlocking(problem, target)), operands_(operandBufferTypes(kernel)) {
  inPasses_ = blocking_.depthIsBlocked(problem_);
  direct_ = !inPasses_ && !blocking_.streamed() && blocking_.mode != GemmMode::Dot &&
            isPlainGemm(kernel_, problem.matmul);
  layOutScratch();
}

void GemmParts::layOutScratch() {
  if (packsB())
    panel_ = scratch_.take(blocking_.panelsPerTask * packedPanel());
  if (packsA())
    rows_ = scratch_.take(blocking_.tilesPerBlock * packedRows() * problem_.k);
  int64_t tiles = 1;
  if (blocking_.streamed())
    tiles = blocking_.panels;
  else if (inPasses_)
    tiles = blocking_.tilesPerBlock * blocking_.panelsPerTask;
  else if (blocking_.mode == GemmMode::Dot)
    tiles = blocking_.tilesPerBlock;
  // A tile of dot products may stand over the panel's edge.
  sumsWidth_ = blocking_.panelWidth + (blocking_.mode == GemmMode::Dot ? 16 : 0);
  if (!direct_)
    sums_ = scratch_.take(tiles * blocking_.maxTileRows() * sumsWidth_);
}

LogicalResult GemmParts::emitFunctions(std::string *reason) {
  if (!direct_) {
    FailureOr<func::FuncOp> epilogue =
        emitEpilogue(b_, target_, kernel_, problem_,
                     {"epilogue", operands_, scratch_.type(b_), sumsWidth_}, reason);
    if (failed(epilogue))
      return failure();
    epilogue_ = *epilogue;
  }
  emitPackers();
  if (blocking_.mode == GemmMode::Dot) {
    emitDotKernels();
    return success();
  }
  for (bool longTile : {false, true})
    for (bool tailPanel : {false, true})
      if ((!longTile || blocking_.longTiles) &&
          (tailPanel ? hasTail() : blocking_.panels > 1 || !hasTail()))
        emitMicroKernel({longTile, tailPanel});
  return success();
}

void GemmParts::emitPackers() {
  MemRefType scratch = scratch_.type(b_);
  for (bool tail : {false, true}) {
    if (!packsB() || (tail ? !hasTail() : blocking_.panels == 1 && hasTail()))
      continue;
    packPanel_[tail] =
        emitPackPanel(b_, target_,
                      {tail ? "pack_panel_tail" : "pack_panel", operandType(problem_.b), scratch,
                       problem_.b.kStride, problem_.b.otherStride,
                       tail ? blocking_.tailColumns : blocking_.panelWidth, blocking_.panelWidth});
  }
  for (bool longTile : {false, true})
    if (packsA() && (!longTile || blocking_.longTiles))
      packRows_[longTile] = emitPackRowTile(
          b_, {longTile ? "pack_rows_long" : "pack_rows", operandType(problem_.a), scratch,
               problem_.a.kStride, rowsOf({longTile, false}), packedRows()});
}

void GemmParts::emitDotKernels() {
  for (bool longTile : {false, true}) {
    if (longTile && !blocking_.longTiles)
      continue;
    DotKernelSpec spec;
    spec.name = longTile ? "dot_long" : "dot";
    spec.rows = static_cast<int>(rowsOf({longTile, false}));
    spec.columns = blocking_.dotColumns;
    spec.a = operandType(problem_.a);
    spec.b = operandType(problem_.b);
    spec.c = scratch_.type(b_);
    spec.aRowStride = problem_.a.otherStride;
    spec.bRowStride = problem_.b.otherStride;
    spec.cRowStride = sumsWidth_;
    spec.depth = problem_.k;
    spec.lastColumn = problem_.n - 1;
    spec.prefetch = blocking_.prefetchDots;
    kernels_[longTile][0] = emitDotKernel(b_, target_, spec);
  }
}

void GemmParts::emitMicroKernel(Variant variant) {
  MemRefType scratch = scratch_.type(b_);
  int64_t lanes = target_.lanes();
  int64_t columns = variant.tailPanel ? blocking_.tailColumns : blocking_.panelWidth;
  MicroKernelSpec spec;
  spec.name =
      std::string("tile") + (variant.longTile ? "_long" : "") + (variant.tailPanel ? "_tail" : "");
  spec.tile = {static_cast<int>(rowsOf(variant)), static_cast<int>((columns + lanes - 1) / lanes)};
  spec.a = packsA() ? scratch : operandType(problem_.a);
  spec.aRowStride = packsA() ? 1 : problem_.a.otherStride;
  spec.aKStride = packsA() ? packedRows() : problem_.a.kStride;
  spec.b = packsB() ? scratch : operandType(problem_.b);
  spec.bKStride = packsB() ? blocking_.panelWidth : problem_.b.kStride;
  spec.bTailLanes = packsB() ? 0 : columns % lanes;
  spec.c = direct_ ? cast<MemRefType>(operands_.back()) : scratch;
  spec.cRowStride = direct_ ? problem_.n : sumsWidth_;
  spec.cTailLanes = direct_ ? columns % lanes : 0;
  // Rows that come one by one need no help.
  spec.prefetchRows =
      blocking_.mode == GemmMode::DirectB && blocking_.tiles == 1 && blocking_.streamSlice != 1 ? 8
                                                                                                : 0;
  spec.accumulate = inPasses_ || blocking_.streamed();
  kernels_[variant.longTile][variant.tailPanel] = codegen::emitMicroKernel(b_, target_, spec);
}

} // namespace heddle::codegen
