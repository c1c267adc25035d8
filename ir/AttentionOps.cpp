// SPDX-License-Identifier: Apache-2.0
// Types and checks of attention and its gradient, which share all operands but o, lse and d_o.

#include "ir/Dialect.h"
#include "ir/ShapeRules.h"

using namespace mlir;
using namespace heddle::ir;

namespace {

template <typename Adaptor> LogicalResult checkQueryKeyValue(ShapeRules rules, Adaptor op) {
  if (failed(rules.rank("q", op.getQ(), 4, "[B, H, T, D]")) ||
      failed(rules.rank("k", op.getK(), 4, "[B, G, S, D]")) ||
      failed(rules.rank("v", op.getV(), 4, "[B, G, S, E]")))
    return failure();
  Type element = elementOf(op.getQ());
  if (failed(rules.element("k", op.getK(), element)) ||
      failed(rules.element("v", op.getV(), element)))
    return failure();
  ArrayRef<int64_t> q = dimsOf(op.getQ()), k = dimsOf(op.getK()), v = dimsOf(op.getV());
  if (failed(rules.shape("k", op.getK(), {q[0], k[1], k[2], q[3]})) ||
      failed(rules.shape("v", op.getV(), {k[0], k[1], k[2], v[3]})))
    return failure();
  if (q[1] % k[1] != 0)
    return rules.fail("q has ", q[1], " heads, no multiple of the ", k[1], " key heads");
  return success();
}

template <typename Adaptor> LogicalResult checkMasks(ShapeRules rules, Adaptor op) {
  ArrayRef<int64_t> q = dimsOf(op.getQ()), k = dimsOf(op.getK());
  if (Value bias = op.getBias()) {
    SmallVector<int64_t> scores{q[0], q[1], q[2], k[2]};
    if (!broadcastsTo(dimsOf(bias), scores))
      return rules.fail("bias ", formatShape(dimsOf(bias)), " does not broadcast to ",
                        formatShape(scores));
    if (failed(rules.element("bias", bias, elementOf(op.getQ()))))
      return failure();
  }
  return success(succeeded(rules.shape("key_mask", op.getKeyMask(), {q[0], k[2]})) &&
                 succeeded(rules.shape("kv_lengths", op.getKvLengths(), {q[0]})) &&
                 (!op.getRng() || succeeded(rules.rngState(op.getRng()))));
}

template <typename Op> LogicalResult verifyAttributes(ShapeRules rules, Op op) {
  double dropout = op.getDropout().convertToDouble();
  if (failed(rules.probability("dropout", dropout)) || failed(rules.rngId(op.getRngId())))
    return failure();
  if (dropout > 0 && !op.getRng())
    return rules.fail("dropout needs rng");
  if (failed(rules.window(op.getWindowAttr())))
    return failure();
  // Written so that NaN fails.
  if (op.getSoftCap() && !(op.getSoftCap()->convertToDouble() > 0))
    return rules.fail("soft_cap is ", std::to_string(op.getSoftCap()->convertToDouble()),
                      ", expected more than 0");
  return success();
}

/// The types of o and lse.
template <typename Adaptor> std::pair<RankedTensorType, RankedTensorType> resultTypes(Adaptor op) {
  ArrayRef<int64_t> q = dimsOf(op.getQ());
  Type element = elementOf(op.getQ());
  return {RankedTensorType::get({q[0], q[1], q[2], dimsOf(op.getV())[3]}, element),
          RankedTensorType::get({q[0], q[1], q[2]}, statisticsType(element))};
}

} // namespace

LogicalResult AttentionOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                            AttentionOp::Adaptor op,
                                            SmallVectorImpl<Type> &results) {
  ShapeRules rules(location, "attention");
  if (failed(checkQueryKeyValue(rules, op)) || failed(checkMasks(rules, op)))
    return failure();
  auto [o, lse] = resultTypes(op);
  results.append({o, lse});
  return success();
}

LogicalResult AttentionOp::verify() { return verifyAttributes({getLoc(), "attention"}, *this); }

LogicalResult AttentionGradOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                AttentionGradOp::Adaptor op,
                                                SmallVectorImpl<Type> &results) {
  ShapeRules rules(location, "attention_grad");
  if (failed(checkQueryKeyValue(rules, op)) || failed(checkMasks(rules, op)))
    return failure();
  auto [o, lse] = resultTypes(op);
  if (failed(rules.type("o", op.getO(), o)) || failed(rules.type("lse", op.getLse(), lse)) ||
      failed(rules.type("d_o", op.getDO(), o)))
    return failure();
  results.append({op.getQ().getType(), op.getK().getType(), op.getV().getType()});
  if (Value bias = op.getBias())
    results.push_back(bias.getType());
  return success();
}

LogicalResult AttentionGradOp::verify() {
  return verifyAttributes({getLoc(), "attention_grad"}, *this);
}
