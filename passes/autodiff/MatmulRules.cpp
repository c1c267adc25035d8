// SPDX-License-Identifier: Apache-2.0
#include "passes/autodiff/Rules.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes::autodiff {
namespace {

// y = A B with A = a or a^T, B = b or b^T.
// dA = dy B^T and dB = A^T dy; a transposed operand takes the transpose of that.
Gradients matmul(MatmulOp op, OpBuilder &b, ValueRange dys) {
  Location loc = op.getLoc();
  Value a = op.getA(), w = op.getB(), dy = dys[0];
  const bool ta = op.getTransposeA(), tb = op.getTransposeB();
  auto product = [&](Value l, Value r, bool tl, bool tr) -> Value {
    return MatmulOp::create(b, loc, l, r, tl, tr);
  };
  Value da = ta ? product(w, dy, tb, true) : product(dy, w, false, !tb);
  // A shared b sums over all rows of all leading axes at once.
  Value rows = a, drows = dy;
  if (shapeOf(w).size() == 2) {
    rows = flattenRows(b, loc, a);
    drows = flattenRows(b, loc, dy);
  }
  Value dw = tb ? product(drows, rows, true, ta) : product(rows, drows, !ta, false);
  // Leading axes of size 1 were broadcast.
  return {sumToShape(b, loc, da, shapeOf(a)), sumToShape(b, loc, dw, shapeOf(w))};
}

} // namespace

void attachMatmulRules(MLIRContext *context) { attach<MatmulOp, matmul>(context); }

} // namespace heddle::passes::autodiff
