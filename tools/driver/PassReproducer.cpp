// SPDX-License-Identifier: Apache-2.0
#include "tools/driver/PassReproducer.h"

#include "absl/strings/str_cat.h"
#include "ir/Conventions.h"
#include "mlir/IR/BuiltinOps.h"

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

std::string reproducerText(ModuleOp module, llvm::StringRef stageDone) {
  bool marks = stageDone == ir::kKernelsStage && !module->hasAttr(ir::kStageAttr);
  if (marks)
    module->setAttr(ir::kStageAttr, StringAttr::get(module.getContext(), stageDone));
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, OpPrintingFlags().enableDebugInfo(true, /*prettyForm=*/false));
  if (marks)
    module->removeAttr(ir::kStageAttr);
  return text;
}

PassReproducer::PassReproducer(const std::string &folder, const std::string &stageBegin,
                               MLIRContext *context)
    : stageBegin_(stageBegin), passes_(context, ModuleOp::getOperationName()) {
  reproducer_.path = codegen::reproducerPath(folder);
  reproducer_.command = "heddle-opt --run-reproducer " + reproducer_.path;
}

void PassReproducer::beforePass(const passes::Stage &stage, const passes::PassStep &pass) {
  pass.add(passes_);
  reproducer_.doing = "pass " + pass.name + " of stage " + stage.name;
  reproducer_.text = stageBegin_ + pipelineResource(passes_);
}

codegen::Reproducer codegenReproducer(const std::string &folder, const std::string &kernels,
                                      const std::string &target) {
  codegen::Reproducer reproducer;
  reproducer.path = codegen::reproducerPath(folder);
  reproducer.text = kernels;
  reproducer.doing = "code generation";
  reproducer.command = absl::StrCat("heddle compile ", reproducer.path, " -o ", reproducer.path,
                                    ".heddle --target ", target);
  return reproducer;
}

} // namespace heddle::tools
