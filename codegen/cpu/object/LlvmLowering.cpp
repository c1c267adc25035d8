// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/object/LlvmLowering.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/X86Vector/X86VectorDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

void buildPipeline(PassManager &passes) {
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  passes.addPass(createLoopInvariantCodeMotionPass());
  passes.addPass(createConvertVectorToSCFPass());
  passes.addPass(createSCFToControlFlowPass());
  passes.addPass(memref::createExpandStridedMetadataPass());
  passes.addPass(createLowerAffinePass());
  ConvertVectorToLLVMPassOptions vectors;
  vectors.x86Vector = true;
  vectors.vectorTransposeLowering = vector::VectorTransposeLowering::Shuffle16x16;
  passes.addPass(createConvertVectorToLLVMPass(vectors));
  passes.addPass(createConvertMathToLLVMPass());
  passes.addPass(createFinalizeMemRefToLLVMConversionPass());
  passes.addPass(createArithToLLVMConversionPass());
  ConvertFuncToLLVMPassOptions functions;
  functions.useBarePtrCallConv = true;
  passes.addPass(createConvertFuncToLLVMPass(functions));
  passes.addPass(createConvertControlFlowToLLVMPass());
  passes.addPass(createReconcileUnrealizedCastsPass());
}

/// symbol(operands, begin, end, scratch) { entry(operands[0], ..., begin, end, scratch); }
void buildWrapper(llvm::Module &module, llvm::Function &entry, const std::string &symbol) {
  llvm::LLVMContext &context = module.getContext();
  auto *pointer = llvm::PointerType::get(context, 0);
  auto *i64 = llvm::Type::getInt64Ty(context);
  auto *type =
      llvm::FunctionType::get(llvm::Type::getVoidTy(context), {pointer, i64, i64, pointer}, false);
  auto *wrapper = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, symbol, module);
  llvm::IRBuilder<> builder(llvm::BasicBlock::Create(context, "", wrapper));
  unsigned operands = entry.arg_size() - 3;
  llvm::SmallVector<llvm::Value *> arguments;
  for (unsigned i = 0; i < operands; ++i)
    arguments.push_back(
        builder.CreateLoad(pointer, builder.CreateConstGEP1_64(pointer, wrapper->getArg(0), i)));
  for (unsigned i = 1; i < 4; ++i)
    arguments.push_back(wrapper->getArg(i));
  builder.CreateCall(&entry, arguments);
  builder.CreateRetVoid();
}

} // namespace

void loadKernelDialects(MLIRContext &context) {
  DialectRegistry registry;
  registry.insert<arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect, LLVM::LLVMDialect,
                  math::MathDialect, memref::MemRefDialect, scf::SCFDialect, vector::VectorDialect,
                  x86vector::X86VectorDialect>();
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  context.appendDialectRegistry(registry);
  context.loadAllAvailableDialects();
}

Status lowerToLlvmDialect(ModuleOp module) {
  std::string diagnostics;
  ScopedDiagnosticHandler handler(module.getContext(), [&](Diagnostic &diagnostic) {
    diagnostics += diagnostic.str() + "\n";
    return success();
  });
  PassManager passes(module.getContext());
  passes.enableVerifier(false); // Costs as much as the passes; the tests run with it.
  buildPipeline(passes);
  if (failed(passes.run(module)))
    return absl::InternalError("lowering a kernel to LLVM failed: " + diagnostics);
  return absl::OkStatus();
}

StatusOr<std::unique_ptr<llvm::Module>> translateToLlvmIr(ModuleOp module, const std::string &entry,
                                                          const std::string &symbol,
                                                          llvm::LLVMContext &llvmContext) {
  std::unique_ptr<llvm::Module> result = translateModuleToLLVMIR(module, llvmContext, symbol);
  if (!result)
    return absl::InternalError("translating a kernel to LLVM IR failed");
  llvm::Function *function = result->getFunction(entry);
  if (!function)
    return absl::InternalError("a generated kernel has no function " + entry);
  for (llvm::Function &f : *result)
    if (!f.isDeclaration())
      f.setLinkage(llvm::GlobalValue::InternalLinkage);
  for (llvm::GlobalVariable &global : result->globals())
    global.setLinkage(llvm::GlobalValue::InternalLinkage);
  buildWrapper(*result, *function, symbol);
  return result;
}

} // namespace heddle::codegen
