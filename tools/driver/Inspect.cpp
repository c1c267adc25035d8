// SPDX-License-Identifier: Apache-2.0
#include "tools/driver/Inspect.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "frontend/Builder.h"
#include "ir/Conventions.h"
#include "ir/LayerPath.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/plan/Tensor.h"
#include "tools/driver/OpenSource.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace heddle::tools {
namespace {

void add(ParameterSection &section, ParameterRow row) {
  row.elements = 1;
  for (int64_t size : row.shape)
    row.elements *= size;
  auto isLayer = [&](const ParameterSection::Layer &layer) { return layer.path == row.layer; };
  auto layer = std::find_if(section.layers.begin(), section.layers.end(), isLayer);
  if (layer == section.layers.end())
    layer = section.layers.insert(section.layers.end(), {row.layer, 0, 0});
  ++layer->tensors;
  layer->elements += row.elements;
  section.elements += row.elements;
  section.parameters.push_back(std::move(row));
}

ParameterSection parametersOf(const frontend::Model &model) {
  ParameterSection section;
  for (const frontend::ParameterSpec &spec : model.parameters)
    add(section, {spec.name, spec.layerPath, spec.shape});
  return section;
}

ParameterSection parametersOf(const runtime::proto::Manifest &manifest) {
  ParameterSection section;
  for (const runtime::proto::Parameter &parameter : manifest.parameters())
    add(section, {parameter.name(),
                  parameter.layer_path(),
                  {parameter.shape().begin(), parameter.shape().end()}});
  return section;
}

/// The layer of the first op that uses the argument.
std::string layerOf(BlockArgument argument) {
  Operation *first = nullptr;
  for (Operation *user : argument.getUsers())
    if (!first || user->isBeforeInBlock(first))
      first = user;
  return first ? ir::layerPath(first->getLoc()) : "";
}

ParameterSection parametersOf(ModuleOp module) {
  ParameterSection section;
  std::set<std::string> seen;
  for (auto function : module.getOps<func::FuncOp>())
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      std::string name = ir::argumentName(function, i).str();
      if (ir::argumentKind(function, i) == ir::kKindParam && seen.insert(name).second)
        add(section, {name, layerOf(function.getArgument(i)),
                      cast<RankedTensorType>(function.getArgumentTypes()[i]).getShape().vec()});
    }
  return section;
}

std::string typesText(TypeRange types) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::interleaveComma(types, stream, [&](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor)
      stream << type;
    else {
      for (int64_t size : tensor.getShape())
        stream << size << "x";
      stream << tensor.getElementType();
    }
  });
  return text;
}

std::vector<OpRow> opRowsOf(func::FuncOp function) {
  std::vector<OpRow> rows;
  function.walk([&](Operation *op) {
    if (isa<func::FuncOp, func::ReturnOp>(op))
      return;
    StringRef name = op->getName().getStringRef();
    name.consume_front("heddle.");
    rows.push_back({name.str(), typesText(op->getOperandTypes()), typesText(op->getResultTypes()),
                    ir::layerPath(op->getLoc()), ""});
  });
  return rows;
}

std::string lettersText(const OpSizes &sizes, size_t operands) {
  std::string text;
  for (size_t i = 0; i < sizes.size(); ++i) {
    text += i == operands ? (i > 0 ? " -> [" : "[") : (i > 0 ? ", [" : "[");
    for (const Size &size : sizes[i])
      text += (&size == &sizes[i].front() ? "" : ",") + size.text;
    text += "]";
  }
  return text;
}

void addLetters(const std::vector<OpSizes> &sizes, func::FuncOp function,
                std::vector<OpRow> &rows) {
  size_t row = 0;
  function.walk([&](Operation *op) {
    if (isa<func::FuncOp, func::ReturnOp>(op))
      return;
    rows[row].letters = lettersText(sizes[row], op->getNumOperands());
    ++row;
  });
}

/// On a CUDA device, blocks.
int64_t tasksOf(const runtime::proto::Launch &launch) {
  int64_t blocks = 0;
  for (const runtime::proto::GridLaunch &grid : launch.grid())
    blocks += grid.blocks();
  return launch.grid().empty() ? launch.tasks() : blocks;
}

template <typename Plans> std::vector<KernelRow> kernelsOf(const Plans &plans) {
  std::vector<KernelRow> rows;
  std::map<std::string, size_t> bySymbol;
  for (const runtime::proto::Plan *plan : plans)
    for (const runtime::proto::Launch &launch : plan->launches()) {
      auto [found, isNew] = bySymbol.emplace(launch.kernel(), rows.size());
      if (isNew)
        rows.push_back({launch.kernel(), tasksOf(launch), launch.flops(), launch.bytes(), 0, {}});
      KernelRow &row = rows[found->second];
      ++row.launches;
      if (std::find(row.layers.begin(), row.layers.end(), launch.layer()) == row.layers.end())
        row.layers.push_back(launch.layer());
    }
  // What costs most comes first.
  std::stable_sort(rows.begin(), rows.end(), [](const KernelRow &a, const KernelRow &b) {
    return a.flops * a.launches > b.flops * b.launches;
  });
  return rows;
}

