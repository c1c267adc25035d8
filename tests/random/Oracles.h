// SPDX-License-Identifier: Apache-2.0
// Who says whether a graph is right. Each oracle compares two ways to the same numbers.

#ifndef HEDDLE_TESTS_RANDOM_ORACLES_H
#define HEDDLE_TESTS_RANDOM_ORACLES_H

#include <string>
#include <vector>

#include "runtime/base/Status.h"
#include "tests/random/Graph.h"

namespace heddle::random {

/// Nothing where the graph passed, else what differs. An error status is a failure of the product
/// as well: every graph here can be compiled and run.
using Judgement = StatusOr<std::string>;

struct Oracle {
  const char *name;
  const char *summary;
  Judgement (*judge)(Graph &);
};

/// compiled, threads, gradient, passes, rewrites, roundtrip.
const std::vector<Oracle> &oracles();
/// Null where there is none of that name.
const Oracle *findOracle(const std::string &name);

Judgement judgeCompiled(Graph &graph);
Judgement judgeThreads(Graph &graph);
Judgement judgeGradient(Graph &graph);
Judgement judgePasses(Graph &graph);
Judgement judgeRewrites(Graph &graph);
Judgement judgeRoundTrip(Graph &graph);

} // namespace heddle::random

#endif // HEDDLE_TESTS_RANDOM_ORACLES_H
