// SPDX-License-Identifier: Apache-2.0
// heddle-merge-qkv. Joining weights that are stored apart would copy them in every step, since
// parameters keep the checkpoint's layout; so only matmuls by parts of one weight are joined.
#include "ir/EntryCheck.h"
#include "passes/FusionReport.h"
#include "passes/Matching.h"
#include "passes/Passes.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {

#define GEN_PASS_DEF_MERGEQKVPASS
#include "passes/Passes.h.inc"

namespace {

/// A slice that takes a run of `axis` and all of the other axes.
std::optional<int64_t> runAlong(SliceOp slice, int64_t axis) {
  for (auto [i, size] : llvm::enumerate(dimsOf(slice.getX())))
    if (static_cast<int64_t>(i) != axis && slice.getSizes()[i] != size)
      return std::nullopt;
  return slice.getOffsets()[axis];
}

/// x w[:, offset : offset + width] + bias[offset : offset + width]
struct ColumnProduct {
  MatmulOp matmul;
  SliceOp weight;
  int64_t offset = 0, width = 0;
  Value bias; // the whole bias vector that the result gets a part of, or null
  Value result;
};

std::optional<ColumnProduct> matchColumns(MatmulOp matmul) {
  auto weight = matmul.getB().getDefiningOp<SliceOp>();
  if (!weight || tensorOf(weight.getX()).getRank() != 2 || matmul.getTransposeA())
    return std::nullopt;
  int64_t axis = matmul.getTransposeB() ? 0 : 1;
  std::optional<int64_t> offset = runAlong(weight, axis);
  if (!offset)
    return std::nullopt;
  ColumnProduct product{matmul, weight, *offset, weight.getSizes()[axis], {}, matmul.getY()};
  Value vector;
  Value biased = withBias(matmul.getY(), vector);
  if (auto slice = vector ? vector.getDefiningOp<SliceOp>() : SliceOp();
      slice && slice.getOffsets()[0] == *offset &&
      dimsOf(slice.getX())[0] == dimsOf(weight.getX())[axis]) {
    product.bias = slice.getX();
    product.result = biased;
  }
  return product;
}

bool goTogether(const ColumnProduct &a, const ColumnProduct &b) {
  MatmulOp first = a.matmul, second = b.matmul;
  SliceOp firstWeight = a.weight, secondWeight = b.weight;
  return first.getA() == second.getA() && firstWeight.getX() == secondWeight.getX() &&
         first.getTransposeB() == second.getTransposeB() && a.bias == b.bias;
}

/// Whether the products, ordered by offset, cover all columns of the weight once.
bool tile(MutableArrayRef<ColumnProduct> products) {
  llvm::sort(products, [](const auto &a, const auto &b) { return a.offset < b.offset; });
  int64_t covered = 0;
  for (ColumnProduct &product : products) {
    if (product.offset != covered)
      return false;
    covered += product.width;
  }
  MatmulOp matmul = products.front().matmul;
  return covered == dimsOf(products.front().weight.getX())[matmul.getTransposeB() ? 0 : 1];
}

void rewrite(MutableArrayRef<ColumnProduct> products) {
  Operation *first = products.front().matmul;
  for (ColumnProduct &product : products)
    if (product.matmul->isBeforeInBlock(first))
      first = product.matmul;
  OpBuilder builder(first);
  MatmulOp model = products.front().matmul;
  Value whole = MatmulOp::create(builder, first->getLoc(), model.getA(),
                                 products.front().weight.getX(), false, model.getTransposeB());
  if (Value bias = products.front().bias) {
    if (Operation *source = bias.getDefiningOp(); source && first->isBeforeInBlock(source))
      builder.setInsertionPointAfter(source);
    whole = AddOp::create(builder, first->getLoc(), whole, bias);
  }
  for (ColumnProduct &product : products) {
    SmallVector<int64_t> offsets(dimsOf(product.result).size(), 0);
    SmallVector<int64_t> sizes(dimsOf(product.result));
    offsets.back() = product.offset;
    builder.setInsertionPoint(product.result.getDefiningOp());
    Value part = SliceOp::create(builder, product.result.getLoc(), whole, offsets, sizes);
    product.result.replaceAllUsesWith(part);
    eraseDeadChain(product.result.getDefiningOp());
  }
  reportFused(whole.getDefiningOp(), "qkv");
}

/// The matmul by an argument that makes q, k or v, through what reorders or rotates it.
MatmulOp projectionOf(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto matmul = dyn_cast<MatmulOp>(op))
      return isa<BlockArgument>(matmul.getB()) ? matmul : MatmulOp();
    if (!op->hasTrait<ViewTrait>() && !isa<RopeOp, AddOp>(op))
      return {};
    value = op->getOperand(0);
  }
  return {};
}

void reportApart(AttentionOp attention) {
  MatmulOp q = projectionOf(attention.getQ()), k = projectionOf(attention.getK()),
           v = projectionOf(attention.getV());
  if (!k || !v || k == v || k.getA() != v.getA())
    return;
  bool three = q && q != k && q.getA() == k.getA();
  reportKept(
      attention, "qkv",
      three ? "the weights of q, k and v are stored apart"
            : "the weights of k and v are stored apart",
      "a checkpoint with one joined weight saves launches; joining them here would copy them "
      "in every step");
}

struct MergeQkvPass : impl::MergeQkvPassBase<MergeQkvPass> {
  using MergeQkvPassBase::MergeQkvPassBase;

  void runOnOperation() override {
    if (failed(checkEntry(getOperation())))
      return signalPassFailure();
    SmallVector<SmallVector<ColumnProduct>> groups;
    getOperation().walk([&](MatmulOp matmul) {
      std::optional<ColumnProduct> product = matchColumns(matmul);
      if (!product)
        return;
      for (auto &group : groups)
        if (goTogether(group.front(), *product))
          return group.push_back(*product);
      groups.push_back({*product});
    });
    for (auto &group : groups)
      if (group.size() > 1 && tile(group))
        rewrite(group);
    getOperation().walk(reportApart);
  }
};

} // namespace
} // namespace heddle::passes
