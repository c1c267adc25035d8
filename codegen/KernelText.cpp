// SPDX-License-Identifier: Apache-2.0
#include "codegen/KernelText.h"

#include "ir/Conventions.h"
#include "ir/Dialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Parser/Parser.h"

using namespace mlir;

namespace heddle::codegen {

std::string kernelText(ir::KernelOp kernel) {
  MLIRContext *context = kernel.getContext();
  Location unknown = UnknownLoc::get(context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(unknown);
  OpBuilder builder(module->getBodyRegion());
  auto function = func::FuncOp::create(
      builder, unknown, "kernel",
      builder.getFunctionType(kernel->getOperandTypes(), kernel->getResultTypes()));
  builder.setInsertionPointToStart(function.addEntryBlock());
  IRMapping mapping;
  mapping.map(kernel->getOperands(), function.getArguments());
  Operation *copy = builder.clone(*kernel, mapping);
  cast<ir::KernelOp>(copy).removeOffsetsAttr();
  // What plan-memory left says where a layer stores its results, not what it computes.
  copy->setDiscardableAttrs(ArrayRef<NamedAttribute>{});
  func::ReturnOp::create(builder, unknown, copy->getResults());
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, OpPrintingFlags().useLocalScope());
  return text;
}

std::string kernelReproducer(const std::string &kernelText) {
  // Printed by kernelText(), a module without a name or attributes.
  const std::string head = "module ";
  return absl::StrCat(head, "attributes {", ir::kStageAttr.str(), " = \"", ir::kKernelsStage.str(),
                      "\"} ", kernelText.substr(head.size()));
}

StatusOr<OwningOpRef<ModuleOp>> parseKernelText(const std::string &text, MLIRContext &context) {
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(text, ParserConfig(&context, /*verifyAfterParse=*/false));
  if (!module)
    return absl::InternalError("a kernel's text does not parse:\n" + text);
  return module;
}

ir::KernelOp kernelOf(ModuleOp module) {
  ir::KernelOp result;
  module.walk([&](ir::KernelOp kernel) { result = kernel; });
  return result;
}

} // namespace heddle::codegen
