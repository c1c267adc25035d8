// SPDX-License-Identifier: Apache-2.0
#include "tools/driver/PassReproducer.h"

#include "absl/strings/str_cat.h"
#include "ir/Conventions.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace heddle::tools {
namespace {

/// How MLIR's own reproducers say which passes to run, at the end of the module's text.
std::string pipelineResource(PassManager &manager) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << "\n{-#\n  external_resources: {\n    mlir_reproducer: {\n      pipeline: \"";
  std::string pipeline;
  llvm::raw_string_ostream pipelineStream(pipeline);
  manager.printAsTextualPipeline(pipelineStream);
  llvm::printEscapedString(pipeline, stream);
  stream << "\",\n      disable_threading: true,\n      verify_each: true\n    }\n  }\n#-}\n";
  return text;
}

} // namespace

PassReproducer::PassReproducer(const std::string &folder) {
  reproducer_.path = codegen::reproducerPath(folder);
  reproducer_.command = "heddle-opt --run-reproducer " + reproducer_.path;
}

void PassReproducer::beforePass(const passes::Stage &stage, const passes::PassStep &pass,
                                PassManager &manager, ModuleOp module) {
  OperationFingerPrint now(module.getOperation());
  if (!printed_ || *printed_ != now) {
    moduleText_.clear();
    llvm::raw_string_ostream stream(moduleText_);
    module->print(stream, OpPrintingFlags().enableDebugInfo(true, /*prettyForm=*/false));
    printed_ = now;
  }
  reproducer_.doing = "pass " + pass.name + " of stage " + stage.name;
  reproducer_.text = moduleText_ + pipelineResource(manager);
}

codegen::Reproducer codegenReproducer(const std::string &folder, ModuleOp planned,
                                      const std::string &target) {
  OwningOpRef<ModuleOp> module = planned.clone();
  (*module)->setAttr(ir::kStageAttr, StringAttr::get(planned.getContext(), ir::kKernelsStage));
  codegen::Reproducer reproducer;
  reproducer.path = codegen::reproducerPath(folder);
  llvm::raw_string_ostream stream(reproducer.text);
  module->print(stream, OpPrintingFlags().enableDebugInfo(true, /*prettyForm=*/false));
  reproducer.doing = "code generation";
  reproducer.command = absl::StrCat("heddle compile ", reproducer.path, " -o ", reproducer.path,
                                    ".heddle --target ", target);
  return reproducer;
}

} // namespace heddle::tools
