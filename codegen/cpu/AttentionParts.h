// SPDX-License-Identifier: Apache-2.0
// What attention and its gradient share: products of blocks, copies of rows, which keys a query
// sees.

#ifndef HEDDLE_CODEGEN_CPU_ATTENTIONPARTS_H
#define HEDDLE_CODEGEN_CPU_ATTENTIONPARTS_H

#include "codegen/body/AttentionProblem.h"
#include "codegen/cpu/MicroKernel.h"

namespace heddle::codegen {

/// C (+)= A B over a fixed number of rows and columns, tile by tile. C's columns are padded to
/// whole vectors; B's may end with `bTailLanes` in its last vector.
struct BlockProductSpec {
  std::string name;
  RegisterTile tile;
  int64_t rowTiles = 1;
  int64_t vectors = 1; // columns in all
  int64_t bTailLanes = 0;
  mlir::MemRefType a, b, c;
  int64_t aRowStride = 0, aKStride = 1;
  int64_t bKStride = 0;
  int64_t bPanelStride = 0; // from one tile's columns of B to the next
  int64_t cRowStride = 0;
  bool accumulate = false;
};

/// (a, b, c, aOffset, bOffset, cOffset, depth) -> ().
mlir::func::FuncOp emitBlockProduct(mlir::ImplicitLocOpBuilder &b, const Target &target,
                                    const BlockProductSpec &spec);

/// Indices of the row `row` of a group: rows of its heads one after the other.
struct GroupPlace {
  mlir::Value batch, group;
};
/// Offset of [b, first head of the group, 0, 0] in a tensor with as many heads as q (`perHead`) or
/// k.
mlir::Value groupOffset(mlir::ImplicitLocOpBuilder &b, const AttentionProblem &problem,
                        const HeadsView &view, GroupPlace place, bool perHead);
/// What row `row` of the group adds to that offset.
mlir::Value rowOffset(mlir::ImplicitLocOpBuilder &b, const AttentionProblem &problem,
                      const HeadsView &view, mlir::Value row);
/// The query position of row `row` of a group.
mlir::Value queryOf(mlir::ImplicitLocOpBuilder &b, const AttentionProblem &problem,
                    mlir::Value row);

/// A range of keys.
struct KeyRange {
  mlir::Value low, high;
};
/// The keys [low, high) that query `query` may see under causality, window and length. May be empty
/// (high <= low). `length` is null without kv_lengths.
KeyRange visibleKeys(mlir::ImplicitLocOpBuilder &b, const AttentionProblem &problem,
                     mlir::Value query, mlir::Value length);

/// In panels of `width` keys, for all queries of [firstQuery, lastQuery]: panels [low, high) may be
/// seen by some; every key of panels [fullLow, fullHigh) is seen by all. No key from `end` on is
/// seen.
struct PanelRange {
  mlir::Value low, fullLow, fullHigh, high;
  mlir::Value end;
};
PanelRange visiblePanels(mlir::ImplicitLocOpBuilder &b, const AttentionProblem &problem,
                         mlir::Value firstQuery, mlir::Value lastQuery, mlir::Value length,
                         int64_t width);

/// kv_lengths[batch], or null.
mlir::Value loadLength(mlir::ImplicitLocOpBuilder &b, const AttentionProblem &problem,
                       llvm::ArrayRef<mlir::Value> operands, mlir::Value batch);

/// One vector of scaled scores of one query row, from key `key` on.
struct ScoreVector {
  mlir::Value scores;
  mlir::Value batch, row, key; // row: of the group
  mlir::Value biasOffset;      // groupOffset of the bias, or null
  mlir::Value length;
};
/// Adds the bias and applies the soft cap. `derivative`, if given, gets d result / d scores (null:
/// 1).
mlir::Value biasAndCap(mlir::ImplicitLocOpBuilder &b, const Target &target,
                       const AttentionProblem &problem, llvm::ArrayRef<mlir::Value> operands,
                       const ScoreVector &vector, mlir::Value *derivative = nullptr);
/// Lanes whose key the row may see: a vector of i1.
mlir::Value visibleLanes(mlir::ImplicitLocOpBuilder &b, const Target &target,
                         const AttentionProblem &problem, llvm::ArrayRef<mlir::Value> operands,
                         const ScoreVector &vector);

/// Lanes that dropout keeps, for row `row` of the group from key `key` on.
mlir::Value keptLanes(mlir::ImplicitLocOpBuilder &b, const Target &target,
                      const AttentionProblem &problem, llvm::ArrayRef<mlir::Value> operands,
                      GroupPlace place, mlir::Value row, mlir::Value key);

int64_t roundUp(int64_t x, int64_t multiple);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_ATTENTIONPARTS_H
