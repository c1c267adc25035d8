// SPDX-License-Identifier: Apache-2.0
// heddle-recompute-activations: what is cheap to compute again is not kept from the forward to the
// backward pass.
#include "ir/Dialect.h"
#include "ir/EntryCheck.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Passes.h"
#include "passes/Recomputed.h"
#include "passes/Storage.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {

#define GEN_PASS_DEF_RECOMPUTEACTIVATIONSPASS
#include "passes/Passes.h.inc"

namespace {

/// Ops that cost about as much as reading their result from memory.
bool isCheap(Operation *op) {
  return isa<GeluOp, SiluOp, ReluOp, MulOp, LayerNormOp, RmsNormOp>(op);
}

class Recomputation {
public:
  Recomputation(func::FuncOp function, int64_t minBytes, int64_t distance)
      : block_(function.getBody().front()), minBytes_(minBytes), distance_(distance) {
    int64_t next = 0;
    for (Operation &op : block_)
      position_[&op] = next++;
  }

  /// Backwards, so that the operand of a recomputed op counts as read where that now happens.
  void run() {
    SmallVector<Operation *> candidates;
    for (Operation &op : llvm::reverse(block_))
      if (isCheap(&op) && byteSizeOf(op.getResult(0)) >= minBytes_)
        candidates.push_back(&op);
    for (Operation *op : candidates)
      recompute(op);
  }

private:
  int64_t lastRead(Value value) {
    int64_t last = -1;
    for (Operation *user : value.getUsers())
      last = std::max(last, position_.lookup(user));
    return last;
  }

  /// Whether `op` can be computed at `when` without keeping alive what would be dead there.
  bool operandsLiveAt(Operation *op, int64_t when) {
    return llvm::all_of(op->getOperands(), [&](Value operand) {
      Value root = storageOf(operand).root;
      return isa<BlockArgument>(root) || byteSizeOf(operand) < minBytes_ ||
             lastRead(operand) >= when;
    });
  }

  void recompute(Operation *op) {
    Value result = op->getResult(0);
    const int64_t here = position_[op];
    Operation *firstFar = nullptr;
    for (Operation *user : result.getUsers())
      if (position_[user] - here > distance_ &&
          (!firstFar || position_[user] < position_[firstFar]))
        firstFar = user;
    if (!firstFar || isa<func::ReturnOp>(firstFar) || !operandsLiveAt(op, position_[firstFar]))
      return;
    OpBuilder builder(firstFar);
    Operation *again = builder.clone(*op);
    again->setAttr(kRecomputedAttr, builder.getUnitAttr());
    int64_t place = position_.at(firstFar); // a copy: the next line may move the map's values
    position_[again] = place;
    result.replaceUsesWithIf(again->getResult(0), [&](OpOperand &use) {
      return position_[use.getOwner()] >= position_[firstFar] && use.getOwner() != again;
    });
  }

  Block &block_;
  int64_t minBytes_, distance_;
  llvm::DenseMap<Operation *, int64_t> position_;
};

struct RecomputeActivationsPass : impl::RecomputeActivationsPassBase<RecomputeActivationsPass> {
  using RecomputeActivationsPassBase::RecomputeActivationsPassBase;

  void runOnOperation() override {
    if (failed(checkEntry(getOperation())))
      return signalPassFailure();
    if (!getOperation().isExternal())
      Recomputation(getOperation(), minBytes, distance).run();
  }
};

} // namespace
} // namespace heddle::passes
