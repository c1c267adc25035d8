// SPDX-License-Identifier: Apache-2.0
#include "tests/random/Smoothness.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "ir/Dialect.h"
#include "ir/ShapeRules.h"
#include "ir/interpreter/Interpreter.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::random {
namespace {

// Far above the steps of central differences and the rounding of f32, far below typical values.
constexpr double kGap = 1e-3;
constexpr double kLargest = 300;
// Below this e^x is 0: a score that a mask hides.
constexpr double kHidden = -1e8;

double leastMagnitude(const Tensor &tensor) {
  double least = INFINITY;
  for (double value : tensor.floats)
    least = std::min(least, std::abs(value));
  return least;
}
double least(const Tensor &tensor) {
  return tensor.floats.empty() ? 0 : *std::min_element(tensor.floats.begin(), tensor.floats.end());
}

/// The least distance between elements that broadcasting pairs.
double leastDistance(const Tensor &a, const Tensor &b) {
  std::optional<SmallVector<int64_t>> shape = broadcastShape(a.shape, b.shape);
  std::vector<int64_t> all(shape->begin(), shape->end());
  StridedView viewA = StridedView::dense(a.shape).broadcastTo(all);
  StridedView viewB = StridedView::dense(b.shape).broadcastTo(all);
  Tensor wideA = Tensor::zeros(a.kind, all), wideB = wideA;
  gather(a, viewA, wideA);
  gather(b, viewB, wideB);
  double result = INFINITY;
  for (size_t i = 0; i < wideA.floats.size(); ++i)
    result = std::min(result, std::abs(wideA.floats[i] - wideB.floats[i]));
  return result;
}

/// The least distance of the two largest elements that are reduced to one.
double leastLead(const Tensor &x, ArrayRef<int64_t> axes) {
  std::vector<int64_t> strides = StridedView::dense(x.shape).strides;
  std::map<int64_t, std::pair<double, double>> largest; // by position in the result
  for (int64_t i = 0; i < x.elements(); ++i) {
    int64_t kept = i;
    for (int64_t axis : axes)
      kept -= i / strides[axis] % x.shape[axis] * strides[axis];
    auto &[first, second] = largest.try_emplace(kept, -INFINITY, -INFINITY).first->second;
    second = std::max(second, std::min(first, x.floats[i]));
    first = std::max(first, x.floats[i]);
  }
  double lead = INFINITY;
  for (const auto &[position, values] : largest)
    lead = std::min(lead, values.first - values.second);
  return lead;
}

double leastDistanceToInteger(const Tensor &tensor) {
  double result = INFINITY;
  for (double value : tensor.floats)
    result = std::min(result, std::abs(value - std::round(value)));
  return result;
}

bool isFar(Operation *op, ArrayRef<TensorRef> in) {
  if (isa<ReluOp, ReluGradOp>(op))
    return leastMagnitude(*in[0]) > kGap;
  if (isa<LogOp, SqrtOp, RsqrtOp>(op))
    return least(*in[0]) > 0.05;
  if (isa<DivOp>(op))
    return leastMagnitude(*in[1]) > 0.05;
  if (isa<MaximumOp, MinimumOp>(op) || (isa<CompareOp>(op) && in[0]->isFloat()))
    return leastDistance(*in[0], *in[1]) > kGap;
  if (auto max = dyn_cast<MaxOp>(op))
    return leastLead(*in[0], max.getAxes()) > kGap;
  if (auto cast = dyn_cast<CastOp>(op))
    if (in[0]->isFloat() && !isa<FloatType>(elementOf(cast.getY())))
      return elementOf(cast.getY()).isInteger(1) ? leastMagnitude(*in[0]) > kGap
                                                 : leastDistanceToInteger(*in[0]) > kGap;
  return true;
}

/// A norm of a row that hardly varies magnifies rounding without bound.
bool isWellConditioned(Operation *op, ArrayRef<TensorRef> in) {
  if (!isa<LayerNormOp, RmsNormOp>(op))
    return true;
  const Tensor &x = *in[0];
  const size_t width = static_cast<size_t>(x.shape.back());
  for (size_t row = 0; row + width <= x.floats.size(); row += width) {
    auto begin = x.floats.begin() + static_cast<std::ptrdiff_t>(row);
    double mean = 0, square = 0;
    for (size_t i = 0; i < width; ++i)
      mean += begin[static_cast<std::ptrdiff_t>(i)] / static_cast<double>(width);
    double shift = isa<LayerNormOp>(op) ? mean : 0;
    for (size_t i = 0; i < width; ++i) {
      double d = begin[static_cast<std::ptrdiff_t>(i)] - shift;
      square += d * d / static_cast<double>(width);
    }
    // A row of one element has no variance whatever it holds, and is good again for that.
    if (square < 1e-4 * (mean * mean + 0.01) && width > 1)
      return false;
  }
  return true;
}

} // namespace

bool isSmoothAt(Operation *op, ArrayRef<TensorRef> operands) {
  return isFar(op, operands) && isWellConditioned(op, operands);
}

bool isModerate(const Tensor &tensor, bool allowHidden) {
  return llvm::all_of(tensor.floats, [&](double value) {
    return std::abs(value) <= kLargest || (allowHidden && value < kHidden);
  });
}

bool isFairTest(func::FuncOp function, const std::vector<TensorRef> &arguments) {
  DenseMap<Value, TensorRef> values;
  for (auto [argument, value] : llvm::zip_equal(function.getArguments(), arguments))
    values[argument] = value;
  auto observe = [&](Operation *op, ArrayRef<TensorRef> results) -> absl::Status {
    SmallVector<TensorRef> operands;
    for (Value operand : op->getOperands())
      operands.push_back(values.lookup(operand));
    for (auto [result, value] : llvm::zip_equal(op->getResults(), results))
      values[result] = value;
    bool fair = isSmoothAt(op, operands) && llvm::all_of(results, [](const TensorRef &result) {
                  return isModerate(*result, /*allowHidden=*/true);
                });
    return fair ? absl::OkStatus() : absl::OutOfRangeError("");
  };
  return evaluate(function, arguments, observe).ok();
}

} // namespace heddle::random
