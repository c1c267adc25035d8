// SPDX-License-Identifier: Apache-2.0
#include "tests/random/Graph.h"

#include "ir/Conventions.h"
#include "ir/Dialect.h"
#include "ir/ShapeRules.h"
#include "mlir/Pass/PassManager.h"
#include "passes/EntrySignature.h"
#include "passes/Passes.h"
#include "passes/autodiff/Gradients.h"
#include "runtime/plan/Session.h"
#include "tests/random/Random.h"
#include "tools/driver/Compile.h"
#include "tools/driver/Values.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::random {
namespace {

/// Mostly the best that this machine runs; the others in turn.
codegen::Target targetFor(uint64_t seed) {
  codegen::Target host = codegen::hostTarget();
  std::vector<const char *> others = {"cpu:scalar"};
  if (host.isa() == codegen::Isa::Avx512)
    others.push_back("cpu:avx2");
  Random random(seed, "target");
  if (host.isa() == codegen::Isa::Scalar || !random.oneIn(3))
    return host;
  return *codegen::parseTarget(random.pick(others));
}

/// value times weights of its own, summed.
Value weightedSum(OpBuilder &builder, func::FuncOp function, Value value, unsigned number) {
  const unsigned index = function.getNumArguments();
  (void)function.insertArgument(index, value.getType(), builder.getDictionaryAttr({}),
                                value.getLoc());
  setArgumentNames(function, index, kKindInput, "float_weight" + std::to_string(number));
  Value sum = MulOp::create(builder, value.getLoc(), value, function.getArgument(index));
  if (tensorOf(value).getRank() == 0)
    return sum;
  auto axes = llvm::to_vector(llvm::seq<int64_t>(0, tensorOf(value).getRank()));
  return SumOp::create(builder, value.getLoc(), sum, axes);
}

OwningOpRef<ModuleOp> lossOf(ModuleOp module, StringRef name) {
  OwningOpRef<ModuleOp> result(module.clone());
  func::FuncOp function = *result->getOps<func::FuncOp>().begin();
  function.setName(name);
  Operation *end = function.getBody().front().getTerminator();
  OpBuilder builder(end);
  Value loss;
  for (auto [index, value] : llvm::enumerate(end->getOperands())) {
    if (!elementOf(value).isF32() || resultKind(function, index) != kKindOutput)
      continue;
    Value part = weightedSum(builder, function, value, index);
    loss = loss ? AddOp::create(builder, end->getLoc(), loss, part).getResult() : part;
  }
  if (!loss)
    loss =
        ConstantOp::create(builder, end->getLoc(),
                           DenseElementsAttr::get(RankedTensorType::get({}, builder.getF32Type()),
                                                  builder.getF32FloatAttr(0)));
  passes::EntryResults results(function);
  results.add(loss, kKindOutput, "loss");
  results.finish();
  return result;
}

Status setArguments(runtime::Session &session, runtime::PreparedEntry &entry, func::FuncOp function,
                    const std::vector<TensorRef> &arguments) {
  for (auto [index, argument] : llvm::enumerate(arguments)) {
    std::string name = argumentName(function, index).str();
    StringRef kind = argumentKind(function, index);
    runtime::Tensor value = tools::toRuntime(*argument);
    if (kind != kKindParam && kind != kKindState) {
      HEDDLE_RETURN_IF_ERROR(entry.setRaw(name, value.bytes.data(), value.bytes.size()));
      continue;
    }
    const runtime::StoredTensor *stored = session.find(name);
    if (!stored || stored->bytes() != value.bytes.size())
      return absl::InternalError("the executable has no " + name + " of the graph's shape");
    HEDDLE_RETURN_IF_ERROR(
        session.device().upload(stored->data(), value.bytes.data(), value.bytes.size()));
  }
  return absl::OkStatus();
}

} // namespace

