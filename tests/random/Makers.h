// SPDX-License-Identifier: Apache-2.0
// What random graphs are made of: each maker adds one op, or a few that belong together, to a graph
// and publishes the results. A family a file.

#ifndef HEDDLE_TESTS_RANDOM_MAKERS_H
#define HEDDLE_TESTS_RANDOM_MAKERS_H

#include <vector>

#include "tests/random/GraphMaker.h"

namespace heddle::random {

struct Maker {
  void (*make)(GraphMaker &);
  /// How often it is chosen, compared with others.
  int weight = 1;
  /// Whether all of its ops have a gradient rule.
  bool differentiable = true;
};

std::vector<Maker> elementwiseMakers();
std::vector<Maker> viewMakers();
std::vector<Maker> rowMakers();
std::vector<Maker> matrixMakers();
std::vector<Maker> attentionMakers();
std::vector<Maker> ffnMakers();
std::vector<Maker> lossMakers();
std::vector<Maker> embeddingMakers();
std::vector<Maker> optimizerMakers();

} // namespace heddle::random

#endif // HEDDLE_TESTS_RANDOM_MAKERS_H
