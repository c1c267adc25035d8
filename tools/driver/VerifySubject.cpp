// SPDX-License-Identifier: Apache-2.0
// Makes what is verified: compiles, loads, and runs on either side.
#include "ir/Conventions.h"
#include "ir/interpreter/Interpreter.h"
#include "runtime/cli/OpenModel.h"
#include "runtime/io/FileLayer.h"
#include "runtime/plan/ByteText.h"
#include "runtime/plan/FiniteScan.h"
#include "tools/driver/Values.h"
#include "tools/driver/VerifyParts.h"

using namespace mlir;

namespace heddle::tools {
namespace {

// Where functions first appear: what the builder wrote, gradients, training entries.
constexpr const char *kReferenceStages[] = {"builder", "differentiated", "optimized"};

StatusOr<std::vector<OwningOpRef<ModuleOp>>> snapshots(Compilation &compilation) {
  std::vector<OwningOpRef<ModuleOp>> modules;
  for (const char *stage : kReferenceStages) {
    HEDDLE_RETURN_IF_ERROR(compilation.runTo(stage));
    modules.push_back(OwningOpRef<ModuleOp>(compilation.module().clone()));
  }
  return modules;
}

StatusOr<std::unique_ptr<runtime::Session>>
loadedSession(std::shared_ptr<const runtime::Executable> executable, const Source &source,
              const VerifyRequest &request) {
  std::unique_ptr<runtime::Device> device =
      runtime::makeDevice(executable->manifest(), request.compile.threads);
  HEDDLE_ASSIGN_OR_RETURN(auto session,
                          runtime::Session::create(std::move(executable), std::move(device)));
  // What cannot be run here cannot be compared: said before time goes into it.
  for (const runtime::Entry &entry : session->executable().entries()) {
    const std::string &name = entry.plan->entry();
    HEDDLE_ASSIGN_OR_RETURN(uint64_t needed, session->memoryNeeded(name));
    if (const uint64_t available = session->device().availableBytes();
        available > 0 && needed > available)
      return invalidInput("entry ", name, " needs ", runtime::byteText(needed), " of memory, ",
                          runtime::byteText(available),
                          " are free: verify a smaller batch or sequence (--batch, --seq)");
  }
  runtime::ModelFlags flags;
  flags.weights = request.weights;
  if (flags.weights.empty() && source.model)
    flags.weights = source.model->weightsPath;
  HEDDLE_RETURN_IF_ERROR(
      runtime::loadWeights(runtime::FileLayer::system(), *session, flags, request.seed).status());
  // NaN agrees with nothing, not even with itself.
  HEDDLE_ASSIGN_OR_RETURN(auto nonFinite, runtime::findNonFiniteStored(*session));
  if (nonFinite)
    return invalidInput(flags.weights, ": ", nonFinite->text,
                        "; only finite weights can be compared with float64");
  return session;
}

/// None of a model that is too large to be evaluated: its kernels are verified on values made up.
StatusOr<NamedTensors> parametersOf(runtime::Session &session, double largestBytes) {
  NamedTensors parameters;
  double bytes = 0;
  for (const runtime::StoredTensor &stored : session.parameters())
    bytes += 2 * static_cast<double>(stored.bytes()); // f32 here, float64 there
  if (bytes > largestBytes)
    return parameters;
  for (const runtime::StoredTensor &stored : session.parameters()) {
    runtime::Tensor tensor{stored.dtype, stored.shape, std::string(stored.bytes(), '\0')};
    HEDDLE_RETURN_IF_ERROR(
        session.device().download(tensor.bytes.data(), stored.data(), stored.bytes()));
    HEDDLE_ASSIGN_OR_RETURN(parameters[stored.name], toReference(tensor));
  }
  return parameters;
}

} // namespace

func::FuncOp VerifySubject::reference(const std::string &entry) const {
  for (const OwningOpRef<ModuleOp> &module : stages)
    if (auto function = module.get().lookupSymbol<func::FuncOp>(entry))
      return function;
  return {};
}

StatusOr<VerifySubject> makeSubject(const Source &source, const VerifyRequest &request,
                                    std::vector<std::string> entries) {
  CompileRequest compile = request.compile;
  compile.entries = std::move(entries);
  HEDDLE_ASSIGN_OR_RETURN(Compilation compilation, startCompilation(source, compile));
  HEDDLE_ASSIGN_OR_RETURN(auto stages, snapshots(compilation));
  HEDDLE_ASSIGN_OR_RETURN(runtime::proto::Executable compiled, compilation.finish());
  HEDDLE_ASSIGN_OR_RETURN(auto executable,
                          runtime::Executable::create(std::move(compiled), source.path));
  HEDDLE_ASSIGN_OR_RETURN(auto session, loadedSession(executable, source, request));
  HEDDLE_ASSIGN_OR_RETURN(NamedTensors parameters, parametersOf(*session, request.largestBytes));
  int64_t vocabulary = executable->manifest().vocab_size();
  if (vocabulary <= 0)
    vocabulary = vocabularyOf(*stages.front());
  // IR from text has the shapes that it has, whatever was asked for.
  int64_t seq = source.model ? compile.seq : sequenceOf(*stages.front());
  ArgumentValues values(request.seed, vocabulary, seq, std::move(parameters),
                        paddingOf(*stages.front()));
  return VerifySubject{source,
                       request,
                       std::move(compilation),
                       std::move(stages),
                       std::move(executable),
                       std::move(session),
                       std::move(values)};
}

StatusOr<NamedTensors> evaluateNamed(func::FuncOp function,
                                     const std::vector<ir::TensorRef> &arguments) {
  auto results = ir::evaluate(function, arguments);
  if (!results.ok())
    return withContext(results.status(), "interpreter, @" + function.getName().str());
  NamedTensors named;
  for (unsigned i = 0; i < results->size(); ++i)
    named[ir::resultName(function, i).str()] = (*results)[i];
  return named;
}

StatusOr<NamedTensors> runCompiled(VerifySubject &subject, func::FuncOp function,
                                   const std::vector<ir::TensorRef> &arguments) {
  runtime::Session &session = *subject.session;
  HEDDLE_ASSIGN_OR_RETURN(runtime::PreparedEntry * entry,
                          session.prepare(function.getName().str()));
  for (unsigned i = 0; i < arguments.size(); ++i) {
    std::string name = ir::argumentName(function, i).str();
    runtime::Tensor value = toRuntime(*arguments[i]);
    StringRef kind = ir::argumentKind(function, i);
    if (kind != ir::kKindParam && kind != ir::kKindState) {
      HEDDLE_RETURN_IF_ERROR(entry->setRaw(name, value.bytes.data(), value.bytes.size()));
      continue;
    }
    const runtime::StoredTensor *stored = session.find(name);
    if (!stored || stored->bytes() != value.bytes.size())
      return absl::InternalError(
          absl::StrCat("the executable has no ", kind.str(), " ", name, " of the graph's shape"));
    HEDDLE_RETURN_IF_ERROR(
        session.device().upload(stored->data(), value.bytes.data(), value.bytes.size()));
  }
  HEDDLE_RETURN_IF_ERROR(entry->run());
  NamedTensors results;
  for (const runtime::proto::Value &result : entry->plan().results()) {
    HEDDLE_ASSIGN_OR_RETURN(runtime::Tensor tensor, entry->output(result.name()));
    HEDDLE_ASSIGN_OR_RETURN(results[result.name()], toReference(tensor));
  }
  return results;
}

} // namespace heddle::tools
