// SPDX-License-Identifier: Apache-2.0
#include "codegen/cuda/kernels/TableText.h"

#include "codegen/cuda/kernels/TextWriter.h"

using namespace mlir;

namespace heddle::codegen {

std::string memoryType(Type type) {
  if (type.isF64())
    return "double";
  if (type.isF32())
    return "float";
  if (type.isInteger(64))
    return "long long";
  if (type.isInteger(32))
    return "int";
  return type.isInteger(1) ? "u8" : "u16";
}

std::string registerType(Type type) { return type.isInteger(1) ? "bool" : memoryType(type); }

std::string elementLiteral(Type type, Attribute value) {
  if (auto number = dyn_cast<FloatAttr>(value)) {
    double x = number.getValueAsDouble();
    if (type.isBF16())
      return "(u16)" + std::to_string(number.getValue().bitcastToAPInt().getZExtValue());
    return type.isF64() ? "(double)" + floatLiteral(x) : floatLiteral(x);
  }
  APInt integer = mlir::cast<IntegerAttr>(value).getValue();
  if (type.isInteger(1))
    return integer.isZero() ? "false" : "true";
  if (integer.isMinSignedValue()) // has no literal of its own
    return type.isInteger(64) ? "(-9223372036854775807ll - 1)" : "(-2147483647 - 1)";
  return std::to_string(integer.getSExtValue()) + (type.isInteger(64) ? "ll" : "");
}

std::string TableText::add(const std::string &type, const std::string &values) {
  std::string name = kernelName_ + "_table" + std::to_string(count_++);
  text_ += "GK_TABLE(" + type + ", " + name + ") = {" + values + "};\n";
  return name;
}

std::string TableText::add(ArrayRef<double> values) {
  std::string text;
  for (double value : values) {
    char number[40];
    std::snprintf(number, sizeof(number), "%.17g", value);
    text += (text.empty() ? "" : ", ") + std::string(number);
  }
  return add("double", text);
}

std::string TableText::nameOf(Value constant) {
  std::string &name = names_[constant];
  if (!name.empty())
    return name;
  auto elements = cast<DenseElementsAttr>(constant.getDefiningOp<ir::ConstantOp>().getValue());
  Type type = elements.getElementType();
  std::string values;
  for (Attribute element : elements.getValues<Attribute>())
    values += (values.empty() ? "" : ", ") + elementLiteral(type, element);
  return name = add(memoryType(type), values);
}

} // namespace heddle::codegen
