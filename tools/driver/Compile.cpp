// SPDX-License-Identifier: Apache-2.0
#include "tools/driver/Compile.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "codegen/KernelCompiler.h"
#include "codegen/PlanWriter.h"
#include "frontend/Builder.h"
#include "frontend/Model.h"
#include "ir/Conventions.h"
#include "ir/Dialect.h"
#include "ir/EntryCheck.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Pipelines.h"
#include "runtime/io/FileLayer.h"
#include "runtime/plan/Executable.h"
#include "tools/driver/Dump.h"
#include "tools/driver/Manifest.h"
#include "tools/driver/MlirText.h"
#include "tools/driver/PassReproducer.h"
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

/// The builder's function that an entry is derived from.
std::string functionOf(const std::string &entry) {
  if (entry == "grad")
    return frontend::kLossEntry;
  if (entry == "step" || entry == "accumulate" || entry == "step_accumulated")
    return frontend::kTrainLossEntry;
  return entry;
}

/// What the builder must write so that the passes can derive the entries asked for.
frontend::BuildOptions buildOptions(const CompileRequest &request) {
  frontend::BuildOptions build;
  build.batch = request.batch;
  build.seq = request.seq;
  build.sourceSeq = request.sourceSeq;
  for (const std::string &entry : request.entries) {
    const std::string function = functionOf(entry);
    if (!contains(build.entries, function.c_str()))
      build.entries.push_back(function);
  }
  return build;
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
  std::string stageBegin; // the last stage's, for reproducers
  std::unique_ptr<StageDumper> dumper;
  int compiled = 0, cached = 0;

  Status open();
  /// What a module that was not built here must have before passes may see it.
  Status checkModule();
  Status runStage(const passes::Stage &stage);
  Status describeFailure(const codegen::Reproducer &reproducer,
                         const std::vector<std::string> &diagnostics) const;
  Status describeFailure(const Status &codegen) const;
  Status checkFusions() const;
  /// How many of an op are fused in an encoder, before any token is written.
  int64_t fusedInEncoder(const std::string &op) const;
};

Status Compilation::State::open() {
  stages = passes::compileStages(pipelineOptions(request));
  if (request.editStages)
    request.editStages(stages);
  report = std::make_unique<passes::FusionReport>(*context);
  if (request.dumpFolder.empty())
    return absl::OkStatus();
  HEDDLE_RETURN_IF_ERROR(runtime::FileLayer::system().makeFolders(request.dumpFolder));
  dumper = std::make_unique<StageDumper>(request.dumpFolder);
  return absl::OkStatus();
}

Status Compilation::State::checkModule() {
  std::vector<std::string> errors;
  ScopedDiagnosticHandler handler(context.get(), [&](Diagnostic &diagnostic) {
    errors.push_back(describe(diagnostic, origin));
    return success();
  });
  if (failed(ir::checkEntries(*module)))
    return invalidInput(origin, ": ", llvm::join(errors, "\n"));
  for (func::FuncOp function : module->getOps<func::FuncOp>())
    if (std::vector<std::string> given = ir::nameTheNameless(function); !given.empty())
      remarks.push_back(absl::StrCat("@", function.getName().str(), " has arguments or results ",
                                     "without heddle.name, called ", llvm::join(given, ", ")));
  Attribute through = (*module)->getAttr(ir::kStageAttr);
  if (!through)
    return absl::OkStatus();
  auto name = dyn_cast<StringAttr>(through);
  if (!name || name.getValue() != ir::kKernelsStage)
    return invalidInput(origin, ": ", ir::kStageAttr.str(), ": only \"", ir::kKernelsStage.str(),
                        "\" can be gone on from");
  auto isThrough = [&](const passes::Stage &stage) { return stage.name == name.getValue(); };
  stagesDone = llvm::find_if(stages, isThrough) - stages.begin() + 1;
  return absl::OkStatus();
}

