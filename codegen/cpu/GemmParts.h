// SPDX-License-Identifier: Apache-2.0
// The functions that a gemm kernel calls and the regions of its scratch.

#ifndef HEDDLE_CODEGEN_CPU_GEMMPARTS_H
#define HEDDLE_CODEGEN_CPU_GEMMPARTS_H

#include "codegen/cpu/GemmBlocking.h"
#include "codegen/cpu/KernelShell.h"

namespace heddle::codegen {

/// Sums go straight to the output when nothing follows the matmul and all of k is done in one pass;
/// else to scratch, where the epilogue picks them up.
class GemmParts {
public:
  /// Chooses the blocking and lays out scratch. The arguments must outlive the object.
  GemmParts(mlir::ImplicitLocOpBuilder &b, const Target &target, ir::KernelOp kernel,
            const GemmProblem &problem);

  /// Emits packers, micro-kernels and the epilogue. Fails with a reason when the epilogue does.
  mlir::LogicalResult emitFunctions(std::string *reason);

  int64_t tasks() const { return problem_.batch() * blocking_.panelGroups() * blocking_.blocks; }
  int64_t scratchBytes() const { return scratch_.bytes(); }

protected:
  bool hasTail() const { return blocking_.tailColumns != blocking_.panelWidth; }
  bool packsB() const { return blocking_.mode == GemmMode::PackB; }
  bool packsA() const { return blocking_.mode == GemmMode::PackA; }
  /// Elements of a packed panel, and rows of a packed tile of A.
  int64_t packedPanel() const {
    return (blocking_.depthBlock + target_.lanes()) * blocking_.panelWidth;
  }
  int64_t packedRows() const { return (blocking_.maxTileRows() + 3) / 4 * 4; }

  mlir::ImplicitLocOpBuilder &b_;
  const Target &target_;
  ir::KernelOp kernel_;
  const GemmProblem &problem_;
  GemmBlocking blocking_;
  llvm::SmallVector<mlir::Type> operands_;
  bool inPasses_ = false, direct_ = false;
  ScratchLayout scratch_;
  int64_t panel_ = 0, rows_ = 0, sums_ = 0; // regions of scratch
  int64_t sumsWidth_ = 0;
  // By whether the panel is a narrower last one, whether the tile is a long one, or both.
  mlir::func::FuncOp epilogue_, packPanel_[2], packRows_[2], kernels_[2][2];

private:
  struct Variant {
    bool longTile = false, tailPanel = false;
  };
  int64_t rowsOf(Variant variant) const { return blocking_.tileRows + variant.longTile; }
  mlir::MemRefType operandType(const GemmProblem::Operand &operand) const {
    return llvm::cast<mlir::MemRefType>(operands_[operand.argument]);
  }
  void layOutScratch();
  void emitPackers();
  void emitDotKernels();
  void emitMicroKernel(Variant variant);
};

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_GEMMPARTS_H
