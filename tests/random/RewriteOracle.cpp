// SPDX-License-Identifier: Apache-2.0
// A graph against the same graph written differently: in float64, and compiled.
#include "ir/interpreter/Interpreter.h"
#include "mlir/IR/Verifier.h"
#include "tests/random/Inputs.h"
#include "tests/random/Oracles.h"
#include "tests/random/Reference.h"
#include "tests/random/Rewrites.h"
#include "tools/driver/Tolerances.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace heddle::random {
namespace {

Judgement compareCompiled(ModuleOp rewritten, const References &expected, uint64_t seed) {
  func::FuncOp function = *rewritten.getOps<func::FuncOp>().begin();
  HEDDLE_ASSIGN_OR_RETURN(CompiledModule compiled,
                          CompiledModule::compile(rewritten, {"forward"}, seed));
  HEDDLE_ASSIGN_OR_RETURN(runtime::TensorMap actual,
                          compiled.run(function, inputsFor(function, seed), 1));
  return difference(expected, actual);
}

} // namespace

Judgement judgeRewrites(Graph &graph) {
  OwningOpRef<ModuleOp> rewritten(graph.module().clone());
  func::FuncOp function = *rewritten->getOps<func::FuncOp>().begin();
  Random random(graph.seed(), "rewrites");
  std::vector<const char *> done =
      rewriteSome(function, random, static_cast<int>(random.between(1, 5)));
  if (done.empty())
    return "";
  std::string names = llvm::join(done, ", ");
  if (failed(verify(*rewritten)))
    return "does not verify after: " + names;
  std::vector<ir::TensorRef> arguments = inputsFor(graph.forward(), graph.seed());
  HEDDLE_ASSIGN_OR_RETURN(auto before, ir::evaluate(graph.forward(), arguments));
  HEDDLE_ASSIGN_OR_RETURN(auto after, ir::evaluate(function, arguments));
  if (std::string what =
          difference(before, after, tools::toleranceFor("rewrite", "*", "f64").bound);
      !what.empty())
    return "after " + names + ": " + what;
  // Compiling costs the most, and most of what it finds the graph as it was finds too.
  if (!random.oneIn(4))
    return "";
  HEDDLE_ASSIGN_OR_RETURN(References expected, referencesOf(function, arguments));
  HEDDLE_ASSIGN_OR_RETURN(std::string what, compareCompiled(*rewritten, expected, graph.seed()));
  return what.empty() ? what : "compiled after " + names + ": " + what;
}

} // namespace heddle::random
