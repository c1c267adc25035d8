// SPDX-License-Identifier: Apache-2.0
#include "ir/InputFacts.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace heddle::ir {

std::optional<int64_t> inputFact(func::FuncOp function, unsigned index, StringRef attribute) {
  auto number = function.getArgAttrOfType<IntegerAttr>(index, attribute);
  return number ? std::optional<int64_t>(number.getInt()) : std::nullopt;
}

void setInputFact(func::FuncOp function, unsigned index, StringRef attribute, int64_t value) {
  function.setArgAttr(index, attribute, Builder(function.getContext()).getI64IntegerAttr(value));
}

std::optional<int64_t> paddingOf(Value ids) {
  auto argument = dyn_cast<BlockArgument>(ids);
  auto function =
      argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp()) : func::FuncOp();
  return function ? inputFact(function, argument.getArgNumber(), kPaddingAttr) : std::nullopt;
}

} // namespace heddle::ir
