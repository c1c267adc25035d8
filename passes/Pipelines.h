// SPDX-License-Identifier: Apache-2.0
// A model's way from the builder's mathematics to planned kernels, in named stages. Tools run it
// whole
// (`compile`), up to a stage (`--emit STAGE`), or pass by pass (`verify --passes`, `--dump-dir`).

#ifndef HEDDLE_PASSES_PIPELINES_H
#define HEDDLE_PASSES_PIPELINES_H

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/LogicalResult.h"

namespace mlir {
class ModuleOp;
class OpPassManager;
class PassManager;
} // namespace mlir

namespace heddle::passes {

struct PipelineOptions {
  /// Derive @step, @accumulate and @step_accumulated from @train_loss.
  bool training = false;
  /// Derive @grad from @loss.
  bool gradient = false;
  /// See heddle-expand-composites.
  int64_t maxLogitsBytes = int64_t{50} << 20;
  /// Make large activations again in the backward pass: less memory for about one percent of time.
  bool recompute = true;

  /// What the functions of a module call for: `gradient` and `training` where asked for and the
  /// function to derive them from is there.
  static PipelineOptions of(mlir::ModuleOp module, bool training);
};

/// One pass, with its options; nested in the functions where it is a function pass.
struct PassStep {
  std::string name;
  std::function<void(mlir::OpPassManager &)> add;
};

/// The passes that lead to a state of the module which has a name.
struct Stage {
  std::string name;
  std::string summary;
  std::vector<PassStep> passes;
};

/// builder (no passes: the module as it comes), fused, differentiated, optimized, expanded,
/// kernels, planned, in this order whatever the options; a stage without work has no passes.
std::vector<Stage> compileStages(const PipelineOptions &options);

/// Hooks into a run; all may be empty.
struct RunHooks {
  /// Run no stage behind this one. A name that is no stage is the caller's mistake: everything
  /// runs.
  std::string stopAfter;
  /// After each pass and after each stage, also those without passes.
  std::function<void(const Stage &, const PassStep &, mlir::ModuleOp)> afterPass;
  std::function<void(const Stage &, mlir::ModuleOp)> afterStage;
  /// Before each pass; the manager holds just that pass. For timing, printing and reproducers.
  std::function<void(const Stage &, const PassStep &, mlir::PassManager &, mlir::ModuleOp)>
      beforePass;
};

/// Runs the stages in order, each pass in a pass manager of its own; the module is verified after
/// each. Stops at the first failure, whose diagnostics went to the module's context; the module is
/// then as that pass left it.
llvm::LogicalResult runStages(mlir::ModuleOp module, const std::vector<Stage> &stages,
                              const RunHooks &hooks = {});

/// heddle-compile and heddle-compile-train for heddle-opt.
void registerPipelines();

} // namespace heddle::passes

#endif // HEDDLE_PASSES_PIPELINES_H
