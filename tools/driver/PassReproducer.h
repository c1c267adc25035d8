// SPDX-License-Identifier: Apache-2.0
// What a pass that fails or crashes leaves behind.

#ifndef HEDDLE_TOOLS_DRIVER_PASSREPRODUCER_H
#define HEDDLE_TOOLS_DRIVER_PASSREPRODUCER_H

#include <string>

#include "codegen/CrashNote.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Pipelines.h"

namespace heddle::tools {

/// The module with its locations. Behind the stage kernels it says so, so that `heddle compile`
/// goes on from there. A warm compile feels each printing: once a stage is enough.
std::string reproducerText(mlir::ModuleOp module, llvm::StringRef stageDone);

/// The module as it was when a stage began, as text that replays the stage's passes up to the one
/// that runs now: `heddle-opt --run-reproducer FILE`. A crash while the object lives leaves it,
/// too.
class PassReproducer {
public:
  /// `folder`: where the file would be written; empty: see codegen::reproducerPath().
  /// `stageBegin`: the module's reproducerText() then.
  PassReproducer(const std::string &folder, const std::string &stageBegin,
                 mlir::MLIRContext *context);

  /// To be called before each pass of the stage.
  void beforePass(const passes::Stage &stage, const passes::PassStep &pass);

  const codegen::Reproducer &reproducer() const { return reproducer_; }

private:
  codegen::Reproducer reproducer_;
  const std::string &stageBegin_;
  mlir::PassManager passes_; // up to the one that runs now
  codegen::CrashNote note_{reproducer_};
};

/// What a crash leaves while code is generated, but for no kernel: `kernels`, the module as
/// `heddle compile` goes on with it behind the stage kernels, for `target`.
codegen::Reproducer codegenReproducer(const std::string &folder, const std::string &kernels,
                                      const std::string &target);

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_DRIVER_PASSREPRODUCER_H
