// SPDX-License-Identifier: Apache-2.0
// heddle-split-depth: where a few rows meet a large weight, nothing but reading the weight takes
// time. Memory is read fastest from one end to the other, so each task gets whole rows of it.
#include "ir/Dialect.h"
#include "ir/EntryCheck.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Matching.h"
#include "passes/Passes.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {

#define GEN_PASS_DEF_SPLITDEPTHPASS
#include "passes/Passes.h.inc"

namespace {

/// What is generated at a time. Up to there a row's sums do not depend on the rows beside it.
constexpr int64_t kMostRows = 16;
/// The sums of each part are written and read once more: for 16 rows as much as 128 rows of the
/// weight.
constexpr int64_t kMostParts = 4, kLeastPartDepth = 16;

int64_t partsOf(int64_t depth) {
  int64_t parts = kMostParts;
  while (parts > 1 && (depth % parts != 0 || depth / parts < kLeastPartDepth))
    parts /= 2;
  return parts;
}

int64_t rowsOf(Value x) {
  return tensorOf(x).getNumElements() / std::max<int64_t>(dimsOf(x).back(), 1);
}

bool readsLargeWeight(MatmulOp matmul, int64_t minBytes) {
  ArrayRef<int64_t> weight = dimsOf(matmul.getB());
  Type element = tensorOf(matmul.getB()).getElementType();
  if (!isa<BlockArgument>(matmul.getB()) || weight.size() != 2 || matmul.getTransposeA() ||
      matmul.getTransposeB() || !element.isF32() ||
      !tensorOf(matmul.getA()).getElementType().isF32())
    return false;
  return rowsOf(matmul.getA()) <= kMostRows &&
         tensorOf(matmul.getB()).getNumElements() * 4 >= minBytes;
}

/// x [M, K] by w [K, N] as the sum over P of [P, M, K/P] by [P, K/P, N].
void split(MatmulOp matmul, int64_t parts) {
  OpBuilder builder(matmul);
  Location loc = matmul.getLoc();
  ArrayRef<int64_t> weight = dimsOf(matmul.getB());
  const int64_t rows = rowsOf(matmul.getA());
  const int64_t depth = weight[0] / parts;
  Value x = reshapeTo(builder, matmul.getA(), {rows, parts, depth});
  x = TransposeOp::create(builder, loc, x, ArrayRef<int64_t>{1, 0, 2});
  Value w = reshapeTo(builder, matmul.getB(), {parts, depth, weight[1]});
  Value products = MatmulOp::create(builder, loc, x, w, false, false);
  Value sum = SumOp::create(builder, loc, products, builder.getDenseI64ArrayAttr({0}));
  matmul.getY().replaceAllUsesWith(reshapeTo(builder, sum, dimsOf(matmul.getY())));
  matmul.erase();
}

struct SplitDepthPass : impl::SplitDepthPassBase<SplitDepthPass> {
  using SplitDepthPassBase::SplitDepthPassBase;

  void runOnOperation() override {
    if (failed(checkEntry(getOperation())))
      return signalPassFailure();
    getOperation().walk([this](MatmulOp matmul) {
      if (!readsLargeWeight(matmul, minBytes))
        return;
      if (int64_t parts = partsOf(dimsOf(matmul.getB())[0]); parts > 1)
        split(matmul, parts);
    });
  }
};

} // namespace
} // namespace heddle::passes