int64_t bytesOf(const google::protobuf::RepeatedPtrField<runtime::proto::Value> &values) {
  int64_t total = 0;
  for (const runtime::proto::Value &value : values) {
    StatusOr<uint64_t> bytes = runtime::byteSize(value.dtype(), runtime::shapeOf(value));
    total += bytes.ok() ? static_cast<int64_t>(*bytes) : 0;
  }
  return total;
}

PlanMemory memoryOf(const runtime::proto::Plan &plan) {
  PlanMemory memory{plan.entry(), {}};
  memory.report.arenaBytes = static_cast<int64_t>(plan.arena_bytes());
  memory.report.maxLiveBytes = static_cast<int64_t>(plan.max_live_bytes());
  memory.report.argumentBytes = bytesOf(plan.arguments());
  for (int i = 0; i < plan.results_size(); ++i)
    if (plan.result_alias(i) < 0) {
      auto bytes = runtime::byteSize(plan.results(i).dtype(), runtime::shapeOf(plan.results(i)));
      memory.report.resultBytes += bytes.ok() ? static_cast<int64_t>(*bytes) : 0;
    }
  for (const std::string &constant : plan.constants())
    memory.report.constantBytes += static_cast<int64_t>(constant.size());
  return memory;
}

/// Of all keys and values that the entry reads, those of an encoder's vectors too.
double cacheBytesOf(const runtime::proto::Plan &plan) {
  double total = 0;
  for (const runtime::proto::Value &value : plan.arguments())
    if (value.kind() == ir::kKindState) {
      StatusOr<uint64_t> bytes = runtime::byteSize(value.dtype(), runtime::shapeOf(value));
      total += bytes.ok() ? static_cast<double>(*bytes) : 0;
    }
  return total;
}

Summary summaryOf(const runtime::Executable &executable) {
  const runtime::proto::Manifest &manifest = executable.manifest();
  Summary summary;
  summary.name = manifest.model_name();
  summary.family = manifest.family();
  summary.source = "executable";
  for (const runtime::Entry &entry : executable.entries())
    summary.entries.push_back(entry.plan->entry());
  summary.parameters = parametersOf(manifest).elements;
  summary.vocabulary = manifest.vocab_size();
  summary.longestSequence = manifest.max_positions();
  summary.batch = manifest.batch();
  summary.seq = manifest.seq();
  summary.target = manifest.target();
  return summary;
}

Summary summaryOf(const frontend::Model &model, const InspectRequest &request) {
  Summary summary;
  summary.name = model.definition.name();
  summary.family = model.family;
  summary.source = "definition";
  summary.entries = frontend::entriesOf(model.definition, /*training=*/request.train);
  summary.parameters = parametersOf(model).elements;
  summary.vocabulary = model.definition.vocab_size();
  summary.batch = request.compile.batch;
  summary.seq = request.compile.seq;
  summary.target = request.compile.target.name();
  return summary;
}

bool wantsSummary(const InspectRequest &request) {
  return !request.params && !request.shapes && !request.fusions && !request.memory &&
         !request.kernels && request.ir.empty();
}

StatusOr<Inspection> inspectExecutable(const Source &source, const InspectRequest &request) {
  const char *impossible = request.shapes        ? "--shapes"
                           : request.fusions     ? "--fusions"
                           : !request.ir.empty() ? "--ir"
                                                 : nullptr;
  if (impossible)
    return invalidInput(source.path, ": ", impossible,
                        ": a .heddle holds no IR; inspect the "
                        "definition that it was compiled from");
  const runtime::Executable &executable = *source.executable;
  Inspection result;
  if (wantsSummary(request))
    result.summary = summaryOf(executable);
  if (request.params)
    result.params = parametersOf(executable.manifest());
  std::vector<const runtime::proto::Plan *> plans;
  for (const runtime::Entry &entry : executable.entries())
    plans.push_back(entry.plan);
  if (request.memory) {
    result.memory.emplace();
    for (const runtime::proto::Plan *plan : plans) {
      result.memory->push_back(memoryOf(*plan));
      if (plan->entry() == frontend::kDecodeEntry)
        result.cacheBytes = cacheBytesOf(*plan);
    }
  }
  if (request.kernels)
    result.kernels = kernelsOf(plans);
  return result;
}

/// The sections that come from compiling, stage by stage as far as need be.
class CompilingInspector {
public:
  /// `model` is null for IR text.
  CompilingInspector(Compilation compilation, const frontend::Model *model,
                     const InspectRequest &request, Inspection &result)
      : compilation_(std::move(compilation)), model_(model), request_(request), result_(result) {}

