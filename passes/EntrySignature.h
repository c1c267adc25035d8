// SPDX-License-Identifier: Apache-2.0
// Changes the arguments and results of an entry function; ir/Conventions.h reads their names.

#ifndef HEDDLE_PASSES_ENTRYSIGNATURE_H
#define HEDDLE_PASSES_ENTRYSIGNATURE_H

#include "ir/Conventions.h"
#include "mlir/IR/BuiltinTypes.h"

namespace heddle::passes {

/// The arguments of an entry stand in the order params, states, inputs, scalars, rng. Both
/// insertions return the new argument; those found before keep their values but may have moved.
mlir::BlockArgument insertState(mlir::func::FuncOp function, mlir::RankedTensorType type,
                                llvm::StringRef name);
mlir::BlockArgument insertScalar(mlir::func::FuncOp function, mlir::RankedTensorType type,
                                 llvm::StringRef name);

/// Collects results, then makes them the function's.
class EntryResults {
public:
  explicit EntryResults(mlir::func::FuncOp function) : function_(function) {}
  void add(mlir::Value value, llvm::StringRef kind, llvm::StringRef name);
  /// Replaces the return's operands, the function's type and its result attributes.
  void finish();

private:
  mlir::func::FuncOp function_;
  llvm::SmallVector<mlir::Value> values_;
  llvm::SmallVector<mlir::DictionaryAttr> attributes_;
};

} // namespace heddle::passes

#endif // HEDDLE_PASSES_ENTRYSIGNATURE_H
