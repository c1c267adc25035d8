// SPDX-License-Identifier: Apache-2.0
// Types and checks of embeddings, rotary positions and the key/value cache.

#include "ir/Dialect.h"
#include "ir/ShapeRules.h"

using namespace mlir;
using namespace heddle::ir;

LogicalResult EmbeddingOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                            EmbeddingOp::Adaptor op,
                                            SmallVectorImpl<Type> &results) {
  if (failed(ShapeRules(location, "embedding").rank("table", op.getTable(), 2, "[V, C]")))
    return failure();
  SmallVector<int64_t> shape(dimsOf(op.getIds()));
  shape.push_back(dimsOf(op.getTable()).back());
  results.push_back(RankedTensorType::get(shape, elementOf(op.getTable())));
  return success();
}

LogicalResult EmbeddingGradOp::verify() {
  ShapeRules rules(getLoc(), "embedding_grad");
  if (failed(rules.rank("dtable", getDtable(), 2, "[V, C]")) ||
      failed(rules.type("init", getInit(), tensorOf(getDtable()))))
    return failure();
  SmallVector<int64_t> shape(dimsOf(getIds()));
  shape.push_back(dimsOf(getDtable()).back());
  return rules.type("dy", getDy(), RankedTensorType::get(shape, elementOf(getDtable())));
}

LogicalResult RopeOp::verify() {
  ShapeRules rules(getLoc(), "rope");
  if (failed(rules.rank("x", getX(), 4, "[B, H, T, D]")) ||
      failed(rules.rank("positions", getPositions(), 2, "[B, T] or [1, T]")) ||
      failed(rules.type("y", getY(), tensorOf(getX()))))
    return failure();
  ArrayRef<int64_t> x = dimsOf(getX()), positions = dimsOf(getPositions());
  if (positions[0] != 1 && failed(rules.shape("positions", getPositions(), {x[0], x[2]})))
    return failure();
  if (failed(rules.shape("positions", getPositions(), {positions[0], x[2]})))
    return failure();
  int64_t rotated = 2 * static_cast<int64_t>(getInvFreq().size());
  if (rotated < 2 || rotated > x[3])
    return rules.fail("inv_freq turns ", rotated, " components, x has ", x[3]);
  return success();
}

LogicalResult CacheUpdateOp::verify() {
  ShapeRules rules(getLoc(), "cache_update");
  if (failed(rules.rank("cache", getCache(), 4, "[B, H, S, D]")) ||
      failed(rules.rank("x", getX(), 4, "[B, H, T, D]")))
    return failure();
  ArrayRef<int64_t> cache = dimsOf(getCache()), x = dimsOf(getX());
  if (failed(rules.shape("x", getX(), {cache[0], cache[1], x[2], cache[3]})) ||
      failed(rules.element("x", getX(), elementOf(getCache()))) ||
      failed(rules.shape("positions", getPositions(), {cache[0]})) ||
      failed(rules.type("y", getY(), tensorOf(getCache()))))
    return failure();
  if (x[2] > cache[2])
    return rules.fail("x has ", x[2], " positions, the cache only ", cache[2]);
  return success();
}

LogicalResult GatherRowsOp::verify() {
  ShapeRules rules(getLoc(), "gather_rows");
  if (failed(rules.rank("x", getX(), 3, "[B, T, C]")))
    return failure();
  ArrayRef<int64_t> x = dimsOf(getX());
  if (failed(rules.shape("index", getIndex(), {x[0]})))
    return failure();
  return rules.type("y", getY(), RankedTensorType::get({x[0], x[2]}, elementOf(getX())));
}
