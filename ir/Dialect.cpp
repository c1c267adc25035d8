// SPDX-License-Identifier: Apache-2.0
#include "ir/Dialect.h"

using namespace mlir;
using namespace heddle::ir;

#include "ir/Enums.cpp.inc"
#include "ir/Interfaces.cpp.inc"

#include "ir/Dialect.cpp.inc"

void HeddleDialect::initialize() { registerHeddleDialectOperations(this); }

Operation *HeddleDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type,
                                              Location location) {
  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || Type(elements.getShapedType()) != type)
    return nullptr;
  return ConstantOp::create(builder, location, elements);
}
