// SPDX-License-Identifier: Apache-2.0
#include "ir/ViewChain.h"

#include "ir/Dialect.h"

using namespace mlir;

namespace heddle::ir {
namespace {

std::vector<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape().vec();
}

std::vector<int64_t> inverse(ArrayRef<int64_t> permutation) {
  std::vector<int64_t> result(permutation.size());
  for (auto [position, axis] : llvm::enumerate(permutation))
    result[axis] = position;
  return result;
}

/// The view of `op`'s result, given the view of its operand.
std::optional<StridedView> applyView(Operation *op, const StridedView &operand) {
  std::vector<int64_t> shape = shapeOf(op->getResult(0));
  if (auto transpose = dyn_cast<TransposeOp>(op))
    return operand.transposed(transpose.getPermutation().vec());
  if (auto slice = dyn_cast<SliceOp>(op))
    return operand.sliced(slice.getOffsets().vec(), slice.getSizes().vec());
  if (isa<BroadcastOp>(op))
    return operand.broadcastTo(shape);
  return operand.reshaped(shape);
}

} // namespace

ViewOfRoot viewThroughChain(Value value) {
  SmallVector<Operation *> chain;
  for (Operation *op = value.getDefiningOp(); op && op->hasTrait<ViewTrait>();
       op = op->getOperand(0).getDefiningOp())
    chain.push_back(op);
  // The whole chain may be no strided access while its lower part is one.
  for (size_t length = chain.size();; --length) {
    Value root = length == 0 ? value : chain[length - 1]->getOperand(0);
    std::optional<StridedView> view = StridedView::dense(shapeOf(root));
    for (size_t i = length; view && i-- > 0;)
      view = applyView(chain[i], *view);
    if (view)
      return {root, *view};
  }
}

std::optional<StridedView> storeView(Value value, Value yielded) {
  SmallVector<OpOperand *> chain;
  while (value != yielded) {
    // Only the uses that lead to `yielded` matter; a value with one use has one way.
    if (!value.hasOneUse())
      return std::nullopt;
    OpOperand &use = *value.use_begin();
    if (!isa<ReshapeOp, TransposeOp, ConcatOp>(use.getOwner()))
      return std::nullopt;
    chain.push_back(&use);
    value = use.getOwner()->getResult(0);
  }
  StridedView view = StridedView::dense(shapeOf(yielded));
  for (OpOperand *use : llvm::reverse(chain)) {
    Operation *op = use->getOwner();
    std::vector<int64_t> shape = shapeOf(use->get());
    if (auto transpose = dyn_cast<TransposeOp>(op)) {
      view = view.transposed(inverse(transpose.getPermutation()));
    } else if (auto concat = dyn_cast<ConcatOp>(op)) {
      std::vector<int64_t> offsets(shape.size(), 0);
      for (unsigned i = 0; i < use->getOperandNumber(); ++i)
        offsets[concat.getAxis()] += shapeOf(concat.getParts()[i])[concat.getAxis()];
      view = view.sliced(offsets, shape);
    } else if (std::optional<StridedView> reshaped = view.reshaped(shape)) {
      view = *reshaped;
    } else {
      return std::nullopt;
    }
  }
  return view;
}

} // namespace heddle::ir
