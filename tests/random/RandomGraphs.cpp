// SPDX-License-Identifier: Apache-2.0
// Random graphs before oracles:
//
//   random_graphs --count 300 [--seed S] [--oracle NAME]... [--reduce FOLDER]
//   random_graphs --seed S --print              the graph of a seed
//   random_graphs --file F.mlir --seed S ...    the oracles on a graph from a file
//   random_graphs --list                        the oracles
//
// Graph i has the seed S + i. Exit 0: nothing found; 1: something, each with the command that
// replays it; 2: wrong usage.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>

#include "mlir/Parser/Parser.h"
#include "runtime/base/Status.h"
#include "tests/random/Generate.h"
#include "tests/random/Inputs.h"
#include "tests/random/Reducer.h"
#include "tests/random/Smoothness.h"
#include "tests/random/Trial.h"
#include "llvm/Support/CommandLine.h"

using namespace mlir;
namespace cl = llvm::cl;

namespace heddle::random {
namespace {

cl::opt<uint64_t> firstSeed("seed", cl::desc("seed of the first graph"), cl::init(1));
cl::opt<uint64_t> count("count", cl::desc("how many graphs"), cl::init(1));
cl::list<std::string> oracleNames("oracle", cl::desc("an oracle to ask (default: all)"));
cl::opt<std::string> file("file", cl::desc("a graph from a file"));
cl::opt<std::string> reduceFolder("reduce", cl::desc("write each failing graph, made small, here"));
cl::opt<bool> print("print", cl::desc("print the graphs and ask nobody"));
cl::opt<bool> list("list", cl::desc("list the oracles"));
cl::opt<unsigned> seconds("time-limit", cl::desc("seconds that one graph may take"), cl::init(300));

OwningOpRef<ModuleOp> moduleOf(MLIRContext &context, uint64_t seed) {
  return file.empty() ? generate(context, seed) : parseSourceFile<ModuleOp>(file, &context);
}

std::string replayCommand(const Finding &finding, uint64_t seed, const std::string &path) {
  std::string from = path.empty() ? "" : " --file " + path;
  return "random_graphs" + from + " --seed " + std::to_string(seed) + " --oracle " + finding.oracle;
}

/// Whether `module` fails as `finding` says.
bool failsAlike(ModuleOp module, const Finding &finding, uint64_t seed, bool mustBeFair) {
  func::FuncOp function = *module.getOps<func::FuncOp>().begin();
  if (mustBeFair && !isFairTest(function, inputsFor(function, seed)))
    return false;
  Trial trial{seed, {findOracle(finding.oracle)}, static_cast<int>(seconds), /*quiet=*/true};
  for (const Finding &found :
       tryGraph(trial, [&] { return OwningOpRef<ModuleOp>(module.clone()); }))
    if (found.kind == finding.kind)
      return true;
  return false;
}

/// The path of the reduced graph.
std::string writeReduced(MLIRContext &context, const Finding &finding, uint64_t seed) {
  OwningOpRef<ModuleOp> module = moduleOf(context, seed);
  func::FuncOp function = *module->getOps<func::FuncOp>().begin();
  const bool fair = isFairTest(function, inputsFor(function, seed));
  auto fails = [&](ModuleOp candidate) { return failsAlike(candidate, finding, seed, fair); };
  module = reduce(std::move(module), fails);
  std::filesystem::create_directories(reduceFolder.getValue());
  std::string path = reduceFolder + "/" + finding.oracle + "-" + std::to_string(seed) + ".mlir";
  std::ofstream(path) << "// RUN: " << replayCommand(finding, seed, "%s") << "\n"
                      << textOf(*module);
  return path;
}

/// Returns how many graphs failed.
int runAll(MLIRContext &context, const std::vector<const Oracle *> &asked) {
  int failed = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t seed = firstSeed + i;
    Trial trial{seed, asked, static_cast<int>(seconds), false};
    std::vector<Finding> findings = tryGraph(trial, [&] { return moduleOf(context, seed); });
    failed += findings.empty() ? 0 : 1;
    if ((i + 1) % 500 == 0 && i + 1 < count)
      std::cerr << i + 1 << " graphs, " << failed << " failed" << std::endl;
    for (const Finding &finding : findings) {
      std::string path = file;
      if (!reduceFolder.empty() && findOracle(finding.oracle))
        path = writeReduced(context, finding, seed);
      std::cout << "seed " << seed << ", " << finding.oracle << ": " << finding.text
                << "\n  replay: " << replayCommand(finding, seed, path) << std::endl;
    }
  }
  return failed;
}

std::optional<std::vector<const Oracle *>> oraclesAsked() {
  std::vector<const Oracle *> asked;
  for (const std::string &name : oracleNames) {
    asked.push_back(findOracle(name));
    if (!asked.back()) {
      std::cerr << "no oracle " << name << "; --list says which there are\n";
      return std::nullopt;
    }
  }
  if (asked.empty())
    for (const Oracle &oracle : oracles())
      asked.push_back(&oracle);
  return asked;
}

int run() {
  if (list) {
    for (const Oracle &oracle : oracles())
      std::cout << oracle.name << ": " << oracle.summary << "\n";
    return 0;
  }
  auto asked = oraclesAsked();
  if (!asked)
    return 2;
  if (!file.empty() && !std::ifstream(file.getValue())) {
    std::cerr << file << " cannot be read\n";
    return 2;
  }
  std::unique_ptr<MLIRContext> context = makeContext();
  if (print) {
    for (uint64_t i = 0; i < count; ++i)
      std::cout << textOf(*generate(*context, firstSeed + i));
    return 0;
  }
  std::cout << "random graphs of seeds " << firstSeed << " to " << firstSeed + count - 1
            << std::endl;
  int failed = runAll(*context, *asked);
  std::cout << count << " graphs, " << failed << " failed" << std::endl;
  return failed == 0 ? 0 : 1;
}

} // namespace
} // namespace heddle::random

int main(int argc, char **argv) {
  cl::HideUnrelatedOptions(cl::getGeneralCategory());
  if (!cl::ParseCommandLineOptions(argc, argv, "random graphs before oracles\n", &llvm::errs()))
    return 2;
  return heddle::random::run();
}
