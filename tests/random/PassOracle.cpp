// SPDX-License-Identifier: Apache-2.0
// Every function after each pass that changed it, against before; and every text that a stage
// prints, against what it parses to.
#include <map>

#include "ir/interpreter/Interpreter.h"
#include "mlir/IR/OperationSupport.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "passes/Pipelines.h"
#include "tests/random/Inputs.h"
#include "tests/random/Oracles.h"
#include "tests/random/Reference.h"

using namespace mlir;

namespace heddle::random {
namespace {

/// Passes that add nothing up in another order.
bool keepsBits(const std::string &pass) {
  return pass == "canonicalize" || pass == "cse" || pass == "heddle-plan-memory" ||
         pass == "heddle-recompute-activations" || pass == "heddle-merge-qkv";
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
        if (std::string what = difference(results_[name], results, keepsBits(pass)); !what.empty())
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
  subject.options.gradient = graph.isDifferentiable();
  subject.module =
      OwningOpRef<ModuleOp>((subject.options.gradient ? graph.withLoss() : graph.module()).clone());
  return subject;
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
  if (failed(passes::runStages(*subject.module, passes::compileStages(subject.options), hooks)))
    return absl::InternalError("a pass failed");
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
  if (failed(passes::runStages(*subject.module, passes::compileStages(subject.options), hooks)))
    return absl::InternalError("a pass failed");
  return what;
}

} // namespace heddle::random
