// SPDX-License-Identifier: Apache-2.0
// The gradients that have flowed into each value so far.

#ifndef HEDDLE_PASSES_AUTODIFF_ADJOINTS_H
#define HEDDLE_PASSES_AUTODIFF_ADJOINTS_H

#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"

namespace heddle::passes::autodiff {

/// Collects one gradient per use of a value and sums them when the value's own op is due.
///
/// Contributions are kept apart until then because their sum often has a cheaper form than adds:
/// slices that tile a tensor give one concat instead of padded tensors, and a table's lookup
/// gradient scatters onto what the other uses gave.
class Adjoints {
public:
  /// A gradient, of `value`'s type, that flows into `value` through one of its uses.
  void add(mlir::Value value, mlir::Value gradient) { contributions_[value].push_back(gradient); }

  /// The sum of what flowed into `value`, built at the builder's insertion point; null when nothing
  /// did. Removes the contributions.
  mlir::Value take(mlir::OpBuilder &builder, mlir::Value value);

private:
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Value, 2>> contributions_;
};

} // namespace heddle::passes::autodiff

#endif // HEDDLE_PASSES_AUTODIFF_ADJOINTS_H
