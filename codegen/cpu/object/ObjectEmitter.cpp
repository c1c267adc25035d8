// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/object/ObjectEmitter.h"

#include <mutex>

#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/PassManager.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/LICM.h"
#include "llvm/Transforms/Scalar/LoopPassManager.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"

namespace heddle::codegen {
namespace {

constexpr const char *kTriple = "x86_64-unknown-linux-gnu";

StatusOr<std::unique_ptr<llvm::TargetMachine>> makeMachine(const MachineOptions &options) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
  });
  std::string error;
  llvm::Triple triple(kTriple);
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return absl::InternalError("LLVM has no x86-64 target: " + error);
  // Codegen level Default: the level None runs at a third of the speed, Aggressive gains nothing.
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, options.cpu, options.features, llvm::TargetOptions(), llvm::Reloc::PIC_,
      llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
}

void setAttributes(llvm::Module &module, const MachineOptions &options) {
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", options.cpu);
    function.addFnAttr("target-features", options.features);
    function.addFnAttr("prefer-vector-width", std::to_string(options.vectorWidth));
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
}

/// Cleans up what the lowering leaves behind: repeated address arithmetic and invariants in loops.
/// Nothing here unrolls or vectorises, the generators have decided that.
void optimise(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  llvm::FunctionPassManager pipeline;
  pipeline.addPass(llvm::EarlyCSEPass(true));
  pipeline.addPass(llvm::SimplifyCFGPass());
  llvm::LICMOptions licm;
  pipeline.addPass(
      llvm::createFunctionToLoopPassAdaptor(llvm::LICMPass(licm), /*UseMemorySSA=*/true));
  llvm::ModulePassManager passes;
  passes.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(pipeline)));
  passes.run(module, modules);
}

StatusOr<std::string> emit(llvm::Module &module, const MachineOptions &options,
                           llvm::CodeGenFileType fileType) {
  HEDDLE_ASSIGN_OR_RETURN(std::unique_ptr<llvm::TargetMachine> machine, makeMachine(options));
  module.setTargetTriple(llvm::Triple(kTriple));
  module.setDataLayout(machine->createDataLayout());
  setAttributes(module, options);
  optimise(module, *machine);
  llvm::SmallString<0> buffer;
  llvm::raw_svector_ostream stream(buffer);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, fileType, /*DisableVerify=*/true))
    return absl::InternalError("LLVM cannot emit this file type");
  passes.run(module);
  return std::string(buffer.data(), buffer.size());
}

} // namespace

StatusOr<std::string> emitObject(llvm::Module &module, const MachineOptions &options) {
  return emit(module, options, llvm::CodeGenFileType::ObjectFile);
}

StatusOr<std::string> emitAssembly(llvm::Module &module, const MachineOptions &options) {
  return emit(module, options, llvm::CodeGenFileType::AssemblyFile);
}

} // namespace heddle::codegen
