// SPDX-License-Identifier: Apache-2.0
// Types and checks of reductions and normalisation.

#include "ir/Dialect.h"
#include "ir/ShapeRules.h"

using namespace mlir;
using namespace heddle::ir;

namespace {

LogicalResult inferReduce(ShapeRules rules, Value x, ArrayRef<int64_t> axes,
                          SmallVectorImpl<Type> &results) {
  ArrayRef<int64_t> shape = dimsOf(x);
  if (axes.empty())
    return rules.fail("needs at least one axis");
  SmallVector<int64_t> kept(shape);
  for (size_t i = axes.size(); i-- > 0;) {
    bool ascending = i + 1 == axes.size() || axes[i] < axes[i + 1];
    if (axes[i] < 0 || axes[i] >= static_cast<int64_t>(shape.size()) || !ascending)
      return rules.fail("axes are ", formatShape(axes), ", expected ascending ones of ",
                        formatShape(shape));
    kept.erase(kept.begin() + axes[i]);
  }
  results.push_back(RankedTensorType::get(kept, elementOf(x)));
  return success();
}

/// The parts of [..., C] that normalisation names: the rows' statistics [...] and the weights [C].
struct Rows {
  RankedTensorType statistics, weights;

  static Rows of(Value x) {
    RankedTensorType type = tensorOf(x);
    return {
        RankedTensorType::get(type.getShape().drop_back(), statisticsType(type.getElementType())),
        RankedTensorType::get(type.getShape().take_back(), type.getElementType())};
  }
};

/// What layer_norm_grad, rms_norm_grad and their param_grad variants have in common.
LogicalResult checkNormGrad(ShapeRules rules, Value dy, Value x, Value mean, Value rstd,
                            Value gamma) {
  if (failed(rules.minRank("x", x, 1, "[..., C]")) || failed(rules.type("dy", dy, tensorOf(x))))
    return failure();
  Rows rows = Rows::of(x);
  return success(succeeded(rules.type("mean", mean, rows.statistics)) &&
                 succeeded(rules.type("rstd", rstd, rows.statistics)) &&
                 succeeded(rules.type("gamma", gamma, rows.weights)));
}

} // namespace

LogicalResult SumOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                      SumOp::Adaptor op, SmallVectorImpl<Type> &results) {
  return inferReduce({location, "sum"}, op.getX(), op.getAxes(), results);
}

LogicalResult MaxOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                      MaxOp::Adaptor op, SmallVectorImpl<Type> &results) {
  return inferReduce({location, "max"}, op.getX(), op.getAxes(), results);
}

LogicalResult SoftmaxOp::verify() {
  return ShapeRules(getLoc(), "softmax").minRank("x", getX(), 1, "[..., C]");
}

LogicalResult SoftmaxGradOp::verify() {
  return ShapeRules(getLoc(), "softmax_grad").minRank("y", getY(), 1, "[..., C]");
}

LogicalResult LayerNormOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                            LayerNormOp::Adaptor op,
                                            SmallVectorImpl<Type> &results) {
  ShapeRules rules(location, "layer_norm");
  if (failed(rules.minRank("x", op.getX(), 1, "[..., C]")))
    return failure();
  Rows rows = Rows::of(op.getX());
  if (failed(rules.type("gamma", op.getGamma(), rows.weights)) ||
      failed(rules.type("beta", op.getBeta(), rows.weights)))
    return failure();
  results.append({op.getX().getType(), rows.statistics, rows.statistics});
  return success();
}

LogicalResult LayerNormGradOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                LayerNormGradOp::Adaptor op,
                                                SmallVectorImpl<Type> &results) {
  if (failed(checkNormGrad({location, "layer_norm_grad"}, op.getDy(), op.getX(), op.getMean(),
                           op.getRstd(), op.getGamma())))
    return failure();
  results.push_back(op.getX().getType());
  return success();
}

LogicalResult LayerNormParamGradOp::inferReturnTypes(MLIRContext *,
                                                     std::optional<Location> location,
                                                     LayerNormParamGradOp::Adaptor op,
                                                     SmallVectorImpl<Type> &results) {
  if (failed(checkNormGrad({location, "layer_norm_param_grad"}, op.getDy(), op.getX(), op.getMean(),
                           op.getRstd(), {})))
    return failure();
  Rows rows = Rows::of(op.getX());
  results.append({rows.weights, rows.weights});
  return success();
}

LogicalResult RmsNormOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                          RmsNormOp::Adaptor op, SmallVectorImpl<Type> &results) {
  ShapeRules rules(location, "rms_norm");
  if (failed(rules.minRank("x", op.getX(), 1, "[..., C]")))
    return failure();
  Rows rows = Rows::of(op.getX());
  if (failed(rules.type("gamma", op.getGamma(), rows.weights)))
    return failure();
  results.append({op.getX().getType(), rows.statistics});
  return success();
}

LogicalResult RmsNormGradOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                              RmsNormGradOp::Adaptor op,
                                              SmallVectorImpl<Type> &results) {
  if (failed(checkNormGrad({location, "rms_norm_grad"}, op.getDy(), op.getX(), {}, op.getRstd(),
                           op.getGamma())))
    return failure();
  results.push_back(op.getX().getType());
  return success();
}

LogicalResult RmsNormParamGradOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                   RmsNormParamGradOp::Adaptor op,
                                                   SmallVectorImpl<Type> &results) {
  if (failed(checkNormGrad({location, "rms_norm_param_grad"}, op.getDy(), op.getX(), {},
                           op.getRstd(), {})))
    return failure();
  results.push_back(Rows::of(op.getX()).weights);
  return success();
}
