// SPDX-License-Identifier: Apache-2.0
#include "ir/Dialect.h"
#include "ir/ShapeRules.h"

using namespace mlir;
using namespace heddle::ir;

namespace {

/// The output width of a weight matrix whose input width is `in`, checked with its bias.
FailureOr<int64_t> checkLinear(ShapeRules rules, StringRef weightName, Value weight,
                               StringRef biasName, Value bias, int64_t in, bool transposed) {
  if (failed(rules.rank(weightName, weight, 2, transposed ? "[out, in]" : "[in, out]")))
    return failure();
  int64_t out = dimsOf(weight)[transposed ? 0 : 1];
  SmallVector<int64_t> expected =
      transposed ? SmallVector<int64_t>{out, in} : SmallVector<int64_t>{in, out};
  if (failed(rules.shape(weightName, weight, expected)) ||
      failed(rules.shape(biasName, bias, {out})) ||
      failed(rules.element(biasName, bias, elementOf(weight))))
    return failure();
  return out;
}

} // namespace

LogicalResult FfnOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                      FfnOp::Adaptor op, SmallVectorImpl<Type> &results) {
  ShapeRules rules(location, "ffn");
  if (failed(rules.minRank("x", op.getX(), 2, "[..., C]")))
    return failure();
  Type element = elementOf(op.getX());
  for (auto [name, weight] : {std::pair("w_in", op.getWIn()), std::pair("w_gate", op.getWGate()),
                              std::pair("w_out", op.getWOut())})
    if (failed(rules.element(name, weight, element)))
      return failure();
  bool transposed = op.getTransposeWeights();
  int64_t width = dimsOf(op.getX()).back();
  FailureOr<int64_t> hidden =
      checkLinear(rules, "w_in", op.getWIn(), "b_in", op.getBIn(), width, transposed);
  if (failed(hidden))
    return failure();
  FailureOr<int64_t> out =
      checkLinear(rules, "w_out", op.getWOut(), "b_out", op.getBOut(), *hidden, transposed);
  if (failed(out))
    return failure();
  SmallVector<int64_t> shape(dimsOf(op.getX()));
  shape.back() = *out;
  results.push_back(RankedTensorType::get(shape, element));
  shape.back() = *hidden;
  results.push_back(RankedTensorType::get(shape, element));
  if (op.getWGate()) {
    if (failed(rules.shape("w_gate", op.getWGate(), dimsOf(op.getWIn()))) ||
        failed(checkLinear(rules, "w_gate", op.getWGate(), "b_gate", op.getBGate(), width,
                           transposed)))
      return failure();
    results.push_back(results.back());
  }
  return success(!op.getRng() || succeeded(rules.rngState(op.getRng())));
}

LogicalResult FfnOp::verify() {
  if (getBGate() && !getWGate())
    return emitOpError("b_gate needs w_gate");
  const ShapeRules rules(getLoc(), "ffn");
  const double dropout = getDropout().convertToDouble();
  if (failed(rules.probability("dropout", dropout)) || failed(rules.rngId(getRngId())))
    return failure();
  if (dropout > 0 && !getRng())
    return rules.fail("dropout needs rng");
  return success();
}
