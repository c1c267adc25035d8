// SPDX-License-Identifier: Apache-2.0
#include "ir/Dialect.h"
#include "ir/ShapeRules.h"

using namespace mlir;
using namespace heddle::ir;

namespace {

/// The leading axes of a product: those of a where b is a matrix, else both joined axis by axis.
FailureOr<SmallVector<int64_t>> batchAxes(ShapeRules rules, MatmulOp::Adaptor op) {
  ArrayRef<int64_t> a = dimsOf(op.getA()), b = dimsOf(op.getB());
  if (b.size() == 2 && a.size() > 2) {
    if (op.getTransposeA())
      return rules.fail("transpose_a needs operands of one rank where b is shared: a has shape ",
                        formatShape(a), ", b ", formatShape(b));
    return SmallVector<int64_t>(a.drop_back(2));
  }
  if (a.size() != b.size())
    return rules.fail("a has shape ", formatShape(a), ", b ", formatShape(b),
                      ": expected b of rank 2 or equal ranks");
  std::optional<SmallVector<int64_t>> batch = broadcastShape(a.drop_back(2), b.drop_back(2));
  if (!batch)
    return rules.fail("leading axes differ: a has shape ", formatShape(a), ", b ", formatShape(b));
  return *batch;
}

} // namespace

LogicalResult MatmulOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                         MatmulOp::Adaptor op, SmallVectorImpl<Type> &results) {
  ShapeRules rules(location, "matmul");
  if (failed(rules.minRank("a", op.getA(), 2, "[..., m, k]")) ||
      failed(rules.minRank("b", op.getB(), 2, "[..., k, n]")) ||
      failed(rules.element("b", op.getB(), elementOf(op.getA()))))
    return failure();
  FailureOr<SmallVector<int64_t>> shape = batchAxes(rules, op);
  if (failed(shape))
    return failure();
  ArrayRef<int64_t> a = dimsOf(op.getA()).take_back(2), b = dimsOf(op.getB()).take_back(2);
  int64_t m = a[op.getTransposeA() ? 1 : 0], inner = a[op.getTransposeA() ? 0 : 1];
  int64_t n = b[op.getTransposeB() ? 0 : 1], innerOfB = b[op.getTransposeB() ? 1 : 0];
  if (inner != innerOfB)
    return rules.fail("inner sizes differ: ", inner, " in a ", formatShape(dimsOf(op.getA())), ", ",
                      innerOfB, " in b ", formatShape(dimsOf(op.getB())));
  shape->append({m, n});
  results.push_back(RankedTensorType::get(*shape, elementOf(op.getA())));
  return success();
}
