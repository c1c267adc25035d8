// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ir/interpreter/Evaluators.h"

namespace heddle::ir {
namespace {

template <typename Number>
absl::Status matmul(MatmulOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const TensorOf<Number> &a = in[op.getA()], &b = in[op.getB()];
  TensorOf<Number> &y = out[0];
  int64_t m = y.shape[y.rank() - 2], n = y.shape.back();
  int64_t k = a.shape[a.rank() - (op.getTransposeA() ? 2 : 1)];
  std::vector<SumOf<Number>> sums(y.floats.size(), 0.0);
  // A shared matrix b: the leading axes of a are more rows.
  if (b.rank() == 2) {
    multiply(a.floats.data(), b.floats.data(), sums.data(), y.elements() / n, n, k,
             op.getTransposeA(), op.getTransposeB());
    y.floats.assign(sums.begin(), sums.end());
    return absl::OkStatus();
  }
  // One product per leading index; an operand's leading axis of size 1 is repeated.
  std::vector<int64_t> batch(y.shape.begin(), y.shape.end() - 2);
  auto offsets = [&](const TensorOf<Number> &x) {
    std::vector<int64_t> leading(x.shape.begin(), x.shape.end() - 2);
    Tensor numbers = Tensor::zeros(ElementKind::i64, leading);
    for (size_t i = 0; i < numbers.ints.size(); ++i)
      numbers.ints[i] = i * x.shape[x.rank() - 1] * x.shape[x.rank() - 2];
    Tensor result = Tensor::zeros(ElementKind::i64, batch);
    gather(numbers, StridedView::dense(leading).broadcastTo(batch), result);
    return result.ints;
  };
  std::vector<int64_t> offsetsOfA = offsets(a), offsetsOfB = offsets(b);
  for (size_t i = 0; i < offsetsOfA.size(); ++i)
    multiply(&a.floats[offsetsOfA[i]], &b.floats[offsetsOfB[i]], &sums[i * m * n], m, n, k,
             op.getTransposeA(), op.getTransposeB());
  y.floats.assign(sums.begin(), sums.end());
  return absl::OkStatus();
}

} // namespace

template <typename Number>
void multiply(const Number *a, const Number *b, SumOf<Number> *y, int64_t m, int64_t n, int64_t k,
              bool transposeA, bool transposeB) {
  auto elementOfA = [&](int64_t i, int64_t p) { return transposeA ? a[p * m + i] : a[i * k + p]; };
  if (transposeB) {
    // A row of b meets every row of a while it is in the cache.
    for (int64_t j = 0; j < n; ++j)
      for (int64_t i = 0; i < m; ++i) {
        SumOf<Number> total = 0;
        for (int64_t p = 0; p < k; ++p)
          total += elementOfA(i, p) * b[j * k + p];
        y[i * n + j] += Number(total);
      }
    return;
  }
  // A row of b meets a band of rows of a while it is in the cache.
  constexpr int64_t kBand = 16;
  for (int64_t band = 0; band < m; band += kBand)
    for (int64_t p = 0; p < k; ++p)
      for (int64_t i = band; i < std::min(band + kBand, m); ++i) {
        Number factor = elementOfA(i, p);
        for (int64_t j = 0; j < n; ++j)
          y[i * n + j] += factor * b[p * n + j];
      }
}

template <typename Number> void addMatmulEvaluators(EvaluatorTable<Number> &table) {
  table.add(matmul<Number>);
}

template void multiply(const double *, const double *, double *, int64_t, int64_t, int64_t, bool,
                       bool);
template void multiply(const Single *, const Single *, Single *, int64_t, int64_t, int64_t, bool,
                       bool);
template void multiply(const Bounded *, const Bounded *, BoundedSum *, int64_t, int64_t, int64_t,
                       bool, bool);
template void addMatmulEvaluators(EvaluatorTable<double> &);
template void addMatmulEvaluators(EvaluatorTable<Bounded> &);
template void addMatmulEvaluators(EvaluatorTable<Single> &);

} // namespace heddle::ir
