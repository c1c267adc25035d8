// SPDX-License-Identifier: Apache-2.0
// What a pass that fails or crashes leaves behind.

#ifndef HEDDLE_TOOLS_DRIVER_PASSREPRODUCER_H
#define HEDDLE_TOOLS_DRIVER_PASSREPRODUCER_H

#include <optional>
#include <string>

#include "codegen/CrashNote.h"
#include "mlir/IR/OperationSupport.h"
#include "passes/Pipelines.h"

namespace heddle::tools {

/// The module as it was before the pass that runs now, as text that replays that pass:
/// `heddle-opt --run-reproducer FILE`. A crash while the object lives leaves it, too.
class PassReproducer {
public:
  /// `folder`: where the file would be written; empty: see codegen::reproducerPath().
  explicit PassReproducer(const std::string &folder);

  /// To be called before each pass; printing is skipped where the module is as it was.
  void beforePass(const passes::Stage &stage, const passes::PassStep &pass,
                  mlir::PassManager &manager, mlir::ModuleOp module);

  const codegen::Reproducer &reproducer() const { return reproducer_; }

private:
  codegen::Reproducer reproducer_;
  std::string moduleText_;
  std::optional<mlir::OperationFingerPrint> printed_;
  codegen::CrashNote note_{reproducer_};
};

/// What a crash leaves while code is generated for a planned module, but for no kernel of it: the
/// module as `heddle compile` goes on with it, for `target`.
codegen::Reproducer codegenReproducer(const std::string &folder, mlir::ModuleOp planned,
                                      const std::string &target);

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_DRIVER_PASSREPRODUCER_H
