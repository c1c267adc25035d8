// SPDX-License-Identifier: Apache-2.0
// Every function after each pass that changed it, against before; and every text that a stage
// prints, against what it parses to.
#include <map>
#include <set>

#include "ir/interpreter/Interpreter.h"
#include "mlir/IR/OperationSupport.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include "passes/Pipelines.h"
#include "tests/random/Inputs.h"
#include "tests/random/Oracles.h"
#include "tests/random/Random.h"
#include "tests/random/Reference.h"
#include "tools/driver/Tolerances.h"

using namespace mlir;

namespace heddle::random {
namespace {

/// Passes that add nothing up in another order keep every bit.
double boundAfter(const std::string &pass) {
  static const std::set<std::string> moving = {"canonicalize", "cse", "heddle-plan-memory",
                                               "heddle-recompute-activations", "heddle-merge-qkv"};
  return moving.count(pass) ? 0 : tools::toleranceFor("pass", pass, "f64").bound;
}

class PassJudge {
public:
  explicit PassJudge(uint64_t seed) : seed_(seed) {}

  Judgement after(const std::string &pass, ModuleOp module) {
    for (func::FuncOp function : module.getOps<func::FuncOp>()) {
      std::string name = function.getName().str();
      OperationFingerPrint now(function);
      auto [seen, isNew] = fingerprints_.try_emplace(name, now);
      if (!isNew && seen->second == now)
        continue;
      seen->second = now;
      HEDDLE_ASSIGN_OR_RETURN(Results results, ir::evaluate(function, inputsFor(function, seed_)));
      if (!isNew)
        if (std::string what = difference(results_[name], results, boundAfter(pass)); !what.empty())
          return "@" + name + " after " + pass + ": " + what;
      results_[name] = std::move(results);
    }
    return "";
  }

private:
  using Results = std::vector<ir::TensorRef>;
  uint64_t seed_;
  std::map<std::string, OperationFingerPrint> fingerprints_;
  std::map<std::string, Results> results_;
};

struct Subject {
  OwningOpRef<ModuleOp> module;
  passes::PipelineOptions options;
};

/// The gradient too where there is one.
Subject subjectOf(Graph &graph) {
  Subject subject;
  // Small enough that a loss over more than 64 rows goes by blocks.
  if (Random(graph.seed(), "blocks").oneIn(2))
    subject.options.maxLogitsBytes = 1024;
  subject.options.training = graph.use() == Graph::Use::Training;
  subject.options.gradient = graph.isDifferentiable() && !subject.options.training;
  subject.module = subject.options.training   ? graph.withLoss("train_loss")
                   : subject.options.gradient ? graph.withLoss("loss")
                                              : OwningOpRef<ModuleOp>(graph.module().clone());
  return subject;
}

/// The pipeline's stages, with activations made again however small they are.
std::vector<passes::Stage> stagesOf(const Subject &subject) {
  std::vector<passes::Stage> stages = passes::compileStages(subject.options);
  for (passes::Stage &stage : stages)
    for (passes::PassStep &step : stage.passes)
      if (step.name == "heddle-recompute-activations")
        step.add = [](OpPassManager &manager) {
          passes::RecomputeActivationsPassOptions options;
          options.minBytes = 64;
          options.distance = 4;
          manager.addNestedPass<func::FuncOp>(passes::createRecomputeActivationsPass(options));
        };
  return stages;
}

/// Runs the whole pipeline; a pass that fails is an error with what it said.
Status runPipeline(Subject &subject, const passes::RunHooks &hooks) {
  std::string said;
  ScopedDiagnosticHandler handler(subject.module->getContext(), [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      said += (said.empty() ? "" : "; ") + diagnostic.str();
    return success();
  });
  if (failed(passes::runStages(*subject.module, stagesOf(subject), hooks)))
    return absl::InternalError(said);
  return absl::OkStatus();
}

std::string roundTrip(ModuleOp module, const std::string &where) {
  std::string text = textOf(module);
  OwningOpRef<ModuleOp> parsed = parseSourceString<ModuleOp>(text, module.getContext());
  if (!parsed || failed(verify(*parsed)))
    return where + ": what is printed does not parse";
  if (textOf(*parsed) != text)
    return where + ": the text parses to another module";
  return "";
}

} // namespace

Judgement judgePasses(Graph &graph) {
  Subject subject = subjectOf(graph);
  PassJudge judge(graph.seed());
  Judgement judgement = judge.after("", *subject.module);
  passes::RunHooks hooks;
  hooks.afterPass = [&](const passes::Stage &, const passes::PassStep &pass, ModuleOp module) {
    if (judgement.ok() && judgement->empty())
      judgement = judge.after(pass.name, module);
  };
  HEDDLE_RETURN_IF_ERROR(runPipeline(subject, hooks));
  return judgement;
}

Judgement judgeRoundTrip(Graph &graph) {
  if (std::string what = roundTrip(graph.module(), "the graph"); !what.empty())
    return what;
  Subject subject = subjectOf(graph);
  std::string what;
  passes::RunHooks hooks;
  hooks.afterStage = [&](const passes::Stage &stage, ModuleOp module) {
    if (what.empty() && !stage.passes.empty())
      what = roundTrip(module, "stage " + stage.name);
  };
  HEDDLE_RETURN_IF_ERROR(runPipeline(subject, hooks));
  return what;
}

} // namespace heddle::random
