// SPDX-License-Identifier: Apache-2.0
#include "codegen/KernelCompiler.h"

#include <atomic>
#include <mutex>
#include <system_error>
#include <thread>

#include "codegen/BuildId.h"
#include "codegen/CrashNote.h"
#include "codegen/KernelCache.h"
#include "codegen/KernelText.h"
#include "codegen/body/KernelWork.h"
#include "codegen/cpu/KernelGenerator.h"
#include "codegen/cpu/object/LlvmLowering.h"
#include "codegen/cpu/object/ObjectEmitter.h"
#include "codegen/cpu/object/SharedObject.h"
#include "codegen/cuda/HostKernel.h"
#include "codegen/cuda/kernels/CudaProgram.h"
#include "ir/Dialect.h"
#include "ir/LayerPath.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/io/FileLayer.h"
#include "runtime/io/Sha256.h"
#include "runtime/io/WholeFile.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

/// One distinct kernel on its way through the compiler.
struct Job {
  std::string text;
  std::string name;  // readable, from the shapes
  std::string layer; // of the first use, for messages
  std::string key;
  proto::CachedKernel result;
  Status status;
};

std::string symbolFor(const std::string &name, const std::string &key) {
  std::string symbol = "heddle_";
  for (char c : name)
    symbol += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return symbol + "_" + key.substr(0, 12);
}

Reproducer reproducerOf(const Job &job, const CompileOptions &options) {
  Reproducer reproducer;
  reproducer.path = reproducerPath(options.reproducerFolder);
  reproducer.text = kernelReproducer(job.text);
  reproducer.doing =
      "generating kernel " + job.name + (job.layer.empty() ? "" : " (" + job.layer + ")");
  reproducer.command = "heddle compile " + reproducer.path + " -o " + reproducer.path +
                       ".heddle --target " + options.target.name();
  return reproducer;
}

/// The jobs, and the job of each class.
std::pair<std::vector<Job>, std::vector<size_t>> collectJobs(const KernelClasses &classes,
                                                             const CompileTarget &target) {
  std::string versions = "llvm " LLVM_VERSION_STRING " build " + runtime::sha256Hex(buildId());
  std::vector<Job> jobs;
  std::vector<size_t> jobOfClass;
  std::map<std::string, size_t> seen;
  for (ir::KernelOp kernel : classes.firsts()) {
    Job job;
    job.text = kernelText(kernel);
    auto [known, isNew] = seen.emplace(job.text, jobs.size());
    jobOfClass.push_back(known->second);
    if (!isNew)
      continue;
    job.name = kernel.getName().str();
    job.layer = ir::layerPath(kernel.getLoc());
    job.key = KernelCache::key(job.text, target.cacheText(), versions);
    jobs.push_back(std::move(job));
  }
  return {std::move(jobs), std::move(jobOfClass)};
}

/// A worker's own context: kernels are parsed from text into it, so that workers share nothing.
class Worker {
public:
  explicit Worker(const CompileOptions &options)
      : options_(options), context_(MLIRContext::Threading::DISABLED) {
    context_.loadDialect<ir::HeddleDialect, func::FuncDialect>();
    loadKernelDialects(context_);
  }

  Status compile(Job &job) {
    HEDDLE_ASSIGN_OR_RETURN(OwningOpRef<ModuleOp> source, parseKernelText(job.text, context_));
    return options_.target.isCuda() ? compileForCuda(job, kernelOf(*source))
                                    : compileForCpu(job, kernelOf(*source));
  }

private:
  Status compileForCuda(Job &job, ir::KernelOp kernel) {
    std::string symbol = symbolFor(job.name, job.key), reason;
    FailureOr<CudaProgram> program = generateCudaProgram(kernel, symbol, &reason);
    if (failed(program))
      return absl::UnimplementedError("no kernel can be generated: " + reason);
    if (!options_.dumpFolder.empty())
      HEDDLE_RETURN_IF_ERROR(
          writeDump(dumpPath(job, ".cu"), "// " + job.layer + "\n" + program->text));
    if (StatusOr<std::string> compiler = hostCompiler(); !compiler.ok())
      return invalidInput("--target ", options_.target.name(), ": ",
                          std::string(compiler.status().message()));
    HEDDLE_ASSIGN_OR_RETURN(std::string object, compileForEmulator(program->text, symbol + ".cu"));
    for (const CudaProgramLaunch &launch : program->launches) {
      runtime::proto::GridLaunch &grid = *job.result.add_grid();
      grid.set_function(launch.function);
      grid.set_blocks(static_cast<uint32_t>(launch.blocks));
      grid.set_threads(static_cast<uint32_t>(launch.threads));
      grid.set_shared_bytes(static_cast<uint32_t>(launch.sharedBytes));
    }
    job.result.set_workspace_bytes(program->workspaceBytes);
    job.result.set_source(std::move(program->text));
    finish(job, symbol, std::move(object), {kernelFlops(kernel), operandBytes(kernel)});
    return absl::OkStatus();
  }

