// SPDX-License-Identifier: Apache-2.0
// Sums, maxima and softmax.

#include <cmath>
#include <limits>

#include "ir/interpreter/Evaluators.h"

namespace heddle::ir {
namespace {

/// Folds the reduced axes of x, moved behind the kept ones, into one number per kept element.
template <double (*fold)(double, double)>
void reduce(const Tensor &x, llvm::ArrayRef<int64_t> axes, double initial, Tensor &y) {
  std::vector<int64_t> order;
  for (int64_t axis = 0; axis < x.rank(); ++axis)
    if (!llvm::is_contained(axes, axis))
      order.push_back(axis);
  order.insert(order.end(), axes.begin(), axes.end());
  StridedView view = StridedView::dense(x.shape).transposed(order);
  Tensor moved = Tensor::zeros(x.kind, view.sizes);
  gather(x, view, moved);
  int64_t kept = y.elements(), reduced = x.elements() / kept;
  for (int64_t row = 0; row < kept; ++row) {
    double result = initial;
    for (int64_t i = 0; i < reduced; ++i)
      result = fold(result, moved.floats[row * reduced + i]);
    y.floats[row] = result;
  }
}

double addOf(double a, double b) { return a + b; }

absl::Status sum(SumOp op, const Inputs &in, Outputs out) {
  reduce<addOf>(in[op.getX()], op.getAxes(), 0.0, out[0]);
  return absl::OkStatus();
}

absl::Status max(MaxOp op, const Inputs &in, Outputs out) {
  reduce<maxOf>(in[op.getX()], op.getAxes(), -std::numeric_limits<double>::infinity(), out[0]);
  return absl::OkStatus();
}

absl::Status softmax(SoftmaxOp op, const Inputs &in, Outputs out) {
  const Tensor &x = in[op.getX()];
  int64_t columns = x.shape.back(), rows = x.elements() / columns;
  for (int64_t row = 0; row < rows; ++row) {
    const double *from = &x.floats[row * columns];
    double *to = &out[0].floats[row * columns];
    double largest = -std::numeric_limits<double>::infinity();
    for (int64_t i = 0; i < columns; ++i)
      largest = maxOf(largest, from[i]);
    if (largest == -std::numeric_limits<double>::infinity())
      continue;
    double total = 0;
    for (int64_t i = 0; i < columns; ++i)
      total += to[i] = std::exp(from[i] - largest);
    for (int64_t i = 0; i < columns; ++i)
      to[i] /= total;
  }
  return absl::OkStatus();
}

absl::Status softmaxGrad(SoftmaxGradOp op, const Inputs &in, Outputs out) {
  const Tensor &y = in[op.getY()], &dy = in[op.getDy()];
  int64_t columns = y.shape.back(), rows = y.elements() / columns;
  for (int64_t row = 0; row < rows; ++row) {
    int64_t first = row * columns;
    double dot = 0;
    for (int64_t i = first; i < first + columns; ++i)
      dot += y.floats[i] * dy.floats[i];
    for (int64_t i = first; i < first + columns; ++i)
      out[0].floats[i] = y.floats[i] * (dy.floats[i] - dot);
  }
  return absl::OkStatus();
}

} // namespace

void addReductionEvaluators(EvaluatorTable &table) {
  table.add(sum);
  table.add(max);
  table.add(softmax);
  table.add(softmaxGrad);
}

} // namespace heddle::ir
