// SPDX-License-Identifier: Apache-2.0
// What the elementwise part of a kernel's body reads, and through which windows: the same for every
// target. No code is generated here.

#ifndef HEDDLE_CODEGEN_BODY_BODYREADS_H
#define HEDDLE_CODEGEN_BODY_BODYREADS_H

#include <string>

#include "codegen/body/IterationSpace.h"
#include "ir/Dialect.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"

namespace heddle::codegen {

/// Use: construct over the iteration shape; addLeaves() and addStatistic() for what is read; then
/// space().collapse(). The first error sticks: after it ok() is false and the rest means nothing.
class BodyReads {
public:
  /// A value that is read and not computed.
  struct Leaf {
    mlir::Value value;
    mlir::Value root;              // a block argument of the kernel, or a constant
    mlir::DenseElementsAttr splat; // a constant of one value: nothing to read
    size_t window = 0;             // of the space, on the root's dense buffer
    bool statistic = false;        // one element per row
  };

  /// `reason`, if given, gets the first error.
  BodyReads(std::vector<int64_t> shape, std::string *reason)
      : space_(std::move(shape)), reason_(reason) {}

  bool ok() const { return ok_; }
  void fail(const std::string &reason);

  IterationSpace &space() { return space_; }
  const IterationSpace &space() const { return space_; }

  /// Registers what must be read to evaluate `value`; stops at values in `computed` (results of the
  /// kernel's anchor).
  void addLeaves(mlir::Value value, mlir::ValueRange computed = {});
  /// Registers an input read through a view of the iteration shape that the caller made.
  void addLeaf(mlir::Value value, mlir::Value root, const ir::StridedView &view);
  /// Registers an input with one element per row (or one in all).
  void addStatistic(mlir::Value value);

  llvm::ArrayRef<Leaf> leaves() const { return leaves_; }
  /// The number of a value among the leaves.
  std::optional<size_t> leafOf(mlir::Value value) const;
  bool isLeaf(mlir::Value value) const { return leafOf_.count(value); }
  /// States of random numbers that dropouts read, in the order in which they turned up.
  llvm::ArrayRef<mlir::Value> randomStates() const { return randomStates_; }

private:
  void addLeaf(mlir::Value value, bool statistic);
  std::optional<ir::StridedView> fit(ir::StridedView view, bool statistic) const;

  IterationSpace space_;
  std::string *reason_;
  bool ok_ = true;
  llvm::SmallVector<Leaf> leaves_;
  llvm::DenseMap<mlir::Value, size_t> leafOf_;
  llvm::SmallVector<mlir::Value> randomStates_;
};

/// causal_mask and length_mask.
bool isMaskOp(mlir::Operation *op);

/// The block argument whose buffer holds a state of random numbers from its start, or nothing.
std::optional<unsigned> randomStateArgument(mlir::Value rng);

/// The shapes under which the full values of a kernel around `anchor` occur, that of the anchor's
/// first operand first: they differ in how the leading axes are split, and an input may be a
/// strided view under one of them only.
std::vector<std::vector<int64_t>> iterationShapes(ir::KernelOp kernel, mlir::Operation *anchor);

/// The axes that a reduction over leading axes sums, in one of those shapes: the first `axes`, of
/// `rows` elements; between them and the columns are `outer` more.
struct LeadingReduction {
  size_t axes = 0;
  int64_t rows = 1, outer = 1;
};
/// Nothing where `shape` splits the axes in another way. `anchor` is an ir::isColumnReduction.
std::optional<LeadingReduction> leadingReduction(mlir::Operation *anchor,
                                                 const std::vector<int64_t> &shape);

/// The value under reshapes, which rename but do not move elements.
mlir::Value underReshapes(mlir::Value value);

/// What a map kernel stores for a yielded value: a computed one under concluding reshapes, or a
/// view of an input as it is.
mlir::Value storedValue(mlir::Value yielded);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_BODY_BODYREADS_H
