// SPDX-License-Identifier: Apache-2.0
// Sums, maxima and softmax.

#include <cmath>
#include <limits>

#include "ir/interpreter/Evaluators.h"

namespace heddle::ir {
namespace {

/// Calls visit(i, x) with every element x of those that become element i of y.
template <typename Number, typename Visit>
void forReduced(const TensorOf<Number> &x, llvm::ArrayRef<int64_t> axes, int64_t kept,
                Visit visit) {
  std::vector<int64_t> order;
  for (int64_t axis = 0; axis < x.rank(); ++axis)
    if (!llvm::is_contained(axes, axis))
      order.push_back(axis);
  order.insert(order.end(), axes.begin(), axes.end());
  StridedView view = StridedView::dense(x.shape).transposed(order);
  TensorOf<Number> moved = TensorOf<Number>::zeros(x.kind, view.sizes);
  gather(x, view, moved);
  int64_t reduced = kept == 0 ? 0 : x.elements() / kept;
  for (int64_t row = 0; row < kept; ++row)
    for (int64_t i = 0; i < reduced; ++i)
      visit(row, moved.floats[row * reduced + i]);
}

template <typename Number>
absl::Status sum(SumOp op, const Inputs<Number> &in, Outputs<Number> out) {
  std::vector<SumOf<Number>> sums(out[0].floats.size(), 0.0);
  forReduced(in[op.getX()], op.getAxes(), out[0].elements(),
             [&](int64_t i, Number x) { sums[i] += x; });
  out[0].floats.assign(sums.begin(), sums.end());
  return absl::OkStatus();
}

template <typename Number>
absl::Status max(MaxOp op, const Inputs<Number> &in, Outputs<Number> out) {
  std::vector<Number> &y = out[0].floats;
  y.assign(y.size(), -std::numeric_limits<double>::infinity());
  forReduced(in[op.getX()], op.getAxes(), out[0].elements(),
             [&](int64_t i, Number x) { y[i] = maxOf(y[i], x); });
  return absl::OkStatus();
}

template <typename Number>
absl::Status softmax(SoftmaxOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const TensorOf<Number> &x = in[op.getX()];
  int64_t columns = x.shape.back(), rows = x.elements() / columns;
  for (int64_t row = 0; row < rows; ++row) {
    const Number *from = &x.floats[row * columns];
    Number *to = &out[0].floats[row * columns];
    // The result is the same whatever is taken from the row: the shift has no error.
    double largest = -std::numeric_limits<double>::infinity();
    for (int64_t i = 0; i < columns; ++i)
      largest = maxOf(largest, valueOf(from[i]));
    if (largest == -std::numeric_limits<double>::infinity())
      continue;
    SumOf<Number> total = 0;
    for (int64_t i = 0; i < columns; ++i)
      total += to[i] = expOf(from[i] - largest);
    Number sum = total;
    for (int64_t i = 0; i < columns; ++i)
      to[i] /= sum;
  }
  return absl::OkStatus();
}

template <typename Number>
absl::Status softmaxGrad(SoftmaxGradOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const TensorOf<Number> &y = in[op.getY()], &dy = in[op.getDy()];
  int64_t columns = y.shape.back(), rows = y.elements() / columns;
  for (int64_t row = 0; row < rows; ++row) {
    int64_t first = row * columns;
    SumOf<Number> sum = 0;
    for (int64_t i = first; i < first + columns; ++i)
      sum += y.floats[i] * dy.floats[i];
    Number dot = sum;
    for (int64_t i = first; i < first + columns; ++i)
      out[0].floats[i] = y.floats[i] * (dy.floats[i] - dot);
  }
  return absl::OkStatus();
}

} // namespace

template <typename Number> void addReductionEvaluators(EvaluatorTable<Number> &table) {
  table.add(sum<Number>);
  table.add(max<Number>);
  table.add(softmax<Number>);
  table.add(softmaxGrad<Number>);
}

template void addReductionEvaluators(EvaluatorTable<double> &);
template void addReductionEvaluators(EvaluatorTable<Bounded> &);
template void addReductionEvaluators(EvaluatorTable<Single> &);

} // namespace heddle::ir
