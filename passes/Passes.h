// SPDX-License-Identifier: Apache-2.0
// All passes: their factories (createFuseAttentionPass, ...), options and registration, generated
// from Passes.td. Pipelines.h strings them together.

#ifndef HEDDLE_PASSES_PASSES_H
#define HEDDLE_PASSES_PASSES_H

#include <memory>

#include "ir/Dialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace heddle::passes {

#define GEN_PASS_DECL
#include "passes/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"

/// Makes all passes and pipelines known to MLIR's option parser, for heddle-opt. Idempotent.
void registerPasses();

} // namespace heddle::passes

#endif // HEDDLE_PASSES_PASSES_H
