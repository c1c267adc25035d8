// SPDX-License-Identifier: Apache-2.0
// The kinds of ops that KernelForms.h names.
#include "ir/Dialect.h"
#include "ir/KernelForms.h"
#include "ir/ShapeRules.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace heddle::ir {

StringRef kernelFormName(KernelForm form) {
  switch (form) {
  case KernelForm::Gemm:
    return "gemm";
  case KernelForm::Map:
    return "map";
  case KernelForm::Row:
    return "row";
  case KernelForm::ColumnReduce:
    return "column_reduce";
  case KernelForm::Attention:
    return "attention";
  case KernelForm::AttentionGrad:
    return "attention_grad";
  case KernelForm::Single:
    return "single";
  }
  llvm_unreachable("unknown form");
}

bool isElementwiseOp(Operation *op) {
  return op->hasTrait<ElementwiseTrait>() || isa<DropoutOp>(op);
}

bool isViewOp(Operation *op) { return op->hasTrait<ViewTrait>(); }

bool isRowOp(Operation *op) {
  auto overLast = [](Value x, ArrayRef<int64_t> axes) {
    return axes == ArrayRef<int64_t>{tensorOf(x).getRank() - 1};
  };
  if (auto sum = dyn_cast<SumOp>(op))
    return overLast(sum.getX(), sum.getAxes());
  if (auto max = dyn_cast<MaxOp>(op))
    return overLast(max.getX(), max.getAxes());
  return isa<LayerNormOp, LayerNormGradOp, RmsNormOp, RmsNormGradOp, SoftmaxOp, SoftmaxGradOp,
             CrossEntropyOp, CrossEntropyGradOp>(op);
}

bool isColumnReduction(Operation *op) {
  if (isa<LayerNormParamGradOp, RmsNormParamGradOp>(op))
    return true;
  auto sum = dyn_cast<SumOp>(op);
  if (!sum || static_cast<int64_t>(sum.getAxes().size()) >= tensorOf(sum.getX()).getRank())
    return false;
  for (auto [position, axis] : llvm::enumerate(sum.getAxes()))
    if (axis != static_cast<int64_t>(position))
      return false;
  return true;
}

} // namespace heddle::ir
