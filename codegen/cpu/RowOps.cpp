// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/RowOps.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

/// Optional operands that are there.
SmallVector<Value> present(std::initializer_list<Value> values) {
  SmallVector<Value> result;
  for (Value value : values)
    if (value)
      result.push_back(value);
  return result;
}

RowOutcome emitReduction(RowPasses &passes, Operation *op) {
  bool isSum = isa<ir::SumOp>(op);
  Value x = op->getOperand(0);
  Value result = passes.reduce({isSum ? Reduction::Sum : Reduction::Max}, 4, [&](LanePoint &point) {
    return SmallVector<Term>{{passes.lanes(point, x), {}}};
  })[0];
  return {{}, {{op->getResult(0), result}}};
}

} // namespace

RowOperands rowOperandsOf(Operation *op) {
  using Result = RowOperands;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case([](ir::LayerNormOp o) {
        return Result{{o.getX()}, present({o.getGamma(), o.getBeta()}), {}};
      })
      .Case([](ir::LayerNormGradOp o) {
        return Result{{o.getDy(), o.getX()}, present({o.getGamma()}), {o.getMean(), o.getRstd()}};
      })
      .Case([](ir::RmsNormOp o) { return Result{{o.getX()}, present({o.getGamma()}), {}}; })
      .Case([](ir::RmsNormGradOp o) {
        return Result{{o.getDy(), o.getX()}, present({o.getGamma()}), {o.getRstd()}};
      })
      .Case([](ir::SoftmaxOp o) { return Result{{o.getX()}, {}, {}, /*keepsRow=*/true}; })
      .Case([](ir::SoftmaxGradOp o) { return Result{{o.getY(), o.getDy()}, {}, {}}; })
      .Case([](ir::CrossEntropyOp o) { return Result{{o.getLogits()}, {}, {o.getTargets()}}; })
      .Case([](ir::CrossEntropyGradOp o) {
        return Result{{o.getLogits()}, {}, {o.getTargets(), o.getLse(), o.getDlosses()}};
      })
      .Default([](Operation *o) { return Result{{o->getOperand(0)}, {}, {}}; });
}

Value fullResultOf(Operation *op) {
  if (isa<ir::CrossEntropyOp, ir::SumOp, ir::MaxOp>(op))
    return {};
  return op->getResult(0);
}

RowOutcome emitRowOp(RowPasses &passes, Operation *op) {
  if (isa<ir::SumOp, ir::MaxOp>(op))
    return emitReduction(passes, op);
  if (isa<ir::LayerNormOp, ir::LayerNormGradOp, ir::RmsNormOp, ir::RmsNormGradOp>(op))
    return emitNorm(passes, op);
  return emitSoftmaxOrLoss(passes, op);
}

} // namespace heddle::codegen
