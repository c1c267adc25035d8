// SPDX-License-Identifier: Apache-2.0
// What an entry's inputs of integers are known to hold, as attributes of the function's arguments.

#ifndef HEDDLE_IR_INPUTFACTS_H
#define HEDDLE_IR_INPUTFACTS_H

#include <optional>

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace heddle::ir {

/// Values are below this number.
inline constexpr llvm::StringLiteral kEndAttr = "heddle.end";
/// The value that stands for padding. What it looks up in a table learns nothing from it: the
/// table's gradient leaves such look-ups out. `position_ids` that nobody gives count the tokens of
/// `input_ids` that are not this value, and go on from it.
inline constexpr llvm::StringLiteral kPaddingAttr = "heddle.padding";

/// One of the above; nothing where the argument does not have it.
std::optional<int64_t> inputFact(mlir::func::FuncOp function, unsigned index,
                                 llvm::StringRef attribute);
void setInputFact(mlir::func::FuncOp function, unsigned index, llvm::StringRef attribute,
                  int64_t value);

/// The padding among `ids` where they are an argument that says so.
std::optional<int64_t> paddingOf(mlir::Value ids);

} // namespace heddle::ir

#endif // HEDDLE_IR_INPUTFACTS_H