  struct Work {
    double flops, bytes;
  };
  static void finish(Job &job, const std::string &symbol, std::string object, const Work &work) {
    job.result.set_key(job.key);
    job.result.set_symbol(symbol);
    job.result.set_flops(work.flops);
    job.result.set_bytes(work.bytes);
    job.result.set_object_sha256(runtime::sha256Hex(object));
    job.result.set_object(std::move(object));
  }

  Status compileForCpu(Job &job, ir::KernelOp kernel) {
    std::string reason;
    FailureOr<GeneratedKernel> generated = generateKernel(kernel, options_.target.cpu(), &reason);
    if (failed(generated))
      return absl::UnimplementedError("no kernel can be generated: " + reason);
    HEDDLE_RETURN_IF_ERROR(dumpModule(job, *generated->module));
    HEDDLE_RETURN_IF_ERROR(lowerToLlvmDialect(*generated->module));
    std::string symbol = symbolFor(job.name, job.key);
    llvm::LLVMContext llvmContext;
    HEDDLE_ASSIGN_OR_RETURN(
        std::unique_ptr<llvm::Module> module,
        translateToLlvmIr(*generated->module, generated->entry, symbol, llvmContext));
    HEDDLE_RETURN_IF_ERROR(dumpCode(job, *generated->module, generated->entry, symbol));
    HEDDLE_ASSIGN_OR_RETURN(std::string object,
                            emitObject(*module, options_.target.cpu().machineOptions()));
    job.result.set_tasks(generated->tasks);
    job.result.set_scratch_bytes(generated->scratchBytes);
    finish(job, symbol, std::move(object), {generated->flops, generated->bytes});
    return absl::OkStatus();
  }

  std::string dumpPath(const Job &job, const char *extension) const {
    return options_.dumpFolder + "/" + symbolFor(job.name, job.key) + extension;
  }

  static Status writeDump(const std::string &path, const std::string &text) {
    return runtime::writeFileAtomically(runtime::FileLayer::system(), path, text,
                                        runtime::Durability::Unflushed);
  }

  Status dumpModule(const Job &job, ModuleOp module) {
    if (options_.dumpFolder.empty())
      return absl::OkStatus();
    std::string text;
    llvm::raw_string_ostream stream(text);
    stream << "// " << job.layer << "\n";
    for (size_t begin = 0; begin < job.text.size();) {
      size_t end = job.text.find('\n', begin);
      stream << "// " << job.text.substr(begin, end - begin) << "\n";
      begin = end == std::string::npos ? job.text.size() : end + 1;
    }
    module.print(stream, OpPrintingFlags());
    return writeDump(dumpPath(job, ".mlir"), text);
  }

  /// Assembly and LLVM IR come from a second translation: emitting consumes a module.
  Status dumpCode(const Job &job, ModuleOp module, const std::string &entry,
                  const std::string &symbol) {
    if (options_.dumpFolder.empty())
      return absl::OkStatus();
    llvm::LLVMContext llvmContext;
    HEDDLE_ASSIGN_OR_RETURN(std::unique_ptr<llvm::Module> copy,
                            translateToLlvmIr(module, entry, symbol, llvmContext));
    HEDDLE_ASSIGN_OR_RETURN(std::string assembly,
                            emitAssembly(*copy, options_.target.cpu().machineOptions()));
    std::string ir;
    llvm::raw_string_ostream stream(ir);
    copy->print(stream, nullptr);
    HEDDLE_RETURN_IF_ERROR(writeDump(dumpPath(job, ".ll"), ir));
    return writeDump(dumpPath(job, ".s"), assembly);
  }

