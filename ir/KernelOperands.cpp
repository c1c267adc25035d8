// SPDX-License-Identifier: Apache-2.0
// In which layouts ops with loops of their own read and store, as KernelForms.h promises.
#include <algorithm>

#include "ir/Dialect.h"
#include "ir/KernelForms.h"
#include "ir/ShapeRules.h"
#include "ir/ViewChain.h"

using namespace mlir;

namespace heddle::ir {
namespace {

/// From the laxest to the strictest: a value that an op reads in two ways is read in the stricter.
enum class Layout {
  /// Any strided access, or a splat constant.
  Any,
  /// Any strided access to a buffer.
  Strided,
  /// Neighbours along the last axis are neighbours in memory, or one and the same.
  RowsOrSpread,
  /// Neighbours along the last axis are neighbours in memory.
  Rows,
  /// A whole buffer, in order.
  Whole,
};

Layout attentionLayout(Operation *op, unsigned number) {
  const bool isGrad = isa<AttentionGradOp>(op);
  if (number < (isGrad ? 6 : 3)) // q, k, v, o, lse, d_o
    return number == 4 ? Layout::Whole : number == 0 && !isGrad ? Layout::Strided : Layout::Rows;
  // Behind these a bias is the only float.
  return isa<FloatType>(elementOf(op->getOperand(number))) ? Layout::RowsOrSpread : Layout::Whole;
}

Layout layoutAt(Operation *op, unsigned number) {
  if (isa<AttentionOp, AttentionGradOp>(op))
    return attentionLayout(op, number);
  if (isa<AdamWOp>(op)) // behind param, gradient, m, v: hyper, gradient_scale
    return number < 4 ? Layout::Any : Layout::Whole;
  if (isa<GlobalNormOp, NormOfPartialsOp>(op))
    return Layout::Whole;
  if (isa<LengthMaskOp>(op))
    return Layout::Strided;
  if (isa<DropoutOp>(op)) // x, rng
    return number == 0 ? Layout::Any : Layout::Whole;
  return Layout::Any;
}

Layout layoutOf(Operation *op, Value operand) {
  Layout strictest = Layout::Any;
  for (OpOperand &use : op->getOpOperands())
    if (use.get() == operand)
      strictest = std::max(strictest, layoutAt(op, use.getOperandNumber()));
  return strictest;
}

/// Along an axis of one element the stride says nothing.
bool hasRows(const StridedView &view) {
  return view.sizes.empty() || view.sizes.back() == 1 || view.strides.back() == 1;
}
bool isSpread(const StridedView &view) { return !view.sizes.empty() && view.strides.back() == 0; }

} // namespace

bool isReadInPlace(Operation *op, Value operand) {
  const Layout layout = layoutOf(op, operand);
  if (layout == Layout::Any)
    return true;
  ViewOfRoot source = viewThroughChain(operand);
  Operation *root = source.root.getDefiningOp();
  if (root && (isViewOp(root) || isa<ConstantOp>(root)))
    return false;
  switch (layout) {
  case Layout::RowsOrSpread:
    return hasRows(source.view) || isSpread(source.view);
  case Layout::Rows:
    return hasRows(source.view);
  case Layout::Whole:
    return source.view.isDense() && source.view.offset == 0;
  default:
    return true;
  }
}

std::optional<StridedView> attentionStore(OpResult result, Value yielded) {
  std::optional<StridedView> view = storeView(result, yielded);
  if (!view)
    return std::nullopt;
  const bool isLse = isa<AttentionOp>(result.getOwner()) && result.getResultNumber() == 1;
  const bool fits = isLse ? view->isDense() && view->offset == 0 : hasRows(*view);
  return fits ? view : std::nullopt;
}

} // namespace heddle::ir