  Status run(bool needsParameters) {
    if (needsParameters)
      result_.params = parametersOf(compilation_.module());
    if (request_.shapes)
      HEDDLE_RETURN_IF_ERROR(takeShapes());
    if (!request_.ir.empty()) {
      HEDDLE_RETURN_IF_ERROR(compilation_.runTo(request_.ir));
      llvm::raw_string_ostream stream(result_.ir);
      compilation_.module().print(stream,
                                  OpPrintingFlags().enableDebugInfo(true, false).useLocalScope());
    }
    if (request_.fusions || request_.memory) {
      HEDDLE_RETURN_IF_ERROR(compilation_.runTo(stageNames().back()));
      HEDDLE_RETURN_IF_ERROR(compilation_.checkFusions());
    }
    if (request_.fusions)
      result_.fusions = compilation_.fusions().entries();
    if (request_.memory)
      takeMemory();
    if (request_.kernels)
      HEDDLE_RETURN_IF_ERROR(takeKernels());
    return absl::OkStatus();
  }

private:
  Status takeShapes() {
    // The step is written by passes; what the builder wrote for it is its loss.
    auto functions = compilation_.module().getOps<func::FuncOp>();
    if (functions.empty())
      return invalidInput("the module has no function");
    func::FuncOp function = *functions.begin();
    for (const char *name : {request_.train ? "train_loss" : "forward", "forward"})
      if (auto found = compilation_.module().lookupSymbol<func::FuncOp>(name)) {
        function = found;
        break;
      }
    result_.entry = function.getName().str();
    result_.shapes = opRowsOf(function);
    takeLetters(function);
    return absl::OkStatus();
  }

  /// Nice to have: shapes are shapes without them.
  void takeLetters(func::FuncOp function) {
    if (!model_) {
      result_.lettersMissing = "IR text has its sizes only";
      return;
    }
    int64_t batch = request_.compile.batch, seq = request_.compile.seq;
    auto sizes = symbolicShapes(*model_, function, batch, seq);
    if (!sizes.ok()) {
      result_.lettersMissing = std::string(sizes.status().message());
      return;
    }
    addLetters(*sizes, function, *result_.shapes);
    result_.growth = growthWithT(*model_, function, *sizes, batch, seq);
  }

  void takeMemory() {
    result_.memory.emplace();
    for (auto function : compilation_.module().getOps<func::FuncOp>())
      result_.memory->push_back({function.getName().str(), passes::memoryReport(function)});
    const int64_t batch = request_.compile.batch, seq = request_.compile.seq;
    if (double bytes = model_ ? cacheBytes(*model_, batch, seq) : 0; bytes > 0)
      result_.cacheBytes = bytes;
  }

  Status takeKernels() {
    HEDDLE_ASSIGN_OR_RETURN(runtime::proto::Executable executable, compilation_.finish());
    std::vector<const runtime::proto::Plan *> plans;
    for (const runtime::proto::Plan &plan : executable.plans())
      plans.push_back(&plan);
    result_.kernels = kernelsOf(plans);
    return absl::OkStatus();
  }

  Compilation compilation_;
  const frontend::Model *model_;
  const InspectRequest &request_;
  Inspection &result_;
};

} // namespace

StatusOr<Inspection> inspect(const Source &source, const InspectRequest &request) {
  if (source.executable)
    return inspectExecutable(source, request);
  Inspection result;
  if (source.model && request.params)
    result.params = parametersOf(*source.model);
  if (source.model && wantsSummary(request)) {
    result.summary = summaryOf(*source.model, request);
    result.summary->longestSequence = source.longestSequence();
    return result;
  }
  bool needsParameters = !source.model && (request.params || wantsSummary(request));
  if (!needsParameters && !request.shapes && !request.fusions && !request.memory &&
      !request.kernels && request.ir.empty())
    return result;
  CompileRequest compile = request.compile;
  compile.entries =
      request.train ? std::vector<std::string>{"step"} : std::vector<std::string>{"forward"};
  HEDDLE_ASSIGN_OR_RETURN(Compilation compilation, startCompilation(source, compile));
  if (wantsSummary(request)) {
    result.summary.emplace();
    result.summary->name = source.path;
    result.summary->source = "ir";
    for (auto function : compilation.module().getOps<func::FuncOp>())
      result.summary->entries.push_back(function.getName().str());
    result.summary->parameters = parametersOf(compilation.module()).elements;
    result.summary->target = compile.target.name();
    return result;
  }
  CompilingInspector inspector(std::move(compilation), source.model ? &*source.model : nullptr,
                               request, result);
  HEDDLE_RETURN_IF_ERROR(inspector.run(needsParameters));
  return result;
}

} // namespace heddle::tools