  const CompileOptions &options_;
  MLIRContext context_;
};

Status describeFailure(const Job &job, const CompileOptions &options) {
  // Anything else went wrong outside of the compiler: a dump could not be written.
  if (!absl::IsInternal(job.status) && !absl::IsUnimplemented(job.status))
    return withContext(job.status, "kernel " + job.name + " (" + job.layer + ")");
  Reproducer reproducer = reproducerOf(job, options);
  std::string left = leaveReproducer(reproducer);
  return Status(job.status.code(), absl::StrCat(reproducer.doing, " failed: ",
                                                std::string(job.status.message()), "\n", left));
}

void compileAll(std::vector<Job *> &jobs, const CompileOptions &options) {
  std::atomic<size_t> next{0};
  auto work = [&] {
    std::unique_ptr<Worker> worker;
    for (size_t i = next++; i < jobs.size(); i = next++) {
      if (!worker)
        worker = std::make_unique<Worker>(options);
      Reproducer reproducer = reproducerOf(*jobs[i], options);
      CrashNote note(reproducer);
      jobs[i]->status = worker->compile(*jobs[i]);
    }
  };
  size_t count = std::min<size_t>(std::max(options.threads, 1), jobs.size());
  std::vector<std::thread> threads;
  try {
    for (size_t i = 1; i < count; ++i)
      threads.emplace_back(work);
  } catch (const std::system_error &) {
    // The system grants no more: those that run do all the work.
  }
  work();
  for (std::thread &thread : threads)
    thread.join();
}

runtime::proto::DeviceModule moduleOf(proto::CachedKernel kernel) {
  runtime::proto::DeviceModule module;
  module.set_kernel(kernel.symbol());
  module.set_source(std::move(*kernel.mutable_source()));
  module.set_object(std::move(*kernel.mutable_object()));
  return module;
}

} // namespace

StatusOr<CompiledKernels> compileKernels(ModuleOp module, const CompileOptions &options) {
  CompiledKernels result;
  result.classes = KernelClasses(module);
  auto [jobs, jobOfClass] = collectJobs(result.classes, options.target);
  if (jobs.empty())
    return invalidInput("nothing is computed: no function has a kernel");
  KernelCache cache(options.cacheFolder, options.cacheLimitBytes);
  std::vector<Job *> missing;
  for (Job &job : jobs) {
    std::optional<proto::CachedKernel> hit;
    if (options.dumpFolder.empty())
      hit = cache.find(job.key);
    if (hit)
      job.result = std::move(*hit);
    else
      missing.push_back(&job);
  }
  compileAll(missing, options);
  result.compiled = static_cast<int>(missing.size());
  result.cached = static_cast<int>(jobs.size() - missing.size());
  for (Job *job : missing) {
    if (!job->status.ok())
      return describeFailure(*job, options);
    cache.store(job->result);
  }
  if (!missing.empty())
    cache.trim();
  if (!cache.problem().empty())
    result.remarks.push_back("kernel cache not used: " + cache.problem());

  for (size_t job : jobOfClass) {
    const proto::CachedKernel &kernel = jobs[job].result;
    result.kernels.push_back({kernel.symbol(),
                              kernel.tasks(),
                              static_cast<int64_t>(kernel.scratch_bytes()),
                              kernel.flops(),
                              kernel.bytes(),
                              {kernel.grid().begin(), kernel.grid().end()},
                              kernel.workspace_bytes()});
  }
  if (options.target.isCuda()) {
    for (Job &job : jobs)
      result.modules.push_back(moduleOf(std::move(job.result)));
    return result;
  }
  std::vector<std::string> objects;
  for (const Job &job : jobs)
    objects.push_back(job.result.object());
  HEDDLE_ASSIGN_OR_RETURN(result.sharedObject, linkSharedObject(objects));
  return result;
}

} // namespace heddle::codegen
