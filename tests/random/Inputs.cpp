// SPDX-License-Identifier: Apache-2.0
#include "tests/random/Inputs.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/Conventions.h"
#include "ir/Dialect.h"
#include "ir/ShapeRules.h"
#include "ir/interpreter/Interpreter.h"
#include "tests/random/Random.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::random {
namespace {

constexpr int64_t kIgnored = -100;
constexpr int64_t kUnbounded = std::numeric_limits<int64_t>::max();

int64_t boundIn(StringRef name) {
  int64_t bound = 2;
  name.split("_of").second.getAsInteger(10, bound);
  return std::max<int64_t>(bound, 1);
}

/// Of the tenth step: lr, decay, beta1, 1-beta1, beta2, 1-beta2, eps, 1-beta1^t, 1-beta2^t.
std::vector<double> hyperParameters() {
  return {1e-2, 0.1, 0.9, 0.1, 0.99, 0.01, 1e-3, 1 - std::pow(0.9, 10), 1 - std::pow(0.99, 10)};
}

void fillIntegers(StringRef name, Random &random, Tensor &tensor) {
  const int64_t bound = boundIn(name);
  for (int64_t &value : tensor.ints) {
    if (name.starts_with("targets"))
      value = random.oneIn(4) ? kIgnored : random.below(bound);
    else if (name.starts_with("ids"))
      value = random.below(bound);
    else if (name.starts_with("lengths"))
      value = random.between(0, bound);
    else if (name.starts_with("rng"))
      value = random.below(1 << 15);
    else
      value = random.below(2);
  }
}

void fillFloats(StringRef name, Random &random, Tensor &tensor) {
  // Some are the optimizer's own names.
  const bool isPositive = name.starts_with("positive") || name == "grad_clip";
  const bool isMoment = name.starts_with("moment") || name.starts_with(kAdamV);
  if (name.starts_with("hyper") && tensor.elements() == 9)
    tensor.floats = hyperParameters();
  else
    for (double &value : tensor.floats) {
      double u = random.uniform();
      value = isPositive ? 0.5 + 1.5 * u : isMoment ? 0.1 * u : 2 * u - 1;
    }
  for (double &value : tensor.floats)
    value = static_cast<float>(value);
}

/// What an integer operand must stay below.
int64_t boundAt(OpOperand &use) {
  Operation *op = use.getOwner();
  auto axis = [](Value value, int64_t index) { return dimsOf(value)[index]; };
  if (auto embedding = dyn_cast<EmbeddingOp>(op))
    return axis(embedding.getTable(), 0);
  if (auto gradient = dyn_cast<EmbeddingGradOp>(op))
    return axis(gradient.getDtable(), 0);
  if (auto gather = dyn_cast<GatherRowsOp>(op))
    return axis(gather.getX(), 1);
  if (auto update = dyn_cast<CacheUpdateOp>(op))
    return axis(update.getCache(), 2) - axis(update.getX(), 2) + 1;
  if (auto loss = dyn_cast<CrossEntropyOp>(op))
    return axis(loss.getLogits(), 1);
  if (auto gradient = dyn_cast<CrossEntropyGradOp>(op))
    return axis(gradient.getLogits(), 1);
  if (auto loss = dyn_cast<LinearCrossEntropyOp>(op))
    return axis(loss.getW(), loss.getTransposeW() ? 0 : 1);
  if (auto loss = dyn_cast<LinearCrossEntropyTrainOp>(op))
    return axis(loss.getW(), loss.getTransposeW() ? 0 : 1);
  return kUnbounded;
}

/// The least bound over all that reads `value`, through views and joins too.
int64_t boundOf(Value value) {
  int64_t bound = kUnbounded;
  for (OpOperand &use : value.getUses()) {
    Operation *op = use.getOwner();
    bool passesOn = op->hasTrait<ViewTrait>() || isa<ConcatOp, PadOp>(op);
    bound = std::min(bound, passesOn ? boundOf(op->getResult(0)) : boundAt(use));
  }
  return bound;
}

} // namespace

TensorRef inputFor(StringRef name, RankedTensorType type, uint64_t seed) {
  auto kind = elementKindOf(type.getElementType());
  Tensor tensor = Tensor::zeros(kind.ok() ? *kind : ElementKind::f32,
                                {type.getShape().begin(), type.getShape().end()});
  Random random(seed, name.str());
  if (tensor.isFloat())
    fillFloats(name, random, tensor);
  else
    fillIntegers(name, random, tensor);
  return std::make_shared<const Tensor>(std::move(tensor));
}

std::vector<TensorRef> inputsFor(func::FuncOp function, uint64_t seed) {
  std::vector<TensorRef> inputs;
  for (BlockArgument argument : function.getArguments()) {
    TensorRef input =
        inputFor(argumentName(function, argument.getArgNumber()), tensorOf(argument), seed);
    if (int64_t bound = boundOf(argument); !input->isFloat() && bound != kUnbounded) {
      Tensor kept = *input;
      for (int64_t &value : kept.ints)
        value = std::min(value, bound - 1);
      input = std::make_shared<const Tensor>(std::move(kept));
    }
    inputs.push_back(std::move(input));
  }
  return inputs;
}

} // namespace heddle::random
