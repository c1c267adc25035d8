// SPDX-License-Identifier: Apache-2.0
#include "ir/interpreter/ErrorBound.h"

#include "ir/interpreter/BlockEvaluation.h"

using namespace mlir;

namespace heddle::ir {
namespace {

template <typename Number>
absl::StatusOr<std::vector<TensorRefOf<Number>>> evaluateOver(Block &block,
                                                              ArrayRef<TensorRef> arguments) {
  SmallVector<TensorRefOf<Number>> numbers;
  for (const TensorRef &argument : arguments) {
    TensorOf<Number> number = TensorOf<Number>::zeros(argument->kind, argument->shape);
    number.floats.assign(argument->floats.begin(), argument->floats.end());
    number.ints = argument->ints;
    numbers.push_back(std::make_shared<const TensorOf<Number>>(std::move(number)));
  }
  ObserverOf<Number> none;
  return BlockEvaluation<Number>(none).run(block, numbers);
}

BoundedResult separate(const TensorOf<Bounded> &from) {
  Tensor value = Tensor::zeros(from.kind, from.shape);
  Tensor bound = Tensor::zeros(ElementKind::f64, from.shape);
  value.ints = from.ints;
  for (size_t i = 0; i < from.floats.size(); ++i) {
    value.floats[i] = from.floats[i].value;
    bound.floats[i] = from.floats[i].isUnbounded() ? kInfinity : from.floats[i].error;
  }
  for (size_t i = 0; i < from.undecided.size(); ++i)
    bound.floats[i] = from.undecided[i] ? kInfinity : 0;
  return {std::make_shared<const Tensor>(std::move(value)),
          std::make_shared<const Tensor>(std::move(bound))};
}

double errorOverBound(double actual, double value, double bound) {
  if (actual == value || (std::isnan(actual) && std::isnan(value)))
    return 0;
  double ratio = std::abs(actual - value) / bound;
  return std::isnan(ratio) ? kInfinity : ratio;
}

absl::StatusOr<std::vector<BoundedResult>> boundedResults(Block &block,
                                                          ArrayRef<TensorRef> arguments) {
  auto results = evaluateOver<Bounded>(block, arguments);
  if (!results.ok())
    return results.status();
  std::vector<BoundedResult> separated;
  for (const TensorRefOf<Bounded> &result : *results)
    separated.push_back(separate(*result));
  return separated;
}

} // namespace

absl::StatusOr<std::vector<BoundedResult>> evaluateWithBound(func::FuncOp function,
                                                             ArrayRef<TensorRef> arguments) {
  if (absl::Status status = checkArguments(function, arguments); !status.ok())
    return status;
  return boundedResults(function.getBody().front(), arguments);
}

absl::StatusOr<std::vector<BoundedResult>> evaluateWithBound(KernelOp kernel,
                                                             ArrayRef<TensorRef> arguments) {
  return boundedResults(kernel.getBody().front(), arguments);
}

absl::StatusOr<std::vector<TensorRef>> evaluateInSingle(func::FuncOp function,
                                                        ArrayRef<TensorRef> arguments) {
  if (absl::Status status = checkArguments(function, arguments); !status.ok())
    return status;
  auto results = evaluateOver<Single>(function.getBody().front(), arguments);
  if (!results.ok())
    return results.status();
  std::vector<TensorRef> widened;
  for (const TensorRefOf<Single> &result : *results) {
    Tensor wide = Tensor::zeros(result->kind, result->shape);
    llvm::transform(result->floats, wide.floats.begin(), [](Single x) { return valueOf(x); });
    wide.ints = result->ints;
    widened.push_back(std::make_shared<const Tensor>(std::move(wide)));
  }
  return widened;
}

BoundCheck checkWithin(const Tensor &actual, const BoundedResult &expected) {
  const Tensor &value = *expected.value;
  BoundCheck check;
  if (actual.shape != value.shape || actual.isFloat() != value.isFloat())
    return {kInfinity, 0, 0};
  for (int64_t i = 0; i < value.elements(); ++i) {
    double bound = expected.bound->floats[i];
    if (bound == kInfinity) {
      ++check.undecided;
      continue;
    }
    double ratio = errorOverBound(actual.number(i), value.number(i), bound);
    if (ratio > check.ratio)
      check.ratio = ratio, check.element = i;
  }
  return check;
}

} // namespace heddle::ir
