// SPDX-License-Identifier: Apache-2.0
#include "passes/InPlace.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {
namespace {

RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

bool isElementwise(Operation *op) { return op->hasTrait<ElementwiseTrait>() || isa<DropoutOp>(op); }

/// Ops that compute a row of the last axis from rows of their operands.
bool isRowOp(Operation *op) {
  if (auto sum = dyn_cast<SumOp>(op))
    return sum.getAxes() == ArrayRef<int64_t>{tensorType(sum.getX()).getRank() - 1};
  if (auto max = dyn_cast<MaxOp>(op))
    return max.getAxes() == ArrayRef<int64_t>{tensorType(max.getX()).getRank() - 1};
  return isa<SoftmaxOp, SoftmaxGradOp, LayerNormOp, LayerNormGradOp, RmsNormOp, RmsNormGradOp,
             CrossEntropyOp, CrossEntropyGradOp>(op);
}

/// Ops that neither compute elements from elements nor only move or make them.
bool isAnchor(Operation *op) {
  return !isElementwise(op) && !op->hasTrait<ViewTrait>() &&
         !isa<ConstantOp, CausalMaskOp, LengthMaskOp, YieldOp>(op);
}

/// The operand numbers that an op overwrites by its own definition, by result number.
bool overwritesByDefinition(Operation *op, unsigned operand, unsigned result) {
  if (isa<AdamWOp>(op)) // param, gradient, m, v -> param, m, v
    return (operand == 0 && result == 0) || (operand == 2 && result == 1) ||
           (operand == 3 && result == 2);
  if (isa<CacheUpdateOp>(op))
    return operand == 0;
  if (auto scatter = dyn_cast<EmbeddingGradOp>(op))
    return scatter.getInit() && operand == 2;
  return false;
}

bool sameElement(Value from, Value to) {
  return tensorType(from).getNumElements() == tensorType(to).getNumElements();
}

/// Whether everything computed from `argument` keeps its element (in map and gemm kernels) or its
/// row (in row kernels) all the way to the yields.
bool staysInPlace(BlockArgument argument, Operation *anchor) {
  llvm::SetVector<Value> reached;
  reached.insert(argument);
  for (size_t i = 0; i < reached.size(); ++i) {
    Value value = reached[i];
    for (Operation *user : value.getUsers()) {
      if (isa<YieldOp>(user))
        continue;
      if (isa<ReshapeOp>(user)) {
        reached.insert(user->getResult(0));
        continue;
      }
      if (isElementwise(user)) {
        if (!sameElement(value, user->getResult(0)))
          return false;
        reached.insert(user->getResult(0));
        continue;
      }
      if (user != anchor || !isRowOp(user) ||
          tensorType(value).getShape() != tensorType(user->getOperand(0)).getShape())
        return false;
      // Statistics of a row have another size; what is made of them stays in the row.
      for (Value result : user->getResults())
        if (sameElement(value, result))
          reached.insert(result);
    }
  }
  return true;
}

/// Whether element i of the yielded value is element i of what an elementwise or row op computed.
bool storedInOrder(Value yielded) {
  while (auto reshape = yielded.getDefiningOp<ReshapeOp>())
    yielded = reshape.getX();
  Operation *op = yielded.getDefiningOp();
  return !op || !op->hasTrait<ViewTrait>();
}

} // namespace

bool mayShareBuffer(KernelOp kernel, unsigned input, unsigned result) {
  Block &body = kernel.getBody().front();
  BlockArgument argument = body.getArgument(input);
  Value yielded = cast<YieldOp>(body.getTerminator()).getValues()[result];
  if (tensorType(argument).getElementType() != tensorType(yielded).getElementType() ||
      !sameElement(argument, yielded))
    return false;

  SmallVector<Operation *> anchors;
  for (Operation &op : body)
    if (isAnchor(&op))
      anchors.push_back(&op);
  if (anchors.size() > 1)
    return false;
  Operation *anchor = anchors.empty() ? nullptr : anchors.front();
  if (auto produced = yielded.getDefiningOp(); produced && produced == anchor) {
    if (argument.hasOneUse() && argument.use_begin()->getOwner() == anchor &&
        overwritesByDefinition(anchor, argument.use_begin()->getOperandNumber(),
                               cast<OpResult>(yielded).getResultNumber()))
      return true;
  }
  if (anchor && !isa<MatmulOp>(anchor) && !isRowOp(anchor))
    return false;
  return storedInOrder(yielded) && staysInPlace(argument, anchor);
}

} // namespace heddle::passes
