// SPDX-License-Identifier: Apache-2.0
#include "ir/TensorBuilder.h"

using namespace mlir;

namespace heddle::ir {

Value TensorBuilder::scalar(Type element, double value) {
  auto type = RankedTensorType::get({}, element);
  Attribute attribute = isa<FloatType>(element)
                            ? Attribute(FloatAttr::get(element, value))
                            : Attribute(IntegerAttr::get(element, static_cast<int64_t>(value)));
  return make<ConstantOp>(DenseElementsAttr::get(type, attribute));
}

Value TensorBuilder::reshape(Value x, ArrayRef<int64_t> shape) {
  if (dimsOf(x) == shape)
    return x;
  return make<ReshapeOp>(RankedTensorType::get(shape, elementOf(x)), x);
}

Value TensorBuilder::cast(Value x, Type element) {
  if (elementOf(x) == element)
    return x;
  return make<CastOp>(tensorOf(x).clone(element), x);
}

Value TensorBuilder::matmul(Value a, Value b, bool transposeA, bool transposeB) {
  return make<MatmulOp>(a, b, transposeA, transposeB);
}

Value TensorBuilder::sumLast(Value x) {
  return make<SumOp>(x, ArrayRef<int64_t>{tensorOf(x).getRank() - 1});
}

Value TensorBuilder::maxLast(Value x) {
  return make<MaxOp>(x, ArrayRef<int64_t>{tensorOf(x).getRank() - 1});
}

Value TensorBuilder::meanLast(Value x) {
  return scale(sumLast(x), 1.0 / static_cast<double>(dimsOf(x).back()));
}

Value TensorBuilder::column(Value rows) {
  SmallVector<int64_t> shape(dimsOf(rows));
  shape.push_back(1);
  return reshape(rows, shape);
}

} // namespace heddle::ir
