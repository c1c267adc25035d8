// SPDX-License-Identifier: Apache-2.0
// heddle-append-optimizer: one graph makes a step. From the function that heddle-differentiate made
// with a loss scale it builds the three training entries and drops it.
#include "ir/Dialect.h"
#include "ir/EntryCheck.h"
#include "passes/EntrySignature.h"
#include "passes/Passes.h"
#include "passes/autodiff/Rules.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {

#define GEN_PASS_DEF_APPENDOPTIMIZERPASS
#include "passes/Passes.h.inc"

namespace {

constexpr int64_t kHyperSize = 9; // see AdamWOp

Location optimizerLoc(MLIRContext *context, StringRef parameter) {
  return NameLoc::get(StringAttr::get(context, ("optimizer." + parameter).str()));
}

/// A training entry in the making: a copy of the gradient function, whose results are at hand by
/// name.
class TrainingEntry {
public:
  TrainingEntry(func::FuncOp gradients, StringRef name) : function_(gradients.clone()) {
    function_.setName(name);
    gradients->getParentOfType<ModuleOp>().insert(gradients, function_);
    auto terminator = cast<func::ReturnOp>(function_.getBody().front().getTerminator());
    loss_ = terminator.getOperand(0);
    for (unsigned i = 1; i < terminator.getNumOperands(); ++i) {
      names_.push_back(resultName(function_, i).drop_front(kGradient.size()).str());
      gradients_.push_back(terminator.getOperand(i));
    }
  }

  /// The gradient of the loss itself: nothing is accumulated, so nothing is scaled.
  void dropLossScale() {
    unsigned index = *findArgument(function_, "loss_scale");
    OpBuilder builder = OpBuilder::atBlockBegin(&function_.getBody().front());
    Value scale = function_.getArgument(index);
    scale.replaceAllUsesWith(autodiff::scalar(builder, scale.getLoc(), scale, 1.0));
    LogicalResult erased = function_.eraseArgument(index);
    assert(succeeded(erased) && "the function has this argument");
    (void)erased;
  }

  /// total = grad.<param> + gradient, with the accumulators as states.
  void accumulate() {
    for (auto [name, gradient] : llvm::zip_equal(names_, gradients_)) {
      Value state = insertState(function_, autodiff::typeOf(gradient), kGradient.str() + name);
      gradient = addTo(state, gradient);
    }
  }

  void returnAccumulators() {
    EntryResults results(function_);
    results.add(loss_, kKindOutput, "loss");
    for (auto [name, gradient] : llvm::zip_equal(names_, gradients_))
      results.add(gradient, kKindState, kGradient.str() + name);
    results.finish();
  }

  /// norm = |gradients|, scale = min(1, clip / (norm + 1e-6)), and an AdamW step for each
  /// parameter.
  void stepAndReturn(bool zeroAccumulators) {
    SmallVector<Value> m, v;
    for (auto [name, gradient] : llvm::zip_equal(names_, gradients_))
      m.push_back(insertState(function_, autodiff::typeOf(gradient), kAdamM.str() + name));
    for (auto [name, gradient] : llvm::zip_equal(names_, gradients_))
      v.push_back(insertState(function_, autodiff::typeOf(gradient), kAdamV.str() + name));
    Type f32 = Float32Type::get(function_.getContext());
    Value hyper = insertScalar(function_, RankedTensorType::get({kHyperSize}, f32), "hyper");
    Value clip = insertScalar(function_, RankedTensorType::get({}, f32), "grad_clip");

    OpBuilder builder(terminator());
    Location loc = optimizerLoc(builder.getContext(), "grad_norm");
    Value norm = GlobalNormOp::create(builder, loc, clip.getType(), gradients_);
    Value scale = clipFactor(builder, loc, norm, clip);

    SmallVector<AdamWOp> steps;
    for (auto [i, name] : llvm::enumerate(names_)) {
      Value param = function_.getArgument(*findArgument(function_, name));
      // Biases and the gains of norms are not decayed.
      const bool decay = autodiff::typeOf(param).getRank() >= 2;
      steps.push_back(AdamWOp::create(builder, optimizerLoc(builder.getContext(), name),
                                      param.getType(), m[i].getType(), v[i].getType(), param,
                                      gradients_[i], m[i], v[i], hyper, scale, decay));
    }

    EntryResults results(function_);
    results.add(loss_, kKindOutput, "loss");
    results.add(norm, kKindOutput, "grad_norm");
    for (auto [name, step] : llvm::zip_equal(names_, steps))
      results.add(step.getNewParam(), kKindParam, name);
    for (auto [name, step] : llvm::zip_equal(names_, steps))
      results.add(step.getNewM(), kKindState, kAdamM.str() + name);
    for (auto [name, step] : llvm::zip_equal(names_, steps))
      results.add(step.getNewV(), kKindState, kAdamV.str() + name);
    if (zeroAccumulators)
      for (auto [name, gradient] : llvm::zip_equal(names_, gradients_))
        results.add(zeros(builder, autodiff::typeOf(gradient), name), kKindState,
                    kGradient.str() + name);
    results.finish();
  }

private:
  Operation *terminator() { return function_.getBody().front().getTerminator(); }

