// SPDX-License-Identifier: Apache-2.0
// heddle-merge-loss-gradient: the gradient of linear_cross_entropy makes the logits again, and the
// loss with them. Where nothing needs the loss before, the forward op goes.
#include "ir/Dialect.h"
#include "ir/EntryCheck.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Passes.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {

#define GEN_PASS_DEF_MERGELOSSGRADIENTPASS
#include "passes/Passes.h.inc"

namespace {

bool computesLossOf(LinearCrossEntropyTrainOp train, LinearCrossEntropyOp forward) {
  return train.getX() == forward.getX() && train.getW() == forward.getW() &&
         train.getBias() == forward.getBias() && train.getTargets() == forward.getTargets() &&
         train.getTransposeW() == forward.getTransposeW() &&
         train.getIgnoreIndex() == forward.getIgnoreIndex() &&
         train.getLabelSmoothing() == forward.getLabelSmoothing();
}

/// The gradient op whose loss can stand for that of `forward`: it comes before every use of the
/// loss, which also says that the gradient that flows into it does not depend on the loss.
LinearCrossEntropyTrainOp findReplacement(LinearCrossEntropyOp forward) {
  if (!forward.getLse().use_empty())
    return {};
  for (Operation *user : forward.getX().getUsers()) {
    auto train = dyn_cast<LinearCrossEntropyTrainOp>(user);
    if (!train || train->getBlock() != forward->getBlock() || !computesLossOf(train, forward))
      continue;
    if (llvm::all_of(forward.getLoss().getUsers(), [&](Operation *reader) {
          return reader->getBlock() == train->getBlock() && train->isBeforeInBlock(reader);
        }))
      return train;
  }
  return {};
}

struct MergeLossGradientPass : impl::MergeLossGradientPassBase<MergeLossGradientPass> {
  void runOnOperation() override {
    if (failed(checkEntry(getOperation())))
      return signalPassFailure();
    getOperation().walk([](LinearCrossEntropyOp forward) {
      if (LinearCrossEntropyTrainOp train = findReplacement(forward)) {
        forward.getLoss().replaceAllUsesWith(train.getLoss());
        forward.erase();
      }
    });
  }
};

} // namespace
} // namespace heddle::passes
