// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/SingleOps.h"

#include "ir/ViewChain.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace heddle::codegen {

std::optional<unsigned> denseArgument(Value operand) {
  ir::ViewOfRoot source = ir::viewThroughChain(operand);
  auto argument = dyn_cast<BlockArgument>(source.root);
  if (!argument || !source.view.isDense() || source.view.offset != 0)
    return std::nullopt;
  return argument.getArgNumber();
}

SingleResult generateSingle(ir::KernelOp kernel, Operation *op, const Target &target,
                            std::string *reason) {
  return llvm::TypeSwitch<Operation *, SingleResult>(op)
      .Case([&](ir::ConcatOp o) { return generateConcat(kernel, o, target, reason); })
      .Case([&](ir::PadOp o) { return generatePad(kernel, o, target, reason); })
      .Case<ir::SumOp, ir::MaxOp>(
          [&](Operation *o) { return generateReduce(kernel, o, target, reason); })
      .Case([&](ir::CountTargetsOp o) { return generateCountTargets(kernel, o, target, reason); })
      .Case([&](ir::EmbeddingOp o) { return generateEmbedding(kernel, o, target, reason); })
      .Case([&](ir::EmbeddingGradOp o) { return generateEmbeddingGrad(kernel, o, target, reason); })
      .Case([&](ir::GatherRowsOp o) { return generateGatherRows(kernel, o, target, reason); })
      .Case([&](ir::CacheUpdateOp o) { return generateCacheUpdate(kernel, o, target, reason); })
      .Case([&](ir::RopeOp o) { return generateRope(kernel, o, target, reason); })
      .Case([&](ir::AdamWOp o) { return generateAdamW(kernel, o, target, reason); })
      .Case([&](ir::SumSquaresOp o) { return generateSumSquares(kernel, o, target, reason); })
      .Case(
          [&](ir::NormOfPartialsOp o) { return generateNormOfPartials(kernel, o, target, reason); })
      .Case([&](ir::GlobalNormOp o) { return generateGlobalNorm(kernel, o, target, reason); })
      .Default([&](Operation *o) -> SingleResult {
        *reason = "no code for " + o->getName().getStringRef().str();
        return failure();
      });
}

} // namespace heddle::codegen
