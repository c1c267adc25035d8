// SPDX-License-Identifier: Apache-2.0
// heddle-fuse-attention: the rewrite. AttentionPattern decides what matches.
#include "ir/EntryCheck.h"
#include "passes/AttentionPattern.h"
#include "passes/FusionReport.h"
#include "passes/Passes.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {

#define GEN_PASS_DEF_FUSEATTENTIONPASS
#include "passes/Passes.h.inc"

namespace {

/// [B, G, R, T, D] as [B, G R, T, D]; rank 4 as it is.
Value joinHeads(OpBuilder &builder, Value value) {
  ArrayRef<int64_t> shape = dimsOf(value);
  if (shape.size() != 5)
    return value;
  return reshapeTo(builder, value, {shape[0], shape[1] * shape[2], shape[3], shape[4]});
}

/// A bias over [B, G, R, T, S] as one over [B, H, T, S].
Value joinBias(OpBuilder &builder, Value bias) {
  ArrayRef<int64_t> shape = dimsOf(bias);
  if (shape.size() <= 4)
    return bias;
  return reshapeTo(builder, bias, {shape[0], shape[1] * shape[2], shape[3], shape[4]});
}

void rewrite(const AttentionParts &parts) {
  OpBuilder builder(parts.output);
  Location loc = parts.output->getLoc();
  auto oriented = [&](Value value, bool swap) {
    return joinHeads(builder, swap ? transposeLastTwo(builder, value) : value);
  };
  Value output = parts.output->getResult(0);
  auto window = parts.mask.window ? builder.getI64IntegerAttr(*parts.mask.window) : IntegerAttr();
  auto softCap = parts.softCap ? builder.getF64FloatAttr(*parts.softCap) : FloatAttr();
  Value bias = parts.bias ? joinBias(builder, parts.bias) : Value();
  if (bias && elementOf(bias) != elementOf(parts.q))
    bias =
        CastOp::create(builder, loc, RankedTensorType::get(dimsOf(bias), elementOf(parts.q)), bias);
  auto attention = AttentionOp::create(
      builder, loc, joinHeads(builder, parts.q), oriented(parts.k, parts.swapK),
      oriented(parts.v, parts.swapV), bias, parts.mask.keyMask, parts.mask.kvLengths, parts.rng,
      builder.getF64FloatAttr(parts.scale), parts.mask.causal ? builder.getUnitAttr() : UnitAttr(),
      window, softCap, builder.getF64FloatAttr(parts.dropout),
      builder.getI64IntegerAttr(parts.rngId));
  output.replaceAllUsesWith(reshapeTo(builder, attention.getO(), dimsOf(output)));
  reportFused(attention, "attention");
}

struct FuseAttentionPass : impl::FuseAttentionPassBase<FuseAttentionPass> {
  using FuseAttentionPassBase::FuseAttentionPassBase;

  void runOnOperation() override {
    if (failed(checkEntry(getOperation())))
      return signalPassFailure();
    SmallVector<SoftmaxOp> softmaxes;
    getOperation().walk([&](SoftmaxOp op) { softmaxes.push_back(op); });
    for (SoftmaxOp softmax : softmaxes) {
      Match<AttentionParts> match = matchAttention(softmax);
      if (match.nearMiss)
        reportMissed(softmax, "attention", match.nearMiss->reason, match.nearMiss->advice);
      if (!match.parts)
        continue;
      rewrite(*match.parts);
      eraseDeadChain(match.parts->output);
    }
  }
};

} // namespace
} // namespace heddle::passes
