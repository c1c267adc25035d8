// SPDX-License-Identifier: Apache-2.0
// What an entry's inputs of integers are known to hold, as attributes of the function's arguments.

#ifndef HEDDLE_IR_INPUTFACTS_H
#define HEDDLE_IR_INPUTFACTS_H

#include <optional>

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace heddle::ir {

/// Values are below this number.
inline constexpr llvm::StringLiteral kEndAttr = "heddle.end";
/// Of position_ids: those that nobody gives count the tokens of `input_ids` that are not this id,
/// and go on from it; tokens of this id stand at it.
inline constexpr llvm::StringLiteral kPaddingAttr = "heddle.padding";

/// One of the above; nothing where the argument does not have it.
std::optional<int64_t> inputFact(mlir::func::FuncOp function, unsigned index,
                                 llvm::StringRef attribute);
void setInputFact(mlir::func::FuncOp function, unsigned index, llvm::StringRef attribute,
                  int64_t value);

} // namespace heddle::ir

#endif // HEDDLE_IR_INPUTFACTS_H
