// SPDX-License-Identifier: Apache-2.0
#include "passes/Pipelines.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Passes.h"

using namespace mlir;

namespace heddle::passes {
namespace {

/// A pass over each function. Functions may run in parallel.
PassStep each(StringRef name, std::function<std::unique_ptr<Pass>()> make) {
  return {name.str(),
          [make](OpPassManager &manager) { manager.addNestedPass<func::FuncOp>(make()); }};
}

/// A pass over the module.
PassStep whole(StringRef name, std::function<std::unique_ptr<Pass>()> make) {
  return {name.str(), [make](OpPassManager &manager) { manager.addPass(make()); }};
}

PassStep canonicalize() {
  return each("canonicalize", [] { return createCanonicalizerPass(); });
}
PassStep cse() {
  return each("cse", [] { return createCSEPass(); });
}
PassStep differentiate(StringRef source, StringRef target, bool lossScale) {
  DifferentiatePassOptions options;
  options.source = source.str();
  options.target = target.str();
  options.lossScale = lossScale;
  return whole("heddle-differentiate", [options] { return createDifferentiatePass(options); });
}

/// What the builder wrote, as it came.
Stage builder() { return {"builder", "the mathematics of the model, in primitive ops", {}}; }

/// Composite ops in place of the mathematics. Fusion comes before differentiation, because a
/// composite op's gradient is better than that of its parts: flash attention keeps no weights, the
/// loss no logits. Views are folded first, so that patterns see one reshape, not two; equal masks
/// and constants are joined for the same reason. The loss comes before the FFNs: the product
/// with the vocabulary behind an activation is a head, not the second half of an FFN.
Stage fused() {
  return {"fused",
          "attention, ffn and losses as composite ops",
          {canonicalize(), cse(),
           each("heddle-fuse-attention", [] { return createFuseAttentionPass(); }),
           each("heddle-fuse-linear-cross-entropy", createFuseLinearCrossEntropyPass),
           each("heddle-fuse-ffn", createFuseFfnPass), each("heddle-merge-qkv", createMergeQkvPass),
           // The views that the patterns left over.
           canonicalize(), cse()}};
}

/// Gradients. The loss is computed along with its gradient, so the forward op goes once both are
/// there; activations that forward and backward both compute become one value, which is then kept.
Stage differentiated(const PipelineOptions &options) {
  Stage stage{"differentiated", "gradients of the losses", {}};
  if (options.gradient)
    stage.passes.push_back(differentiate("loss", "grad", /*lossScale=*/false));
  if (options.training)
    stage.passes.push_back(differentiate("train_loss", "train_grad", /*lossScale=*/true));
  if (stage.passes.empty())
    return stage;
  stage.passes.push_back(canonicalize());
  stage.passes.push_back(cse());
  stage.passes.push_back(each("heddle-merge-loss-gradient", createMergeLossGradientPass));
  return stage;
}

/// One graph makes a step: clipping and AdamW behind the gradients.
Stage optimized(const PipelineOptions &options) {
  Stage stage{"optimized", "training entries with clipping and AdamW", {}};
  if (!options.training)
    return stage;
  DropFunctionsPassOptions drop;
  drop.names = {"train_loss"};
  stage.passes = {whole("heddle-append-optimizer", [] { return createAppendOptimizerPass(); }),
                  // It has served: the training entries hold its forward pass.
                  whole("heddle-drop-functions", [drop] { return createDropFunctionsPass(drop); })};
  return stage;
}

/// Composite ops that no kernel computes are written out again, now that their gradients are there.
/// What forward and backward both compute (activations) is one value afterwards; the large ones
/// that are cheap to make are then made again instead of kept, the small ones are read.
Stage expanded(const PipelineOptions &options) {
  ExpandCompositesPassOptions expand;
  expand.maxLogitsBytes = options.maxLogitsBytes;
  Stage stage{
      "expanded",
      "only ops that a kernel computes",
      {each("heddle-expand-composites", [expand] { return createExpandCompositesPass(expand); }),
       canonicalize(), cse()}};
  // Behind cse, which would undo it.
  if (options.recompute && (options.training || options.gradient))
    stage.passes.push_back(
        each("heddle-recompute-activations", [] { return createRecomputeActivationsPass(); }));
  return stage;
}

/// Products of few rows are cut here, behind all that looks for whole ones. Behind the kernels the
/// order of the ops is the order of the launches.
Stage kernels() {
  return {"kernels",
          "one heddle.kernel per launch",
          {each("heddle-split-depth", [] { return createSplitDepthPass(); }),
           each("heddle-form-kernels", [] { return createFormKernelsPass(); })}};
}

/// No pass may change the ops behind this one: offsets hold for this order only.
Stage planned() {
  return {"planned",
          "a place in memory for every tensor",
          {each("heddle-plan-memory", [] { return createPlanMemoryPass(); })}};
}

LogicalResult runPass(ModuleOp module, const Stage &stage, const PassStep &step,
                      const RunHooks &hooks) {
  PassManager manager(module.getContext(), module.getOperationName());
  step.add(manager);
  if (hooks.beforePass)
    hooks.beforePass(stage, step, manager, module);
  return manager.run(module);
}

void addAll(OpPassManager &manager, const PipelineOptions &options) {
  for (const Stage &stage : compileStages(options))
    for (const PassStep &step : stage.passes)
      step.add(manager);
}

} // namespace

PipelineOptions PipelineOptions::of(ModuleOp module, bool training) {
  PipelineOptions options;
  options.gradient = training && module.lookupSymbol("loss");
  options.training = training && module.lookupSymbol("train_loss");
  return options;
}

std::vector<Stage> compileStages(const PipelineOptions &options) {
  return {builder(), fused(),  differentiated(options), optimized(options), expanded(options),
          kernels(), planned()};
}

LogicalResult runStages(ModuleOp module, const std::vector<Stage> &stages, const RunHooks &hooks) {
  for (const Stage &stage : stages) {
    for (const PassStep &step : stage.passes) {
      if (failed(runPass(module, stage, step, hooks)))
        return failure();
      if (hooks.afterPass)
        hooks.afterPass(stage, step, module);
    }
    if (hooks.afterStage)
      hooks.afterStage(stage, module);
    if (stage.name == hooks.stopAfter)
      break;
  }
  return success();
}

void registerPipelines() {
  PassPipelineRegistration<>("heddle-compile", "from the builder's mathematics to planned kernels",
                             [](OpPassManager &manager) { addAll(manager, {}); });
  PassPipelineRegistration<>("heddle-compile-train",
                             "the same with the training entries that @train_loss gives",
                             [](OpPassManager &manager) {
                               PipelineOptions options;
                               options.training = true;
                               addAll(manager, options);
                             });
}

} // namespace heddle::passes
