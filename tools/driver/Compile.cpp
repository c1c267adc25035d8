// SPDX-License-Identifier: Apache-2.0
#include "tools/driver/Compile.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "codegen/KernelCompiler.h"
#include "codegen/PlanWriter.h"
#include "frontend/Builder.h"
#include "frontend/Model.h"
#include "ir/Dialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Pipelines.h"
#include "passes/autodiff/Gradients.h"
#include "runtime/io/FileLayer.h"
#include "runtime/plan/Executable.h"
#include "tools/driver/Dump.h"
#include "tools/driver/Manifest.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace heddle::tools {
namespace {

bool contains(const std::vector<std::string> &entries, const char *name) {
  return std::find(entries.begin(), entries.end(), name) != entries.end();
}

passes::PipelineOptions pipelineOptions(const CompileRequest &request) {
  passes::PipelineOptions options;
  options.gradient = contains(request.entries, "grad");
  options.training = contains(request.entries, "step");
  return options;
}

/// What the builder must write so that the passes can derive the entries asked for.
frontend::BuildOptions buildOptions(const CompileRequest &request) {
  frontend::BuildOptions build;
  build.batch = request.batch;
  build.seq = request.seq;
  for (const std::string &entry : request.entries) {
    const char *function = entry == "grad" ? "loss"
                           : entry == "step" || entry == "accumulate" || entry == "step_accumulated"
                               ? "train_loss"
                               : entry.c_str();
    if (!contains(build.entries, function))
      build.entries.push_back(function);
  }
  return build;
}

std::unique_ptr<MLIRContext> makeContext() {
  DialectRegistry registry;
  registry.insert<ir::HeddleDialect, func::FuncDialect>();
  passes::registerGradients(registry);
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

} // namespace

struct Compilation::State {
  CompileRequest request;
  const frontend::Model *model = nullptr;
  std::string origin;
  std::unique_ptr<MLIRContext> context;
  std::unique_ptr<passes::FusionReport> report;
  OwningOpRef<ModuleOp> module;
  std::vector<std::string> remarks;
  std::vector<passes::Stage> stages;
  size_t stagesDone = 0;
  std::unique_ptr<StageDumper> dumper;
  int compiled = 0, cached = 0;