  /// state + gradient, where the gradient is computed: what it is made of need not live on, and the
  /// kernel that makes it can add. A scatter starts from the state.
  static Value addTo(Value state, Value gradient) {
    if (auto scatter = gradient.getDefiningOp<EmbeddingGradOp>(); scatter && gradient.hasOneUse()) {
      Value init = scatter.getInit() ? addTo(state, scatter.getInit()) : state;
      scatter.getInitMutable().assign(init);
      return gradient;
    }
    OpBuilder builder(gradient.getContext());
    builder.setInsertionPointAfterValue(gradient);
    return AddOp::create(builder, gradient.getLoc(), state, gradient);
  }

  /// As torch.nn.utils.clip_grad_norm_; an infinite clip gives exactly 1.
  static Value clipFactor(OpBuilder &builder, Location loc, Value norm, Value clip) {
    Value guarded = AddOp::create(builder, loc, norm, autodiff::scalar(builder, loc, norm, 1e-6));
    Value ratio = DivOp::create(builder, loc, clip, guarded);
    return MinimumOp::create(builder, loc, ratio, autodiff::scalar(builder, loc, ratio, 1.0));
  }

  static Value zeros(OpBuilder &builder, RankedTensorType type, StringRef name) {
    Attribute zero = builder.getZeroAttr(type.getElementType());
    return ConstantOp::create(builder, optimizerLoc(builder.getContext(), name),
                              DenseElementsAttr::get(type, zero));
  }

  func::FuncOp function_;
  Value loss_;
  SmallVector<std::string> names_; // of the parameters that have a gradient
  SmallVector<Value> gradients_;
};

struct AppendOptimizerPass : impl::AppendOptimizerPassBase<AppendOptimizerPass> {
  using AppendOptimizerPassBase::AppendOptimizerPassBase;

  void runOnOperation() override {
    auto gradients = getOperation().lookupSymbol<func::FuncOp>(gradient);
    if (failed(check(gradients)))
      return signalPassFailure();
    TrainingEntry step(gradients, "step");
    step.dropLossScale();
    step.stepAndReturn(/*zeroAccumulators=*/false);

    TrainingEntry accumulate(gradients, "accumulate");
    accumulate.accumulate();
    accumulate.returnAccumulators();

    TrainingEntry last(gradients, "step_accumulated");
    last.accumulate();
    last.stepAndReturn(/*zeroAccumulators=*/true);
    gradients.erase();
  }

private:
  LogicalResult check(func::FuncOp gradients) {
    if (!gradients || gradients.isExternal())
      return getOperation().emitError("no function '") << gradient << "' to append AdamW to";
    if (failed(checkEntry(gradients)))
      return failure();
    for (StringRef name : {"step", "accumulate", "step_accumulated"})
      if (getOperation().lookupSymbol(name))
        return getOperation().emitError("function '") << name << "' exists already";
    if (!findArgument(gradients, "loss_scale"))
      return gradients.emitError("has no argument 'loss_scale'; "
                                 "heddle-differentiate makes it with loss-scale=true");
    for (unsigned i = 1; i < gradients.getNumResults(); ++i) {
      StringRef name = resultName(gradients, i);
      if (!name.consume_front(kGradient) || !findArgument(gradients, name))
        return gradients.emitError("result ")
               << i << " is not named after the gradient of a parameter, found '"
               << resultName(gradients, i) << "'";
    }
    return success();
  }
};

} // namespace
} // namespace heddle::passes
