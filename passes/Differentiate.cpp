// SPDX-License-Identifier: Apache-2.0
// heddle-differentiate: copies a function that computes a loss into one that computes its gradients
// too. The work is autodiff/ReverseSweep's; here are the names, kinds and results.
#include "ir/EntryCheck.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/EntrySignature.h"
#include "passes/Passes.h"
#include "passes/autodiff/Gradients.h"
#include "passes/autodiff/Rules.h"

using namespace mlir;

namespace heddle::passes {

#define GEN_PASS_DEF_DIFFERENTIATEPASS
#include "passes/Passes.h.inc"

namespace {

/// The parameters that get a gradient.
SmallVector<BlockArgument> trainableParameters(func::FuncOp function) {
  SmallVector<BlockArgument> parameters;
  for (BlockArgument argument : function.getArguments())
    if (ir::isTrainable(function, argument.getArgNumber()))
      parameters.push_back(argument);
  return parameters;
}

Value zeros(OpBuilder &builder, Location loc, RankedTensorType type) {
  Attribute zero = builder.getZeroAttr(type.getElementType());
  return ir::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, zero));
}

struct DifferentiatePass : impl::DifferentiatePassBase<DifferentiatePass> {
  using DifferentiatePassBase::DifferentiatePassBase;

  // The rules come with the pass, so that no tool can forget them.
  void getDependentDialects(DialectRegistry &registry) const override {
    DifferentiatePassBase::getDependentDialects(registry);
    registerGradients(registry);
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto original = module.lookupSymbol<func::FuncOp>(source);
    if (!original || original.isExternal()) {
      module.emitError("no function '") << source << "' to differentiate";
      return signalPassFailure();
    }
    if (failed(ir::checkEntry(original)))
      return signalPassFailure();
    if (module.lookupSymbol(target)) {
      module.emitError("function '") << target << "' exists already";
      return signalPassFailure();
    }
    auto function = cast<func::FuncOp>(original->clone());
    function.setName(target);
    module.insert(std::next(original->getIterator()), function);
    if (failed(appendGradients(function)))
      signalPassFailure();
  }

private:
  LogicalResult appendGradients(func::FuncOp function) {
    auto terminator = cast<func::ReturnOp>(function.getBody().front().getTerminator());
    if (terminator.getNumOperands() != 1)
      return function.emitError("expected one result, the loss, found ")
             << terminator.getNumOperands();
    Value loss = terminator.getOperand(0);
    Value seed;
    if (lossScale)
      seed = insertScalar(function, cast<RankedTensorType>(loss.getType()), "loss_scale");

    SmallVector<BlockArgument> parameters = trainableParameters(function);
    FailureOr<SmallVector<Value>> gradients =
        differentiate(loss, SmallVector<Value>(parameters.begin(), parameters.end()), seed);
    if (failed(gradients))
      return failure();

    // A decomposition may have replaced the value that was the loss.
    EntryResults results(function);
    results.add(terminator.getOperand(0), ir::kKindOutput, "loss");
    OpBuilder builder(terminator);
    for (auto [parameter, gradient] : llvm::zip_equal(parameters, *gradients)) {
      Location loc = parameter.getLoc();
      if (!gradient)
        gradient = zeros(builder, loc, cast<RankedTensorType>(parameter.getType()));
      std::string name = ir::argumentName(function, parameter.getArgNumber()).str();
      results.add(gradient, ir::kKindOutput, ir::kGradient.str() + name);
    }
    results.finish();
    return success();
  }
};

} // namespace
} // namespace heddle::passes