  Status open();
  Status runStage(const passes::Stage &stage);
  Status checkFusions() const;
};

Status Compilation::State::open() {
  stages = passes::compileStages(pipelineOptions(request));
  report = std::make_unique<passes::FusionReport>(*context);
  if (request.dumpFolder.empty())
    return absl::OkStatus();
  HEDDLE_RETURN_IF_ERROR(runtime::FileLayer::system().makeFolders(request.dumpFolder));
  dumper = std::make_unique<StageDumper>(request.dumpFolder);
  return absl::OkStatus();
}

Status Compilation::State::runStage(const passes::Stage &stage) {
  std::string diagnostics, running;
  ScopedDiagnosticHandler handler(context.get(), [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      diagnostics += (diagnostics.empty() ? "" : "\n") + diagnostic.str();
    return success();
  });
  if (dumper) {
    dumper->enterStage(stage.name);
    if (stagesDone == 0)
      dumper->write(stage.name, *module);
  }
  Status status;
  OperationFingerPrint last(module->getOperation());
  std::string reproducer = dumper ? dumper->reproducerPath() : "";
  passes::RunHooks hooks;
  hooks.configure = [&](PassManager &manager) {
    if (dumper)
      manager.enableCrashReproducerGeneration(reproducer, /*genLocalReproducer=*/false);
  };
  hooks.afterPass = [&](const passes::Stage &, const passes::PassStep &pass, ModuleOp changed) {
    OperationFingerPrint now(changed.getOperation());
    if (now == last)
      return;
    last = now;
    if (dumper)
      dumper->write(pass.name, changed);
    if (request.afterPass && status.ok())
      status = request.afterPass(pass.name, changed);
  };
  if (failed(passes::runStages(*module, {stage}, hooks)))
    return absl::InternalError(absl::StrCat(
        "stage ", stage.name, " failed: ", diagnostics,
        reproducer.empty() ? "" : "\nreproduce with: heddle-opt --run-reproducer ", reproducer));
  return status;
}

Status Compilation::State::checkFusions() const {
  if (request.strict)
    for (const passes::FusionEntry &entry : report->entries())
      if (entry.kind == passes::FusionEntry::Kind::Missed)
        return invalidInput("--strict: ", entry.op, " was not fused in ", entry.layer, " (",
                            entry.function, "): ", entry.reason,
                            entry.advice.empty() ? "" : "; " + entry.advice);
  for (const FusionDemand &demand : request.requireFused) {
    std::set<std::string> functions;
    for (const passes::FusionEntry &entry : report->entries())
      if (entry.op == demand.op)
        functions.insert(entry.function);
    if (functions.empty() && demand.count > 0)
      return invalidInput("--require-fused ", demand.op, ":", demand.count,
                          ": nothing of the model is ", "a fused ", demand.op);
    for (const std::string &function : functions) {
      int64_t count = report->fusedCount(demand.op, function);
      if (count != demand.count)
        return invalidInput("--require-fused ", demand.op, ":", demand.count, ": ", count,
                            " are fused in ", function);
    }
  }
  return absl::OkStatus();
}

Compilation::Compilation(std::unique_ptr<State> state) : state_(std::move(state)) {}
Compilation::Compilation(Compilation &&) noexcept = default;
Compilation &Compilation::operator=(Compilation &&) noexcept = default;
Compilation::~Compilation() = default;

StatusOr<Compilation> Compilation::start(const frontend::Model &model, CompileRequest request) {
  auto state = std::make_unique<State>();
  state->request = std::move(request);
  state->model = &model;
  state->origin = model.path;
  state->context = makeContext();
  HEDDLE_RETURN_IF_ERROR(state->open());
  HEDDLE_ASSIGN_OR_RETURN(state->module, frontend::buildModule(*state->context, model.definition,
                                                               buildOptions(state->request)));
  return Compilation(std::move(state));
}

StatusOr<Compilation> Compilation::start(const std::string &mlirText, const std::string &origin,
                                         CompileRequest request) {
  auto state = std::make_unique<State>();
  state->request = std::move(request);
  state->origin = origin;
  state->context = makeContext();
  HEDDLE_RETURN_IF_ERROR(state->open());
  std::string diagnostics;
  ScopedDiagnosticHandler handler(state->context.get(), [&](Diagnostic &diagnostic) {
    llvm::raw_string_ostream(diagnostics) << diagnostic.getLocation() << ": " << diagnostic << "\n";
    return success();
  });
  state->module = parseSourceString<ModuleOp>(mlirText, state->context.get(), origin);
  if (!state->module)
    return invalidInput(origin, ": ", diagnostics);
  return Compilation(std::move(state));
}

Status Compilation::runTo(const std::string &stage) {
  auto isAsked = [&](const passes::Stage &known) { return known.name == stage; };
  auto end = std::find_if(state_->stages.begin(), state_->stages.end(), isAsked);
  if (end == state_->stages.end())
    return invalidInput("no stage ", stage, "; the stages are ", llvm::join(stageNames(), ", "));
  size_t last = static_cast<size_t>(end - state_->stages.begin());
  for (; state_->stagesDone <= last; ++state_->stagesDone)
    HEDDLE_RETURN_IF_ERROR(state_->runStage(state_->stages[state_->stagesDone]));
  return absl::OkStatus();
}

StatusOr<runtime::proto::Executable> Compilation::finish() {
  HEDDLE_RETURN_IF_ERROR(runTo(state_->stages.back().name));
  HEDDLE_RETURN_IF_ERROR(state_->checkFusions());
  auto findOne = [](ir::KernelOp) { return WalkResult::interrupt(); };
  if (!state_->module->walk(findOne).wasInterrupted())
    return invalidInput(state_->origin, ": holds nothing to run, expected functions such as "
                                        "@forward that compute something");
  const CompileRequest &request = state_->request;
  codegen::CompileOptions options;
  options.target = request.target;
  options.threads = request.threads;
  options.cacheFolder = request.cacheFolder;
  options.cacheLimitBytes = request.cacheLimitBytes;
  if (state_->dumper) {
    HEDDLE_ASSIGN_OR_RETURN(options.dumpFolder, state_->dumper->kernelFolder());
  }
  HEDDLE_ASSIGN_OR_RETURN(codegen::CompiledKernels kernels,
                          codegen::compileKernels(*state_->module, options));
  state_->compiled = kernels.compiled;
  state_->cached = kernels.cached;
  state_->remarks.insert(state_->remarks.end(), kernels.remarks.begin(), kernels.remarks.end());

  runtime::proto::Executable executable;
  *executable.mutable_manifest() =
      makeManifest(*state_->module, state_->model, state_->origin, request);
  for (func::FuncOp function : state_->module->getOps<func::FuncOp>()) {
    HEDDLE_ASSIGN_OR_RETURN(*executable.add_plans(), codegen::writePlan(function, kernels));
  }
  executable.set_kernels(kernels.sharedObject);
  runtime::sealExecutable(executable);
  if (state_->dumper) {
    HEDDLE_RETURN_IF_ERROR(
        state_->dumper->writeSummary(*state_->module, *state_->report, executable.manifest()));
    HEDDLE_RETURN_IF_ERROR(state_->dumper->status());
  }
  return executable;
}

ModuleOp Compilation::module() { return *state_->module; }
const passes::FusionReport &Compilation::fusions() const { return *state_->report; }
const std::vector<std::string> &Compilation::remarks() const { return state_->remarks; }
int Compilation::kernelsCompiled() const { return state_->compiled; }
int Compilation::kernelsCached() const { return state_->cached; }

std::vector<std::string> inferenceEntries() { return {"forward", "loss", "prefill", "decode"}; }

std::vector<std::string> trainingEntries(bool accumulate) {
  std::vector<std::string> entries = {"step", "eval"};
  if (accumulate) {
    entries.push_back("accumulate");
    entries.push_back("step_accumulated");
  }
  return entries;
}

std::vector<std::string> stageNames() {
  std::vector<std::string> names;
  for (const passes::Stage &stage : passes::compileStages({}))
    names.push_back(stage.name);
  return names;
}

StatusOr<std::vector<FusionDemand>> parseFusionDemands(const std::string &text) {
  std::vector<FusionDemand> demands;
  llvm::SmallVector<llvm::StringRef> parts;
  if (!text.empty())
    llvm::StringRef(text).split(parts, ',');
  for (llvm::StringRef part : parts) {
    auto [op, count] = part.trim().split(':');
    FusionDemand demand{op.str(), 0};
    if (op.empty() || count.getAsInteger(10, demand.count) || demand.count < 0)
      return invalidInput("--require-fused ", text,
                          ": expected op:count, as in attention:12,ffn:12");
    demands.push_back(std::move(demand));
  }
  return demands;
}

} // namespace heddle::tools
