// SPDX-License-Identifier: Apache-2.0
// The names by which the parts of the house find a function's arguments and results. One function
// per entry (`@forward`, `@step`...); each argument carries `heddle.kind` and `heddle.name`, each
// result too. A result of kind param or state is the new value of the argument of that name.

#ifndef HEDDLE_IR_CONVENTIONS_H
#define HEDDLE_IR_CONVENTIONS_H

#include <optional>
#include <string>
#include <vector>

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace heddle::ir {

inline constexpr llvm::StringLiteral kKindAttr = "heddle.kind";
inline constexpr llvm::StringLiteral kNameAttr = "heddle.name";
/// On a parameter: it gets no gradient and training leaves it as it is.
inline constexpr llvm::StringLiteral kFrozenAttr = "heddle.frozen";

inline constexpr llvm::StringLiteral kKindParam = "param";
inline constexpr llvm::StringLiteral kKindState = "state";
inline constexpr llvm::StringLiteral kKindInput = "input";
inline constexpr llvm::StringLiteral kKindScalar = "scalar";
inline constexpr llvm::StringLiteral kKindRng = "rng";
inline constexpr llvm::StringLiteral kKindOutput = "output";

/// Whether an argument is a parameter that training may change.
bool isTrainable(mlir::func::FuncOp function, unsigned index);

/// Prefixes of state names; the parameter's or layer's name follows.
inline constexpr llvm::StringLiteral kAdamM = "adam.m.";
inline constexpr llvm::StringLiteral kAdamV = "adam.v.";
inline constexpr llvm::StringLiteral kGradient = "grad.";
inline constexpr llvm::StringLiteral kCacheK = "cache.k.";
inline constexpr llvm::StringLiteral kCacheV = "cache.v.";
/// Keys and values of the source that a decoder attends to.
inline constexpr llvm::StringLiteral kCrossCacheK = "cache.cross_k.";
inline constexpr llvm::StringLiteral kCrossCacheV = "cache.cross_v.";

/// On a module: the stage of the pipeline (passes/Pipelines.h) that it has been through. Text that
/// carries it is compiled on from there.
inline constexpr llvm::StringLiteral kStageAttr = "heddle.stage";
/// The stage at which a reproducer of code generation stands.
inline constexpr llvm::StringLiteral kKernelsStage = "kernels";

/// Empty where the attribute is missing.
llvm::StringRef argumentKind(mlir::func::FuncOp function, unsigned index);
llvm::StringRef argumentName(mlir::func::FuncOp function, unsigned index);
llvm::StringRef resultKind(mlir::func::FuncOp function, unsigned index);
llvm::StringRef resultName(mlir::func::FuncOp function, unsigned index);

void setArgumentNames(mlir::func::FuncOp function, unsigned index, llvm::StringRef kind,
                      llvm::StringRef name);
void setResultNames(mlir::func::FuncOp function, unsigned index, llvm::StringRef kind,
                    llvm::StringRef name);

/// Gives arguments and results without a name the first free ones of arg0, arg1, ..., result0, ...,
/// and those without a kind the kind input or output: IR by hand runs, too. Returns the names
/// given, as "argument 0: arg0".
std::vector<std::string> nameTheNameless(mlir::func::FuncOp function);

/// The index of the argument or result of that name.
std::optional<unsigned> findArgument(mlir::func::FuncOp function, llvm::StringRef name);
std::optional<unsigned> findResult(mlir::func::FuncOp function, llvm::StringRef name);

} // namespace heddle::ir

#endif // HEDDLE_IR_CONVENTIONS_H
