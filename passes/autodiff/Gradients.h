// SPDX-License-Identifier: Apache-2.0
// Reverse-mode differentiation of a function of heddle ops.

#ifndef HEDDLE_PASSES_AUTODIFF_GRADIENTS_H
#define HEDDLE_PASSES_AUTODIFF_GRADIENTS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/Value.h"

namespace heddle::passes {

/// Attaches the gradient rules to the ops of the dialect, as external models of
/// DifferentiableOpInterface. Call it on the registry of every context that differentiates.
void registerGradients(mlir::DialectRegistry &registry);

/// Appends the gradient of `loss` by each of `wrt` at the end of the block that computes `loss`,
/// before its terminator.
///
/// `loss` is a scalar tensor computed in that block and `wrt` are values of floating-point type
/// that dominate it, block arguments as a rule. `seed` is the gradient that flows into `loss`, of
/// its type: the result is d(seed * loss)/d(wrt). A null seed means one. Returns one value per
/// `wrt`, of its type; null where it does not influence the loss (zeros are never made).
///
/// Only what lies between `wrt` and the loss is differentiated. The forward ops keep their order; a
/// composite op whose rule does not cover what is asked (an attention bias that needs a gradient, a
/// saved result that is used) or that has none is replaced by its decomposition first. An op
/// without a rule is an error at that op which names it and its layer; the block then holds valid
/// but unfinished code.
mlir::FailureOr<llvm::SmallVector<mlir::Value>>
differentiate(mlir::Value loss, llvm::ArrayRef<mlir::Value> wrt, mlir::Value seed = {});

/// gradient + addend for the accumulation of gradients: where `gradient` scatters rows into a
/// table, the scatter starts from `addend` and the sum costs no pass of its own.
mlir::Value accumulate(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value addend,
                       mlir::Value gradient);

} // namespace heddle::passes

#endif // HEDDLE_PASSES_AUTODIFF_GRADIENTS_H
