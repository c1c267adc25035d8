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

} // namespace heddle::ir
