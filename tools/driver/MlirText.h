// SPDX-License-Identifier: Apache-2.0
// Text in our dialect becomes a module: bounded before MLIR's parser sees it, whose recursion has
// no bound of its own.

#ifndef HEDDLE_TOOLS_DRIVER_MLIRTEXT_H
#define HEDDLE_TOOLS_DRIVER_MLIRTEXT_H

#include <memory>
#include <string>

#include "mlir/IR/OwningOpRef.h"
#include "runtime/base/Status.h"

namespace mlir {
class Diagnostic;
class MLIRContext;
class ModuleOp;
} // namespace mlir

namespace heddle::tools {

/// A context that knows what a compilation needs: our dialect, functions, the gradient rules.
std::unique_ptr<mlir::MLIRContext> makeContext();

/// Bad input when the text is longer or nests deeper than runtime/base/Limits.h allows. Brackets of
/// all kinds count, outside of strings and comments; so do signs in a row, which MLIR reads by
/// recursion, too. Nor may there be an array of index, on which MLIR's parser crashes.
Status checkMlirText(const std::string &text, const std::string &origin);

/// The module, verified. What is wrong with it is bad input that names line and column.
StatusOr<mlir::OwningOpRef<mlir::ModuleOp>>
parseMlirText(const std::string &text, const std::string &origin, mlir::MLIRContext &context);

/// A diagnostic with its place in the text that the module came from, where it has one.
std::string describe(mlir::Diagnostic &diagnostic, const std::string &origin);

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_DRIVER_MLIRTEXT_H
