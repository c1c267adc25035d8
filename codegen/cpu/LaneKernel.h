// SPDX-License-Identifier: Apache-2.0
// What kernels that run along rows have in common: reading inputs through views, evaluating the
// elementwise ops of the body a vector at a time, storing results.

#ifndef HEDDLE_CODEGEN_CPU_LANEKERNEL_H
#define HEDDLE_CODEGEN_CPU_LANEKERNEL_H

#include <string>

#include "codegen/body/BodyReads.h"
#include "codegen/cpu/ElementwiseEmitter.h"
#include "codegen/cpu/KernelShell.h"
#include "codegen/cpu/Target.h"

namespace heddle::codegen {

/// A vector of lanes along a row: where it stands, and the values known there.
struct LanePoint {
  explicit LanePoint(mlir::Value column, mlir::Value mask = {}) : column(column), mask(mask) {}

  mlir::Value column; // of lane 0
  mlir::Value mask;   // null: all lanes are inside the row
  llvm::DenseMap<mlir::Value, mlir::Value> known;
};

/// Use: construct over the iteration shape; reads().addLeaves() and addStatistic() for what is
/// read; space().collapse(); then, inside the entry, bind() once, beginRow() per row and lanes()
/// per vector. Errors stick: after the first one the emitted code means nothing and ok() is false.
class LaneKernel {
public:
  LaneKernel(mlir::ImplicitLocOpBuilder &b, const Target &target, ir::KernelOp kernel,
             std::vector<int64_t> shape, std::string *reason);

  mlir::ImplicitLocOpBuilder &builder() { return b_; }
  const Target &target() const { return target_; }
  ir::KernelOp kernel() { return kernel_; }
  int64_t lanes() const { return target_.lanes(); }
  IterationSpace &space() { return reads_.space(); }
  BodyReads &reads() { return reads_; }

  bool ok() const { return reads_.ok(); }
  void fail(const std::string &reason) { reads_.fail(reason); }

  /// Emits what is read once per call. `operands` are the entry's buffers.
  void bind(llvm::ArrayRef<mlir::Value> operands);
  /// Emits what is read once per row; `row` counts all axes but the innermost as one.
  void beginRow(mlir::Value row);
  mlir::Value row() const { return row_; }

  /// The lanes of a value at a point: a known one, an input, or computed.
  mlir::Value lanes(LanePoint &point, mlir::Value value);
  /// The row's scalar of an input that addStatistic took.
  mlir::Value statistic(mlir::Value value);
  /// One element of an input in this row.
  mlir::Value element(mlir::Value value, mlir::Value column);
  /// Where this row of an input starts, and in which buffer.
  mlir::Value rowOffset(mlir::Value value) const { return bound_[*reads_.leafOf(value)].rowOffset; }
  mlir::Value bufferOf(mlir::Value value) const { return bound_[*reads_.leafOf(value)].buffer; }

  /// Runs body over the columns [low, high) of a row: whole vectors in a loop, then the rest under
  /// a mask. `low` is a multiple of the lanes, and so is `high` unless it is the row's end.
  void forColumns(mlir::Value low, mlir::Value high, const std::function<void(LanePoint &)> &body);
  /// The whole row.
  void forColumns(const std::function<void(LanePoint &)> &body);

  /// Stores lanes of a result (operand number `operand` of the entry) at `offset`.
  void store(mlir::Value lanes, unsigned operand, mlir::Value offset, mlir::Value mask);
  void storeScalar(mlir::Value scalar, unsigned operand, mlir::Value offset);
  mlir::Value buffer(unsigned operand) const { return operands_[operand]; }

private:
  /// A leaf of reads_ in the emitted code.
  struct Bound {
    mlir::Value buffer;
    mlir::Value rowOffset; // this row's
    mlir::Value spread;    // this row's, where all lanes are the same
  };

  mlir::Value rootBuffer(mlir::Value root);
  mlir::Value readLeaf(size_t number, const LanePoint &point);
  mlir::Value maskLanes(mlir::Operation *op, const LanePoint &point);
  mlir::Value fromMemory(mlir::Value lanes, mlir::Value root);
  mlir::Value placeholder(mlir::Value value);

  mlir::ImplicitLocOpBuilder &b_;
  const Target &target_;
  ir::KernelOp kernel_;
  BodyReads reads_;
  llvm::SmallVector<Bound> bound_;
  llvm::DenseMap<mlir::Value, RngWords> rng_;
  llvm::SmallVector<mlir::Value> operands_;
  mlir::Value row_;
  llvm::SmallVector<mlir::Value> rowIndices_; // of the collapsed axes but the innermost
};

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_LANEKERNEL_H
