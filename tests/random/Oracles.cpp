// SPDX-License-Identifier: Apache-2.0
#include "tests/random/Oracles.h"

namespace heddle::random {

const std::vector<Oracle> &oracles() {
  static const std::vector<Oracle> all = {
      {"roundtrip", "every stage's text parses to the module that it was printed from",
       judgeRoundTrip},
      {"gradient", "the gradient is what central differences in float64 say", judgeGradient},
      {"passes", "every pass leaves what each function computes in float64", judgePasses},
      {"rewrites", "the graph written differently computes the same, in float64 and compiled",
       judgeRewrites},
      {"compiled", "the executable is within the error bound of float64", judgeCompiled},
      {"threads", "the executable gives the same bits on 1, 2 and 5 threads, and again",
       judgeThreads},
  };
  return all;
}

const Oracle *findOracle(const std::string &name) {
  for (const Oracle &oracle : oracles())
    if (oracle.name == name)
      return &oracle;
  return nullptr;
}

} // namespace heddle::random