std::unique_ptr<MLIRContext> makeContext() {
  DialectRegistry registry;
  registry.insert<HeddleDialect, func::FuncDialect>();
  passes::registerGradients(registry);
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

std::string textOf(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  return text + "\n";
}

StatusOr<CompiledModule> CompiledModule::compile(ModuleOp module, std::vector<std::string> entries,
                                                 uint64_t seed) {
  tools::CompileRequest request;
  request.entries = std::move(entries);
  request.target = targetFor(seed);
  HEDDLE_ASSIGN_OR_RETURN(tools::Compilation compilation,
                          tools::Compilation::start(textOf(module), "random graph", request));
  HEDDLE_ASSIGN_OR_RETURN(runtime::proto::Executable executable, compilation.finish());
  CompiledModule compiled;
  HEDDLE_ASSIGN_OR_RETURN(compiled.executable_,
                          runtime::Executable::create(std::move(executable), "random graph"));
  return compiled;
}

StatusOr<runtime::TensorMap> CompiledModule::run(func::FuncOp function,
                                                 const std::vector<TensorRef> &arguments,
                                                 int threads, int times) const {
  HEDDLE_ASSIGN_OR_RETURN(auto session,
                          runtime::Session::create(executable_, runtime::makeCpuDevice(threads)));
  HEDDLE_RETURN_IF_ERROR(session->initializeWeights(0));
  HEDDLE_ASSIGN_OR_RETURN(runtime::PreparedEntry * entry,
                          session->prepare(function.getName().str()));
  for (int time = 0; time < times; ++time) {
    HEDDLE_RETURN_IF_ERROR(setArguments(*session, *entry, function, arguments));
    HEDDLE_RETURN_IF_ERROR(entry->run());
  }
  runtime::TensorMap results;
  for (const runtime::proto::Value &result : entry->plan().results()) {
    HEDDLE_ASSIGN_OR_RETURN(results[result.name()], entry->output(result.name()));
  }
  return results;
}

Graph::Graph(OwningOpRef<ModuleOp> module, uint64_t seed)
    : module_(std::move(module)), seed_(seed) {}

func::FuncOp Graph::forward() { return *module_->getOps<func::FuncOp>().begin(); }

bool Graph::isDifferentiable() {
  func::FuncOp function = forward();
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (argumentKind(function, i) == kKindParam)
      return true;
  return false;
}

OwningOpRef<ModuleOp> Graph::withLoss(StringRef name) { return lossOf(*module_, name); }

StatusOr<ModuleOp> Graph::withGradient() {
  if (gradient_)
    return *gradient_;
  OwningOpRef<ModuleOp> module = withLoss("loss");
  passes::DifferentiatePassOptions options;
  options.source = "loss";
  options.target = "grad";
  PassManager manager(module->getContext());
  manager.addPass(passes::createDifferentiatePass(options));
  if (failed(manager.run(*module)))
    return absl::InternalError("the loss cannot be differentiated");
  gradient_ = std::move(module);
  return *gradient_;
}

StatusOr<ModuleOp> Graph::withTraining() {
  if (training_)
    return *training_;
  OwningOpRef<ModuleOp> module = withLoss("train_loss");
  passes::DifferentiatePassOptions differentiate;
  differentiate.source = "train_loss";
  differentiate.target = "train_grad";
  differentiate.lossScale = true;
  passes::DropFunctionsPassOptions drop;
  drop.names = {"train_loss"};
  PassManager manager(module->getContext());
  manager.addPass(passes::createDifferentiatePass(differentiate));
  manager.addPass(passes::createAppendOptimizerPass());
  manager.addPass(passes::createDropFunctionsPass(drop));
  if (failed(manager.run(*module)))
    return absl::InternalError("no training entries can be made");
  training_ = std::move(module);
  return *training_;
}

Graph::Use Graph::use() {
  if (!isDifferentiable())
    return Use::Forward;
  switch (Random(seed_, "use").below(8)) {
  case 0:
    return Use::Training;
  case 1:
  case 2:
    return Use::Gradient;
  default:
    return Use::Forward;
  }
}

StatusOr<const CompiledModule *> Graph::compiled() {
  if (compiled_)
    return compiled_.get();
  OwningOpRef<ModuleOp> loss;
  ModuleOp module = *module_;
  std::vector<std::string> entries = {"forward"};
  if (use() != Use::Forward) {
    const bool training = use() == Use::Training;
    loss = withLoss(training ? "train_loss" : "loss");
    module = *loss;
    entries = training ? std::vector<std::string>{"step", "accumulate", "step_accumulated"}
                       : std::vector<std::string>{"loss", "grad"};
  }
  HEDDLE_ASSIGN_OR_RETURN(CompiledModule made, CompiledModule::compile(module, entries, seed_));
  compiled_ = std::make_unique<CompiledModule>(std::move(made));
  return compiled_.get();
}

StatusOr<std::vector<func::FuncOp>> Graph::compiledFunctions() {
  if (use() == Use::Forward)
    return std::vector<func::FuncOp>{forward()};
  HEDDLE_ASSIGN_OR_RETURN(ModuleOp module,
                          use() == Use::Training ? withTraining() : withGradient());
  auto functions = module.getOps<func::FuncOp>();
  return std::vector<func::FuncOp>(functions.begin(), functions.end());
}

} // namespace heddle::random
