// SPDX-License-Identifier: Apache-2.0
// heddle-fuse-linear-cross-entropy: a matcher around one cross_entropy, and the rewrite.
#include "ir/EntryCheck.h"
#include "passes/FusionReport.h"
#include "passes/Matching.h"
#include "passes/Passes.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {

#define GEN_PASS_DEF_FUSELINEARCROSSENTROPYPASS
#include "passes/Passes.h.inc"

namespace {

struct LossParts {
  LinearParts head;
  CrossEntropyOp entropy;
  DivOp mean;
};

using LossMatch = Match<LossParts>;

Value underReshapes(Value value) {
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getX();
  return value;
}

/// The one user of `value`, behind reshapes that nothing else uses.
Operation *onlyUser(Value value) {
  while (value.hasOneUse()) {
    Operation *user = *value.user_begin();
    if (!isa<ReshapeOp>(user))
      return user;
    value = user->getResult(0);
  }
  return nullptr;
}

LossMatch matchLoss(CrossEntropyOp entropy) {
  Value logits = entropy.getLogits();
  while (auto reshape = logits.getDefiningOp<ReshapeOp>()) {
    if (dimsOf(reshape.getX()).empty() || dimsOf(reshape.getX()).back() != dimsOf(logits).back())
      break;
    logits = reshape.getX();
  }
  std::optional<LinearParts> head = matchLinear(logits);
  if (!head)
    return LossMatch::none();
  for (Value value = entropy.getLogits();; value = value.getDefiningOp()->getOperand(0)) {
    if (!value.hasOneUse())
      return LossMatch::miss("the logits are returned or used besides the loss",
                             "ask for the loss alone; the forward entry returns logits");
    if (value == logits)
      break;
  }
  if (!entropy.getLse().use_empty())
    return LossMatch::miss("the log-sum-exp of the logits is used besides the loss",
                           "leave it out of the loss");

  auto sum = dyn_cast_or_null<SumOp>(onlyUser(entropy.getLosses()));
  if (!sum || tensorOf(sum.getY()).getRank() != 0)
    return LossMatch::miss("the losses of the tokens are not summed alone",
                           "make the loss their sum divided by count_targets");
  auto mean = sum->hasOneUse() ? dyn_cast<DivOp>(*sum->user_begin()) : DivOp();
  auto count = mean && mean.getLhs() == sum.getY() ? mean.getRhs().getDefiningOp<CountTargetsOp>()
                                                   : CountTargetsOp();
  if (!count)
    return LossMatch::miss("the sum of the losses is not divided by count_targets",
                           "take the mean over the targets that count");
  if (underReshapes(count.getTargets()) != underReshapes(entropy.getTargets()) ||
      count.getIgnoreIndex() != entropy.getIgnoreIndex())
    return LossMatch::miss("count_targets counts other targets than the loss uses",
                           "give both the same targets and ignore_index");
  return {LossParts{*head, entropy, mean}, std::nullopt};
}

void rewrite(const LossParts &parts) {
  OpBuilder builder(parts.mean);
  CrossEntropyOp entropy = parts.entropy;
  int64_t width = dimsOf(parts.head.x).back();
  Value x = reshapeTo(builder, parts.head.x, {dimsOf(entropy.getLogits())[0], width});
  DivOp mean = parts.mean;
  auto fused = LinearCrossEntropyOp::create(
      builder, entropy.getLoc(), x, parts.head.w, parts.head.bias, entropy.getTargets(),
      parts.head.transposed ? builder.getUnitAttr() : UnitAttr(), entropy.getIgnoreIndexAttr(),
      entropy.getLabelSmoothingAttr());
  mean.getY().replaceAllUsesWith(fused.getLoss());
  eraseDeadChain(mean);
  reportFused(fused, "linear_cross_entropy");
}

struct FuseLinearCrossEntropyPass
    : impl::FuseLinearCrossEntropyPassBase<FuseLinearCrossEntropyPass> {
  using FuseLinearCrossEntropyPassBase::FuseLinearCrossEntropyPassBase;

  void runOnOperation() override {
    if (failed(checkEntry(getOperation())))
      return signalPassFailure();
    SmallVector<CrossEntropyOp> losses;
    getOperation().walk([&](CrossEntropyOp op) { losses.push_back(op); });
    for (CrossEntropyOp entropy : losses) {
      LossMatch match = matchLoss(entropy);
      if (match.nearMiss)
        reportMissed(entropy, "linear_cross_entropy", match.nearMiss->reason,
                     match.nearMiss->advice);
      if (match.parts)
        rewrite(*match.parts);
    }
  }
};

} // namespace
} // namespace heddle::passes
