// SPDX-License-Identifier: Apache-2.0
// The executable against the interpreter, and against itself on more threads.
#include "tests/random/Inputs.h"
#include "tests/random/Oracles.h"
#include "tests/random/Reference.h"

using namespace mlir;

namespace heddle::random {

Judgement judgeCompiled(Graph &graph) {
  HEDDLE_ASSIGN_OR_RETURN(const CompiledModule *compiled, graph.compiled());
  HEDDLE_ASSIGN_OR_RETURN(std::vector<func::FuncOp> functions, graph.compiledFunctions());
  for (func::FuncOp function : functions) {
    std::vector<ir::TensorRef> arguments = inputsFor(function, graph.seed());
    HEDDLE_ASSIGN_OR_RETURN(References expected, referencesOf(function, arguments));
    HEDDLE_ASSIGN_OR_RETURN(runtime::TensorMap actual, compiled->run(function, arguments, 1));
    HEDDLE_ASSIGN_OR_RETURN(std::string what, difference(expected, actual));
    if (!what.empty())
      return "@" + function.getName().str() + ": " + what;
  }
  return "";
}

/// One thread against several, and a second run on memory that the first has used: the same bits.
Judgement judgeThreads(Graph &graph) {
  struct Way {
    int threads, times;
  };
  HEDDLE_ASSIGN_OR_RETURN(const CompiledModule *compiled, graph.compiled());
  HEDDLE_ASSIGN_OR_RETURN(std::vector<func::FuncOp> functions, graph.compiledFunctions());
  for (func::FuncOp function : functions) {
    std::vector<ir::TensorRef> arguments = inputsFor(function, graph.seed());
    HEDDLE_ASSIGN_OR_RETURN(runtime::TensorMap one, compiled->run(function, arguments, 1));
    for (Way way : {Way{1, 2}, Way{2, 1}, Way{5, 1}}) {
      HEDDLE_ASSIGN_OR_RETURN(runtime::TensorMap other,
                              compiled->run(function, arguments, way.threads, way.times));
      for (const auto &[name, tensor] : one)
        if (other[name].bytes != tensor.bytes)
          return absl::StrCat("@", function.getName().str(), ": ", name, " has other bits on ",
                              way.threads, " threads, run ", way.times);
    }
  }
  return "";
}

} // namespace heddle::random
