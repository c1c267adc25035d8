// SPDX-License-Identifier: Apache-2.0
// The single steps of a reduction. Each makes a module smaller in place and keeps it well-formed; a
// step that cannot be taken returns false, and the module may then be left half edited: edit
// copies.

#ifndef HEDDLE_TOOLS_HEDDLEREDUCE_EDITS_H
#define HEDDLE_TOOLS_HEDDLEREDUCE_EDITS_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace heddle::tools {

/// All ops but the module, functions and terminators, those in kernels' bodies included, in order.
std::vector<mlir::Operation *> reducibleOps(mlir::ModuleOp module);

/// Erases ops [first, first + count) of reducibleOps(). What others read of their results becomes
/// an argument of the function, and of the kernel for ops in a kernel's body.
bool cutOps(mlir::ModuleOp module, size_t first, size_t count);

/// Op `index` of reducibleOps() gives way to an operand of its result's type.
bool bypassOp(mlir::ModuleOp module, size_t index, size_t operand);

/// Puts the ops of a kernel's body in its place.
bool inlineKernel(mlir::ModuleOp module, size_t index);

bool dropFunction(mlir::ModuleOp module, size_t index);

/// Erases results [first, first + count) of function `index`, and what only they needed.
bool dropResults(mlir::ModuleOp module, size_t index, size_t first, size_t count);

/// Function `index` returns, in place of result `result`, what the op that makes it reads of other
/// ops: the last op of a chain goes, what it joined stays.
bool peelResult(mlir::ModuleOp module, size_t index, size_t result);

/// Erases pure ops and arguments (of functions, of kernels) that nothing reads.
void dropUnused(mlir::ModuleOp module);

/// Erases attributes that no op's definition names, and locations.
bool dropNotes(mlir::ModuleOp module);

/// The text with every axis of `size` elements given `smaller` ones, in types and in lists of
/// sizes; nothing when there is no such axis. May be ill-formed: parse and verify it.
std::optional<std::string> shrinkAxis(const std::string &text, int64_t size, int64_t smaller);
/// The sizes of axes in a text, each once, largest first.
std::vector<int64_t> axisSizes(const std::string &text);

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_HEDDLEREDUCE_EDITS_H
