// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/RowPasses.h"

#include <limits>

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace heddle::codegen {

RowPasses::RowPasses(LaneKernel &kernel, ValueRange staged, Value scratch)
    : kernel_(kernel), math_(kernel.builder(), kernel.lanes(), kernel.target().hasFma()),
      staged_(staged.begin(), staged.end()), scratch_(scratch) {}

int64_t RowPasses::scratchFor(int64_t rows, int64_t columns) {
  return rows * ((columns + 15) / 16 * 16);
}

Value RowPasses::region(size_t number) {
  return constantIndex(builder(), scratchFor(static_cast<int64_t>(number), columns()));
}

Value RowPasses::spread(Value scalar) { return broadcast(builder(), kernel_.lanes(), scalar); }

Value RowPasses::scalar(double value) { return constantFloat(builder(), value); }

Value RowPasses::lanes(LanePoint &point, Value value) {
  auto found = llvm::find(staged_, value);
  if (found == staged_.end())
    return kernel_.lanes(point, value);
  Value offset = addIndex(builder(), region(found - staged_.begin()), point.column);
  if (passes_ == 0) {
    bool first = !point.known.count(value);
    Value result = kernel_.lanes(point, value);
    if (first)
      storeVector(builder(), result, scratch_, offset, point.mask);
    return result;
  }
  Value &known = point.known[value];
  if (!known)
    known = loadVector(builder(), kernel_.lanes(), scratch_, offset, point.mask);
  return known;
}

Value RowPasses::element(Value value, Value column) {
  auto found = llvm::find(staged_, value);
  if (found == staged_.end())
    return kernel_.element(value, column);
  return loadScalar(builder(), scratch_,
                    addIndex(builder(), region(found - staged_.begin()), column));
}

void RowPasses::keep(LanePoint &point, Value lanes) {
  storeVector(builder(), lanes, scratch_, addIndex(builder(), region(staged_.size()), point.column),
              point.mask);
}

Value RowPasses::kept(LanePoint &point) {
  return loadVector(builder(), kernel_.lanes(), scratch_,
                    addIndex(builder(), region(staged_.size()), point.column), point.mask);
}

Value RowPasses::combine(Reduction kind, Value sum, const Term &term, Value mask) {
  Value x = term.x;
  double identity = kind == Reduction::Sum ? 0.0 : -std::numeric_limits<double>::infinity();
  if (mask)
    x = arith::SelectOp::create(builder(), mask, x, math_.constant(identity));
  switch (kind) {
  case Reduction::Sum: {
    if (!term.factor)
      return math_.add(sum, x);
    // Lanes outside the row may hold anything in the factor, and 0 * infinity is no zero.
    Value factor = term.factor;
    if (mask)
      factor = arith::SelectOp::create(builder(), mask, factor, math_.constant(0.0));
    return math_.multiplyAdd(x, factor, sum);
  }
  case Reduction::Max:
    return arith::MaximumFOp::create(builder(), sum, x);
  case Reduction::MaxOfNumbers: {
    Value above = arith::CmpFOp::create(builder(), arith::CmpFPredicate::OGT, x, sum);
    return arith::SelectOp::create(builder(), above, x, sum);
  }
  }
  llvm_unreachable("unknown reduction");
}

Value RowPasses::across(Reduction kind, Value vector) {
  if (kind == Reduction::Sum)
    return sumOfLanes(builder(), vector);
  if (kind == Reduction::Max)
    return vector::ReductionOp::create(builder(), vector::CombiningKind::MAXIMUMF, vector);
  return vector::ReductionOp::create(builder(), vector::CombiningKind::MAXNUMF, vector,
                                     arith::FastMathFlags::nnan);
}

SmallVector<Value> RowPasses::reduce(ArrayRef<Reduction> kinds, int unroll,
                                     const std::function<SmallVector<Term>(LanePoint &)> &terms) {
  ImplicitLocOpBuilder &b = builder();
  int64_t lanes = kernel_.lanes(), whole = columns() / lanes * lanes;
  size_t width = kinds.size();
  int64_t mainEnd = whole / (unroll * lanes) * (unroll * lanes);
  SmallVector<Value> sums;
  for (int u = 0; u < unroll; ++u)
    for (Reduction kind : kinds)
      sums.push_back(
          math_.constant(kind == Reduction::Sum ? 0.0 : -std::numeric_limits<double>::infinity()));
  auto accumulate = [&](LanePoint point, MutableArrayRef<Value> into) {
    SmallVector<Term> values = terms(point);
    for (size_t k = 0; k < width; ++k)
      into[k] = combine(kinds[k], into[k], values[k], point.mask);
  };
  auto loop = [&](int64_t low, int64_t high, int vectors) {
    if (low == high)
      return;
    auto carried = ArrayRef<Value>(sums).take_front(vectors * width);
    SmallVector<Value> next =
        forLoop(b, constantIndex(b, low), constantIndex(b, high), vectors * lanes,
                ValueRange(carried), [&](Value column, ValueRange current) {
                  SmallVector<Value> updated(current.begin(), current.end());
                  for (int u = 0; u < vectors; ++u)
                    accumulate(LanePoint(addIndex(b, column, u * lanes)),
                               MutableArrayRef<Value>(updated).slice(u * width, width));
                  return updated;
                });
    llvm::copy(next, sums.begin());
  };
  loop(0, mainEnd, unroll);
  loop(mainEnd, whole, 1);
  if (whole < columns())
    accumulate(LanePoint(constantIndex(b, whole), prefixMask(b, lanes, columns() - whole)),
               MutableArrayRef<Value>(sums).take_front(width));
  ++passes_;
  SmallVector<Value> results;
  for (size_t k = 0; k < width; ++k) {
    for (int half = unroll / 2; half > 0; half /= 2)
      for (int u = 0; u < half; ++u)
        sums[u * width + k] =
            combine(kinds[k], sums[u * width + k], {sums[(u + half) * width + k], {}}, {});
    results.push_back(across(kinds[k], sums[k]));
  }
  return results;
}

Value RowPasses::sum(const std::function<Term(LanePoint &)> &term, int unroll) {
  return reduce({Reduction::Sum}, unroll,
                [&](LanePoint &point) { return SmallVector<Term>{term(point)}; })[0];
}

} // namespace heddle::codegen