Status Compilation::State::runStage(const passes::Stage &stage) {
  std::vector<std::string> diagnostics;
  ScopedDiagnosticHandler handler(context.get(), [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      diagnostics.push_back(describe(diagnostic, origin));
    return success();
  });
  if (dumper) {
    dumper->enterStage(stage.name);
    if (stagesDone == 0)
      dumper->write(stage.name, *module);
  }
  Status status;
  if (stage.passes.empty())
    return status;
  stageBegin = reproducerText(*module, stagesDone == 0 ? "" : stages[stagesDone - 1].name);
  PassReproducer reproducer(dumper ? dumper->stageFolder() : "", stageBegin, context.get());
  passes::RunHooks hooks;
  hooks.beforePass = [&](const passes::Stage &stage, const passes::PassStep &pass, PassManager &,
                         ModuleOp) { reproducer.beforePass(stage, pass); };
  // What a pass left as it was is not dumped again; without a reader nobody looks.
  std::optional<OperationFingerPrint> last;
  if (dumper || request.afterPass)
    last.emplace(module->getOperation());
  hooks.afterPass = [&](const passes::Stage &, const passes::PassStep &pass, ModuleOp changed) {
    if (!last)
      return;
    OperationFingerPrint now(changed.getOperation());
    if (now == *last)
      return;
    last = now;
    if (dumper)
      dumper->write(pass.name, changed);
    if (request.afterPass && status.ok())
      status = request.afterPass(pass.name, changed);
  };
  if (failed(passes::runStages(*module, {stage}, hooks)))
    return describeFailure(reproducer.reproducer(), diagnostics);
  return status;
}

Status Compilation::State::describeFailure(const codegen::Reproducer &reproducer,
                                           const std::vector<std::string> &diagnostics) const {
  std::string message = absl::StrCat(reproducer.doing, " failed: ", llvm::join(diagnostics, "\n"),
                                     "\n", codegen::leaveReproducer(reproducer));
  // A pass that says what it cannot take, and leaves the module sound, speaks of what the user
  // wrote by hand. The builder writes nothing that a pass may refuse.
  bool sound = succeeded(mlir::verify(*module));
  if (!model && sound && !diagnostics.empty())
    return invalidInput(origin, ": ", message);
  return absl::InternalError(absl::StrCat(message, "\n", codegen::kBugLine));
}

Status Compilation::State::describeFailure(const Status &codegen) const {
  if (!model && absl::IsUnimplemented(codegen))
    return invalidInput(origin, ": ", std::string(codegen.message()));
  if (!absl::IsUnimplemented(codegen) && !absl::IsInternal(codegen))
    return withContext(codegen, origin);
  return absl::InternalError(absl::StrCat(std::string(codegen.message()), "\n", codegen::kBugLine));
}

int64_t Compilation::State::fusedInEncoder(const std::string &op) const {
  const auto &entries = report->entries();
  return std::count_if(entries.begin(), entries.end(), [&](const passes::FusionEntry &entry) {
    return entry.kind == passes::FusionEntry::Kind::Fused && entry.op == op &&
           entry.function == frontend::kPrefillEntry && entry.layer.starts_with("encoder.");
  });
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
      if (function == frontend::kDecodeEntry) // which the source has been through before
        count += fusedInEncoder(demand.op);
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
  HEDDLE_ASSIGN_OR_RETURN(state->module, parseMlirText(mlirText, origin, *state->context));
  HEDDLE_RETURN_IF_ERROR(state->checkModule());
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

Status Compilation::checkFusions() const { return state_->checkFusions(); }

StatusOr<runtime::proto::Executable> Compilation::finish() {
  HEDDLE_RETURN_IF_ERROR(runTo(state_->stages.back().name));
  HEDDLE_RETURN_IF_ERROR(checkFusions());
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
  if (!request.dumpFolder.empty())
    options.reproducerFolder = options.dumpFolder;
  codegen::Reproducer reproducer =
      codegenReproducer(options.reproducerFolder, state_->stageBegin, request.target.name());
  codegen::CrashNote note(reproducer);
  StatusOr<codegen::CompiledKernels> compiled = codegen::compileKernels(*state_->module, options);
  if (!compiled.ok())
    return state_->describeFailure(compiled.status());
  codegen::CompiledKernels kernels = *std::move(compiled);
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
  for (runtime::proto::DeviceModule &module : kernels.modules)
    *executable.add_modules() = std::move(module);
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

std::vector<std::string> inferenceEntries() {
  return {"forward", "encode", "loss", "prefill", "decode"};
}

std::vector<std::string> trainingEntries(bool accumulate) {
  std::vector<std::string> entries = {"step", "eval"};
  if (accumulate) {
    entries.push_back("accumulate");
    entries.push_back("step_accumulated");
  }
  return entries;
}

std::vector<std::string> entriesPresent(std::vector<std::string> entries,
                                        const frontend::Model *model) {
  if (!model)
    return entries;
  const std::vector<std::string> known = frontend::entriesOf(model->definition, /*training=*/true);
  std::erase_if(entries, [&](const std::string &entry) {
    return !contains(known, functionOf(entry).c_str());
  });
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
