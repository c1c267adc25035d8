// SPDX-License-Identifier: Apache-2.0
#include "codegen/body/GemmProblem.h"

#include "ir/ViewChain.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

LogicalResult refuse(std::string *reason, const std::string &text) {
  if (reason)
    *reason = text;
  return failure();
}

/// A matmul operand as [batch..., x, k] or [batch..., k, x], on a block argument.
FailureOr<ir::ViewOfRoot> operandView(Value value, const char *name, std::string *reason) {
  ir::ViewOfRoot result = ir::viewThroughChain(value);
  if (!isa<BlockArgument>(result.root))
    return refuse(reason,
                  std::string("matmul operand ") + name + " is no strided view of an input");
  if (!cast<RankedTensorType>(value.getType()).getElementType().isF32())
    return refuse(reason, std::string("matmul operand ") + name + " is not f32");
  return result;
}

void appendBatchAxis(GemmProblem &problem, int64_t size, int64_t aStride, int64_t bStride) {
  if (size == 1)
    return;
  if (!problem.batchAxes.empty()) {
    GemmProblem::BatchAxis &outer = problem.batchAxes.back();
    if (outer.aStride == size * aStride && outer.bStride == size * bStride) {
      outer = {outer.size * size, aStride, bStride};
      return;
    }
  }
  problem.batchAxes.push_back({size, aStride, bStride});
}

/// With one B for all of them, leading axes of A that nest above its rows are more rows.
void foldBatchIntoRows(GemmProblem &problem) {
  while (!problem.batchAxes.empty()) {
    GemmProblem::BatchAxis &inner = problem.batchAxes.back();
    if (inner.bStride != 0)
      return;
    if (problem.m == 1)
      problem.a.otherStride = inner.aStride;
    else if (inner.aStride != problem.m * problem.a.otherStride)
      return;
    problem.m *= inner.size;
    problem.batchAxes.pop_back();
  }
}

} // namespace

int64_t GemmProblem::batch() const {
  int64_t count = 1;
  for (const BatchAxis &axis : batchAxes)
    count *= axis.size;
  return count;
}

FailureOr<GemmProblem> matchGemm(ir::KernelOp kernel, std::string *reason) {
  GemmProblem problem;
  for (Operation &op : kernel.getBody().front()) {
    auto matmul = dyn_cast<ir::MatmulOp>(op);
    if (!matmul)
      continue;
    if (problem.matmul)
      return refuse(reason, "a gemm kernel holds one matmul, found two");
    problem.matmul = matmul;
  }
  if (!problem.matmul)
    return refuse(reason, "no matmul in the kernel");
  ir::MatmulOp matmul = problem.matmul;
  FailureOr<ir::ViewOfRoot> a = operandView(matmul.getA(), "a", reason);
  FailureOr<ir::ViewOfRoot> b = operandView(matmul.getB(), "b", reason);
  if (failed(a) || failed(b))
    return failure();
  size_t aRank = a->view.sizes.size(), bRank = b->view.sizes.size();
  size_t aRow = aRank - (matmul.getTransposeA() ? 1 : 2), aK = aRank + aRank - 3 - aRow;
  size_t bColumn = bRank - (matmul.getTransposeB() ? 2 : 1), bK = bRank + bRank - 3 - bColumn;
  problem.m = a->view.sizes[aRow];
  problem.k = a->view.sizes[aK];
  problem.n = b->view.sizes[bColumn];
  problem.a = {cast<BlockArgument>(a->root).getArgNumber(), a->view.offset, a->view.strides[aK],
               a->view.strides[aRow]};
  problem.b = {cast<BlockArgument>(b->root).getArgNumber(), b->view.offset, b->view.strides[bK],
               b->view.strides[bColumn]};
  // An axis of size 1 has no stride of its own; the natural one keeps the contiguous paths open.
  if (problem.k == 1)
    problem.a.kStride = problem.b.kStride = 1;
  if (problem.n == 1 && problem.b.kStride != 1)
    problem.b.otherStride = 1;
  for (size_t axis = 0; axis + 2 < std::max(aRank, bRank); ++axis) {
    // Leading axes are aligned at the end; b of rank 2 has none.
    bool inB = bRank > 2, inA = aRank > 2;
    int64_t aSize = inA ? a->view.sizes[axis] : 1, bSize = inB ? b->view.sizes[axis] : 1;
    appendBatchAxis(problem, std::max(aSize, bSize), aSize == 1 ? 0 : a->view.strides[axis],
                    bSize == 1 ? 0 : b->view.strides[axis]);
  }
  foldBatchIntoRows(problem);
  return problem;
}

} // namespace heddle::codegen
