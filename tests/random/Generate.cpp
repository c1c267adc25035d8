// SPDX-License-Identifier: Apache-2.0
#include "tests/random/Generate.h"

#include "tests/random/Makers.h"

using namespace mlir;

namespace heddle::random {
namespace {

/// The families, and how often each is chosen.
struct Family {
  std::vector<Maker> (*makers)();
  int weight;
};
constexpr Family kFamilies[] = {{elementwiseMakers, 8}, {viewMakers, 5},      {rowMakers, 4},
                                {matrixMakers, 6},      {attentionMakers, 3}, {ffnMakers, 2},
                                {lossMakers, 2},        {embeddingMakers, 3}, {optimizerMakers, 1}};

template <typename T> const T &pickWeighted(Random &random, const std::vector<T> &choices) {
  int64_t total = 0;
  for (const T &choice : choices)
    total += choice.weight;
  int64_t at = random.below(total);
  for (const T &choice : choices)
    if ((at -= choice.weight) < 0)
      return choice;
  llvm_unreachable("the weights sum to the total");
}

const Maker &pickMaker(Random &random) {
  static const std::vector<Family> families(std::begin(kFamilies), std::end(kFamilies));
  static const std::vector<std::vector<Maker>> makers = [] {
    std::vector<std::vector<Maker>> result;
    for (const Family &family : families)
      result.push_back(family.makers());
    return result;
  }();
  const Family &family = pickWeighted(random, families);
  return pickWeighted(random, makers[static_cast<size_t>(&family - families.data())]);
}

} // namespace

OwningOpRef<ModuleOp> generate(MLIRContext &context, uint64_t seed) {
  Random random(seed, "shape of the graph");
  const bool differentiable = random.below(10) < 6;
  GraphMaker maker(context, seed, differentiable);
  // Small graphs find most and shrink fast; large ones find what only interplay shows.
  int64_t wanted = random.oneIn(6) ? random.between(8, 16) : random.between(1, 6);
  for (int attempts = 0; maker.isEmpty() || (wanted > 0 && attempts < 60); ++attempts) {
    const Maker &chosen = pickMaker(maker.random());
    if (differentiable && !chosen.differentiable)
      continue;
    if (maker.attempt(chosen.make))
      --wanted;
  }
  return maker.finish();
}

} // namespace heddle::random
