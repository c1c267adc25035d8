// SPDX-License-Identifier: Apache-2.0
// One graph before all the oracles asked for.

#ifndef HEDDLE_TESTS_RANDOM_TRIAL_H
#define HEDDLE_TESTS_RANDOM_TRIAL_H

#include <functional>
#include <vector>

#include "tests/random/Oracles.h"
#include "tests/random/Sandbox.h"

namespace heddle::random {

struct Trial {
  uint64_t seed = 0;
  std::vector<const Oracle *> oracles;
  int seconds = 300;
  bool quiet = false;
};

/// What the oracles find in the module that `make` gives, in the child process.
std::vector<Finding> tryGraph(const Trial &trial,
                              const std::function<mlir::OwningOpRef<mlir::ModuleOp>()> &make);

} // namespace heddle::random

#endif // HEDDLE_TESTS_RANDOM_TRIAL_H
