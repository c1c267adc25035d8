// SPDX-License-Identifier: Apache-2.0
#include "codegen/cuda/kernels/InputText.h"

#include "codegen/cuda/kernels/TextWriter.h"
#include "ir/ViewChain.h"

using namespace mlir;

namespace heddle::codegen::cuda {

std::optional<InputText> InputText::of(Value value, const FormInput &input) {
  ir::ViewOfRoot source = ir::viewThroughChain(value);
  InputText result;
  result.view_ = source.view;
  if (auto argument = dyn_cast<BlockArgument>(source.root)) {
    result.buffer_ = "in" + std::to_string(argument.getArgNumber());
  } else if (source.root.getDefiningOp<ir::ConstantOp>()) {
    result.buffer_ = input.tables.nameOf(source.root);
  } else {
    *input.reason = "an operand is no strided view of an input";
    return std::nullopt;
  }
  return result;
}

std::string InputText::offset(ArrayRef<std::string> axes) const {
  std::string text = "0";
  for (size_t axis = 0; axis < axes.size(); ++axis)
    text = sumText(text, productText(axes[axis], view_.strides[axis]));
  return sumText(text, std::to_string(view_.offset));
}

} // namespace heddle::codegen::cuda
