// SPDX-License-Identifier: Apache-2.0
// A small decoder with everything that makes training graphs hard, as @train_loss.

#ifndef HEDDLE_TESTS_PASSES_TINYTRANSFORMER_H
#define HEDDLE_TESTS_PASSES_TINYTRANSFORMER_H

#include <map>
#include <string>
#include <vector>

#include "ir/interpreter/Tensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace heddle::passes {

/// A context with the dialects and gradient rules of these tests.
mlir::MLIRContext &testContext();

/// A module with `@train_loss`: two layers (layer norm, merged q k v, causal attention with
/// dropout, residual, GELU FFN; then RMS norm, RoPE, grouped queries from separate weights, gated
/// FFN), learned positions, and a head that is tied to the embedding. f32, kinds and names as in an
/// entry.
mlir::OwningOpRef<mlir::ModuleOp> buildTinyTransformer();

/// Values for the arguments of a function, by `heddle.name`. Those not in `known` are made up:
/// small random parameters, ids below the vocabulary, two ignored targets, zero states,
/// hyper-parameters of AdamW's first step, no clipping, a loss scale of one.
using NamedTensors = std::map<std::string, ir::TensorRef>;
std::vector<ir::TensorRef> argumentsOf(mlir::func::FuncOp function, const NamedTensors &known = {});

/// Evaluates the function; results by `heddle.name`. Adds a test failure when it cannot.
NamedTensors evaluateNamed(mlir::func::FuncOp function,
                           const std::vector<ir::TensorRef> &arguments);

} // namespace heddle::passes

#endif // HEDDLE_TESTS_PASSES_TINYTRANSFORMER_H
