// SPDX-License-Identifier: Apache-2.0
// Chains of view ops in the IR as strided access.

#ifndef HEDDLE_IR_VIEWCHAIN_H
#define HEDDLE_IR_VIEWCHAIN_H

#include <optional>

#include "ir/StridedView.h"
#include "mlir/IR/Value.h"

namespace heddle::ir {

/// A value as a window on the dense buffer of `root`.
struct ViewOfRoot {
  mlir::Value root;
  StridedView view;
};

/// Walks up the chain of reshape, transpose, slice and broadcast that ends in `value`. Stops before
/// a reshape that is no strided access, so the root may itself be the result of a view op.
ViewOfRoot viewThroughChain(mlir::Value value);

/// Where a kernel stores the elements of `value` so that the dense buffer of `yielded` holds them:
/// the inverse of the chain of reshape, transpose and concat ops, each with one use, that leads
/// from `value` to `yielded`. Nothing when the chain is no strided access or has another op in it.
std::optional<StridedView> storeView(mlir::Value value, mlir::Value yielded);

} // namespace heddle::ir

#endif // HEDDLE_IR_VIEWCHAIN_H
