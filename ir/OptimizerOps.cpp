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
