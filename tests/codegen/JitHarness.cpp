// SPDX-License-Identifier: Apache-2.0
#include "tests/codegen/JitHarness.h"

#include <cstdio>
#include <cstdlib>

#include "codegen/cpu/object/LlvmLowering.h"
#include "codegen/cpu/object/ObjectEmitter.h"
#include "mlir/IR/Verifier.h"
#include "tests/codegen/GuardedBuffer.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"

namespace heddle::codegen {
namespace {

constexpr const char *kSymbol = "kernel_under_test";

Status fromLlvm(llvm::Error error) {
  return error ? absl::InternalError(llvm::toString(std::move(error))) : absl::OkStatus();
}

StatusOr<std::unique_ptr<llvm::Module>> toLlvm(GeneratedKernel &kernel,
                                               llvm::LLVMContext &context) {
  if (mlir::failed(mlir::verify(*kernel.module)))
    return absl::InternalError("the generated module does not verify");
  HEDDLE_RETURN_IF_ERROR(lowerToLlvmDialect(*kernel.module));
  return translateToLlvmIr(*kernel.module, kernel.entry, kSymbol, context);
}

} // namespace

JitKernel::JitKernel() = default;
JitKernel::JitKernel(JitKernel &&) noexcept = default;
JitKernel &JitKernel::operator=(JitKernel &&) noexcept = default;
JitKernel::~JitKernel() = default;

StatusOr<std::string> JitKernel::assembly(GeneratedKernel kernel, const Target &target) {
  llvm::LLVMContext context;
  HEDDLE_ASSIGN_OR_RETURN(std::unique_ptr<llvm::Module> module, toLlvm(kernel, context));
  return emitAssembly(*module, target.machineOptions());
}

StatusOr<JitKernel> JitKernel::compile(GeneratedKernel kernel, const Target &target) {
  llvm::LLVMContext context;
  HEDDLE_ASSIGN_OR_RETURN(std::unique_ptr<llvm::Module> module, toLlvm(kernel, context));
  HEDDLE_ASSIGN_OR_RETURN(std::string object, emitObject(*module, target.machineOptions()));

  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  JitKernel result;
  auto jit = llvm::orc::LLJITBuilder().create();
  if (!jit)
    return fromLlvm(jit.takeError());
  result.jit_ = std::move(*jit);
  auto process = llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
      result.jit_->getDataLayout().getGlobalPrefix());
  if (!process)
    return fromLlvm(process.takeError());
  result.jit_->getMainJITDylib().addGenerator(std::move(*process));
  HEDDLE_RETURN_IF_ERROR(fromLlvm(
      result.jit_->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(object, kernel.entry))));
  auto symbol = result.jit_->lookup(kSymbol);
  if (!symbol)
    return fromLlvm(symbol.takeError());
  result.function_ = symbol->toPtr<runtime::KernelFunction>();
  result.tasks_ = kernel.tasks;
  result.scratchBytes_ = kernel.scratchBytes;
  result.flops_ = kernel.flops;
  return result;
}

void JitKernel::run(const std::vector<void *> &operands, int pieces) const {
  for (int piece = pieces; piece-- > 0;) {
    GuardedBuffer scratch(scratchBytes_);
    int64_t begin = tasks_ * piece / pieces, end = tasks_ * (piece + 1) / pieces;
    if (begin < end)
      function_(operands.data(), begin, end, scratch.data());
    if (!scratch.isIntact()) { // benchmarks use this too, so no GoogleTest
      std::fputs("a kernel writes beside its scratch\n", stderr);
      std::abort();
    }
  }
}

} // namespace heddle::codegen
