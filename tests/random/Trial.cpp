// SPDX-License-Identifier: Apache-2.0
#include "tests/random/Trial.h"

#include <cctype>

namespace heddle::random {
namespace {

/// An error without its numbers: what stays the same while a graph shrinks.
std::string kindOf(const Status &status) {
  std::string kind = "error ";
  for (char c : status.message().substr(0, 60))
    if (!std::isdigit(static_cast<unsigned char>(c)))
      kind += c;
  return kind;
}

} // namespace

std::vector<Finding> tryGraph(const Trial &trial,
                              const std::function<mlir::OwningOpRef<mlir::ModuleOp>()> &make) {
  auto check = [&](Reporter &reporter) {
    reporter.enter("generator");
    mlir::OwningOpRef<mlir::ModuleOp> module = make();
    if (!module)
      return reporter.report("no module", "there is no graph");
    Graph graph(std::move(module), trial.seed);
    for (const Oracle *oracle : trial.oracles) {
      reporter.enter(oracle->name);
      Judgement judgement = oracle->judge(graph);
      if (!judgement.ok())
        reporter.report(kindOf(judgement.status()), judgement.status().ToString());
      else if (!judgement->empty())
        reporter.report("differs", *judgement);
    }
  };
  return runIsolated(check, trial.seconds, trial.quiet);
}

} // namespace heddle::random
