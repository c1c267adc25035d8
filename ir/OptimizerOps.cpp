// SPDX-License-Identifier: Apache-2.0
// Checks of the optimizer's ops.

#include "ir/Dialect.h"
#include "ir/ShapeRules.h"

using namespace mlir;
using namespace heddle::ir;

LogicalResult GlobalNormOp::verify() {
  ShapeRules rules(getLoc(), "global_norm");
  if (getTensors().empty())
    return rules.fail("needs at least one tensor");
  return rules.shape("norm", getNorm(), {});
}

SmallVector<Value> GlobalNormOp::decompose(OpBuilder &builder) {
  SmallVector<Value> partials;
  for (Value tensor : getTensors())
    partials.push_back(SumSquaresOp::create(builder, getLoc(), tensor));
  return {NormOfPartialsOp::create(builder, getLoc(), getNorm().getType(), partials)};
}

LogicalResult SumSquaresOp::inferReturnTypes(MLIRContext *context, std::optional<Location>,
                                             SumSquaresOp::Adaptor op,
                                             SmallVectorImpl<Type> &results) {
  int64_t chunks = (tensorOf(op.getX()).getNumElements() + kChunk - 1) / kChunk;
  results.push_back(RankedTensorType::get({chunks}, Float64Type::get(context)));
  return success();
}

LogicalResult NormOfPartialsOp::verify() {
  ShapeRules rules(getLoc(), "norm_of_partials");
  if (getPartials().empty())
    return rules.fail("needs at least one tensor");
  return rules.shape("norm", getNorm(), {});
}

LogicalResult AdamWOp::verify() {
  ShapeRules rules(getLoc(), "adamw");
  RankedTensorType param = tensorOf(getParam());
  if (failed(rules.shape("hyper", getHyper(), {9})) ||
      failed(rules.shape("gradient_scale", getGradientScale(), {})) ||
      failed(rules.shape("gradient", getGradient(), param.getShape())))
    return failure();
  for (auto [name, value] : {std::pair("m", getM()), std::pair("v", getV())})
    if (failed(rules.shape(name, value, param.getShape())))
      return failure();
  if (failed(rules.type("new_param", getNewParam(), param)) ||
      failed(rules.type("new_m", getNewM(), tensorOf(getM()))))
    return failure();
  return rules.type("new_v", getNewV(), tensorOf(getV()));
}
