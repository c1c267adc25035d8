// SPDX-License-Identifier: Apache-2.0
// Where the tensors of a planned function live: reads what heddle-plan-memory wrote into the IR.

#ifndef HEDDLE_IR_BUFFERASSIGNMENT_H
#define HEDDLE_IR_BUFFERASSIGNMENT_H

#include <cstdint>
#include <vector>

#include "ir/Dialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace heddle::ir {

/// Bytes of a dense tensor of this type; an i1 takes one byte.
int64_t byteSize(mlir::RankedTensorType type);

/// A place in memory: `byteOffset` bytes into the arena, into the buffer of argument or result
/// number `index`, or into constant number `index` (of BufferAssignment::constants).
struct BufferRef {
  enum class Space { Arena, Argument, Result, Constant };
  Space space = Space::Arena;
  int64_t index = 0;
  int64_t byteOffset = 0;

  bool operator==(const BufferRef &) const = default;
};

/// The memory of one planned function: kernels (heddle.kernel), aliases (reshape; slice and concat
/// along the leading axis), constants and the return.
///
/// A planned kernel says in `offsets` where its results start in the arena; -1 stands for memory of
/// the caller. Which: the discardable attribute `heddle.arguments` (one number a result, absent
/// when all are -1) names the argument whose buffer the result is written into; where that is -1
/// too, the result is, or is part of, a result of the function. Views the IR, which must not change
/// while this lives. Not thread-safe.
class BufferAssignment {
public:
  explicit BufferAssignment(mlir::func::FuncOp planned);

  /// Where the dense row-major elements of `value`, a value at the top level of the function, lie.
  BufferRef lookup(mlir::Value value) const;

  /// The constants that stand at the top level, in order.
  mlir::ArrayRef<ConstantOp> constants() const { return constants_; }

  /// The argument whose buffer holds result `index` of the function, or -1 for a buffer of its own.
  int64_t aliasedArgument(unsigned index) const;

private:
  BufferRef lookupStored(mlir::OpResult kernelResult) const;

  mlir::func::FuncOp function_;
  mlir::SmallVector<ConstantOp> constants_;
};

/// The discardable attribute of planned kernels described above.
inline constexpr llvm::StringLiteral kArgumentsAttr = "heddle.arguments";

/// The bytes before the window of a slice along the leading axis; the offset of part `part` of a
/// concat along the leading axis. Nothing when the op is no such alias.
std::optional<int64_t> leadingSliceOffset(SliceOp slice);
std::optional<int64_t> leadingConcatOffset(ConcatOp concat, unsigned part);

} // namespace heddle::ir

#endif // HEDDLE_IR_BUFFERASSIGNMENT_H
