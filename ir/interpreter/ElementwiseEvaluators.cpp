// SPDX-License-Identifier: Apache-2.0
// Elementwise ops, masks, constants and dropout.

#include <cmath>
#include <limits>

#include "ir/interpreter/Evaluators.h"
#include "llvm/ADT/APFloat.h"

using namespace mlir;

namespace heddle::ir {
namespace {

/// An operand with its elements repeated to the result's shape.
template <typename Number> class Broadcast {
public:
  Broadcast(const TensorOf<Number> &operand, const std::vector<int64_t> &shape)
      : tensor_(&operand) {
    if (operand.shape == shape)
      return;
    expanded_ = TensorOf<Number>::zeros(operand.kind, shape);
    gather(operand, StridedView::dense(operand.shape).broadcastTo(shape), expanded_);
    tensor_ = &expanded_;
  }
  Broadcast(const Broadcast &) = delete;

  const TensorOf<Number> &operator*() const { return *tensor_; }
  const TensorOf<Number> *operator->() const { return tensor_; }

private:
  const TensorOf<Number> *tensor_;
  TensorOf<Number> expanded_;
};

/// Whether rounding could have decided otherwise which of the two is larger.
bool mayDiffer(double, double) { return false; }
bool mayDiffer(Single, Single) { return false; }
bool mayDiffer(Bounded a, Bounded b) {
  double error = a.error + b.error;
  return error != 0 && !(std::abs(a.value - b.value) > error);
}

template <typename Op, auto function, typename Number>
absl::Status unary(Op op, const Inputs<Number> &in, Outputs<Number> out) {
  const TensorOf<Number> &x = in[op.getX()];
  for (size_t i = 0; i < x.floats.size(); ++i)
    out[0].floats[i] = function(x.floats[i]);
  return absl::OkStatus();
}

template <typename Op, auto function, typename Number>
absl::Status binary(Op op, const Inputs<Number> &in, Outputs<Number> out) {
  Broadcast lhs(in[op.getLhs()], out[0].shape), rhs(in[op.getRhs()], out[0].shape);
  for (size_t i = 0; i < out[0].floats.size(); ++i)
    out[0].floats[i] = function(lhs->floats[i], rhs->floats[i]);
  return absl::OkStatus();
}

/// dx = slope(x) * dy.
template <typename Op, auto slope, typename Number>
absl::Status activationGrad(Op op, const Inputs<Number> &in, Outputs<Number> out) {
  const TensorOf<Number> &x = in[op.getX()], &dy = in[op.getDy()];
  for (size_t i = 0; i < x.floats.size(); ++i)
    out[0].floats[i] = slope(x.floats[i]) * dy.floats[i];
  return absl::OkStatus();
}

const double kSqrt2OverPi = std::sqrt(2 / M_PI);
constexpr double kGeluCubic = 0.044715;

// 1 + erf and 1 + tanh have no digits left where the result is small; these keep them.

/// The probability of less than x, 0.5 (1 + erf(x / sqrt 2)).
template <typename Number> Number normalBelow(Number x) {
  return applied(x, [](double v) { return 0.5 * std::erfc(-v * M_SQRT1_2); }, 14);
}
/// 0.5 (1 + tanh z) is sigmoid(2 z).
template <typename Number> Number tanhArgument(Number x) {
  return kSqrt2OverPi * (x + kGeluCubic * x * x * x);
}

template <typename Number> Number addOf(Number a, Number b) { return a + b; }
template <typename Number> Number subOf(Number a, Number b) { return a - b; }
template <typename Number> Number mulOf(Number a, Number b) { return a * b; }
template <typename Number> Number divOf(Number a, Number b) { return a / b; }
template <typename Number> Number largerOf(Number a, Number b) { return maxOf(a, b); }
template <typename Number> Number smallerOf(Number a, Number b) { return -maxOf(-a, -b); }
template <typename Number> Number negOf(Number x) { return -x; }
template <typename Number> Number siluSlope(Number x) {
  Number s = sigmoidOf(x);
  return s * (1.0 + x * (1.0 - s));
}
template <typename Number> Number geluSlope(Number x, bool tanhApproximation) {
  if (!tanhApproximation) {
    Number density = expOf(-0.5 * x * x) / std::sqrt(2 * M_PI);
    return normalBelow(x) + x * density;
  }
  Number s = sigmoidOf(2.0 * tanhArgument(x));
  return s + 2.0 * s * (1.0 - s) * x * kSqrt2OverPi * (1.0 + 3 * kGeluCubic * x * x);
}

/// A choice rather than a product: dy may be infinite where x is not above zero.
template <typename Number>
absl::Status reluGrad(ReluGradOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const TensorOf<Number> &x = in[op.getX()], &dy = in[op.getDy()];
  for (size_t i = 0; i < x.floats.size(); ++i) {
    bool undecided = mayDiffer(x.floats[i], Number(0.0));
    out[0].floats[i] = valueOf(x.floats[i]) > 0 ? eitherOf(dy.floats[i], Number(0.0), undecided)
                                                : eitherOf(Number(0.0), dy.floats[i], undecided);
  }
  return absl::OkStatus();
}

template <typename Number>
absl::Status gelu(GeluOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const TensorOf<Number> &x = in[op.getX()];
  for (size_t i = 0; i < x.floats.size(); ++i)
    out[0].floats[i] = geluOf(x.floats[i], op.getTanhApproximation());
  return absl::OkStatus();
}

template <typename Number>
absl::Status geluGrad(GeluGradOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const TensorOf<Number> &x = in[op.getX()], &dy = in[op.getDy()];
  for (size_t i = 0; i < x.floats.size(); ++i)
    out[0].floats[i] = geluSlope(x.floats[i], op.getTanhApproximation()) * dy.floats[i];
  return absl::OkStatus();
}

/// Rounds to nearest even where the kind is narrower than float64.
double roundTo(ElementKind kind, double value) {
  if (kind == ElementKind::f64)
    return value;
  if (kind == ElementKind::f32)
    return static_cast<float>(value);
  llvm::APFloat narrow(value);
  bool losesInfo;
  narrow.convert(kind == ElementKind::bf16 ? llvm::APFloat::BFloat() : llvm::APFloat::IEEEhalf(),
                 llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return narrow.convertToDouble();
}

/// Truncates towards zero and saturates; NaN becomes 0.
int64_t toInteger(ElementKind kind, double value) {
  if (kind == ElementKind::i1)
    return value != 0;
  if (std::isnan(value))
    return 0;
  double bound = kind == ElementKind::i32 ? 0x1p31 : 0x1p63;
  if (value >= bound)
    return kind == ElementKind::i32 ? INT32_MAX : INT64_MAX;
  if (value < -bound)
    return kind == ElementKind::i32 ? INT32_MIN : INT64_MIN;
  return static_cast<int64_t>(value);
}

Single roundTo(ElementKind kind, Single x) { return roundTo(kind, valueOf(x)); }
/// What rounding of both `x` and its neighbours within its error makes of it.
Bounded roundTo(ElementKind kind, Bounded x) {
  double value = roundTo(kind, x.value);
  if (kind == ElementKind::f32 || kind == ElementKind::f64 || x.error == 0)
    return rounded(value, x.error);
  double step = kind == ElementKind::bf16 ? 0x1p-7 : 0x1p-10;
  return {value, x.error + step * (std::abs(value) + x.error)};
}

/// Whether rounding could have made another integer of x.
bool mayTruncateTo(ElementKind, double) { return false; }
bool mayTruncateTo(ElementKind, Single) { return false; }
bool mayTruncateTo(ElementKind kind, Bounded x) {
  if (kind == ElementKind::i1)
    return mayDiffer(x, 0.0);
  return toInteger(kind, x.value - x.error) != toInteger(kind, x.value + x.error);
}

template <typename Number> void setUndecided(TensorOf<Number> &tensor, size_t i) {
  tensor.undecided.resize(tensor.ints.size());
  tensor.undecided[i] = 1;
}

/// An integer as a float: known to be one of two where a mask is undecided, else nothing is known.
template <typename Number> Number floatOf(const TensorOf<Number> &x, int64_t i) {
  auto value = static_cast<double>(x.ints[i]);
  if (!x.isUndecided(i))
    return constantOf<Number>(value);
  return eitherOf(Number(value), Number(x.kind == ElementKind::i1 ? 1 - value : HUGE_VAL), true);
}

template <typename Number>
absl::Status castElements(CastOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const TensorOf<Number> &x = in[op.getX()];
  TensorOf<Number> &y = out[0];
  for (int64_t i = 0; i < x.elements(); ++i) {
    if (y.isFloat()) {
      y.floats[i] = roundTo(y.kind, x.isFloat() ? x.floats[i] : floatOf(x, i));
      continue;
    }
    if (x.isFloat() || y.kind == ElementKind::i1)
      y.ints[i] = toInteger(y.kind, valueOf(x.number(i)));
    else
      y.ints[i] = y.kind == ElementKind::i32 ? static_cast<int32_t>(x.ints[i]) : x.ints[i];
    if (x.isFloat() ? mayTruncateTo(y.kind, x.floats[i]) : x.isUndecided(i))
      setUndecided(y, i);
  }
  return absl::OkStatus();
}

template <typename T> bool holds(ComparePredicate predicate, T a, T b) {
  switch (predicate) {
  case ComparePredicate::eq:
    return a == b;
  case ComparePredicate::ne:
    return a != b;
  case ComparePredicate::lt:
    return a < b;
  case ComparePredicate::le:
    return a <= b;
  case ComparePredicate::gt:
    return a > b;
  case ComparePredicate::ge:
    return a >= b;
  }
  return false;
}

template <typename Number>
absl::Status compare(CompareOp op, const Inputs<Number> &in, Outputs<Number> out) {
  Broadcast lhs(in[op.getLhs()], out[0].shape), rhs(in[op.getRhs()], out[0].shape);
  for (size_t i = 0; i < out[0].ints.size(); ++i) {
    bool isFloat = lhs->isFloat();
    out[0].ints[i] =
        isFloat ? holds(op.getPredicate(), valueOf(lhs->floats[i]), valueOf(rhs->floats[i]))
                : holds(op.getPredicate(), lhs->ints[i], rhs->ints[i]);
    if (isFloat ? mayDiffer(lhs->floats[i], rhs->floats[i])
                : lhs->isUndecided(i) || rhs->isUndecided(i))
      setUndecided(out[0], i);
  }
  return absl::OkStatus();
}

template <typename Number>
absl::Status logicalAnd(LogicalAndOp op, const Inputs<Number> &in, Outputs<Number> out) {
  Broadcast lhs(in[op.getLhs()], out[0].shape), rhs(in[op.getRhs()], out[0].shape);
  for (size_t i = 0; i < out[0].ints.size(); ++i) {
    out[0].ints[i] = lhs->ints[i] && rhs->ints[i];
    // One that is certainly false decides.
    bool left = lhs->ints[i] || lhs->isUndecided(i), right = rhs->ints[i] || rhs->isUndecided(i);
    if (left && right && (lhs->isUndecided(i) || rhs->isUndecided(i)))
      setUndecided(out[0], i);
  }
  return absl::OkStatus();
}

template <typename Number>
absl::Status select(SelectOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const std::vector<int64_t> &shape = out[0].shape;
  Broadcast condition(in[op.getCondition()], shape), ifTrue(in[op.getIfTrue()], shape),
      ifFalse(in[op.getIfFalse()], shape);
  for (size_t i = 0; i < out[0].floats.size(); ++i) {
    Number yes = ifTrue->floats[i], no = ifFalse->floats[i];
    bool undecided = condition->isUndecided(i);
    out[0].floats[i] =
        condition->ints[i] ? eitherOf(yes, no, undecided) : eitherOf(no, yes, undecided);
  }
  return absl::OkStatus();
}

template <typename Number>
absl::Status constant(ConstantOp op, const Inputs<Number> &, Outputs<Number> out) {
  auto value = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!value)
    return absl::UnimplementedError("the value is no dense attribute");
  TensorOf<Number> &y = out[0];
  int64_t i = 0;
  if (y.isFloat())
    for (const llvm::APFloat &element : value.getValues<llvm::APFloat>())
      y.floats[i++] = element.convertToDouble();
  else
    for (const llvm::APInt &element : value.getValues<llvm::APInt>())
      y.ints[i++] = y.kind == ElementKind::i1 ? element.getZExtValue() : element.getSExtValue();
  return absl::OkStatus();
}

template <typename Number>
absl::Status causalMask(CausalMaskOp op, const Inputs<Number> &, Outputs<Number> out) {
  int64_t queries = out[0].shape[0], keys = out[0].shape[1];
  for (int64_t i = 0; i < queries; ++i)
    for (int64_t j = 0; j < keys; ++j) {
      int64_t last = i + (keys - queries);
      bool inWindow = !op.getWindowAttr() || j > last - op.getWindowAttr().getInt();
      out[0].ints[i * keys + j] = j <= last && inWindow;
    }
  return absl::OkStatus();
}

template <typename Number>
absl::Status lengthMask(LengthMaskOp op, const Inputs<Number> &in, Outputs<Number> out) {
  int64_t batch = out[0].shape[0], keys = out[0].shape[1];
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t j = 0; j < keys; ++j)
      out[0].ints[b * keys + j] = j < in[op.getLengths()].ints[b];
  return absl::OkStatus();
}

template <typename Number>
absl::Status dropout(DropoutOp op, const Inputs<Number> &in, Outputs<Number> out) {
  DropoutStream stream = dropoutStream(in[op.getRng()], op.getRngId());
  double p = op.getP().convertToDouble();
  const TensorOf<Number> &x = in[op.getX()];
  for (size_t i = 0; i < x.floats.size(); ++i) {
    double factor = stream.factor(i, p);
    // Zero also where x is not finite.
    out[0].floats[i] = factor == 0 ? Number(0.0) : x.floats[i] * constantOf<Number>(factor);
  }
  return absl::OkStatus();
}

} // namespace

double geluOf(double x, bool tanhApproximation) {
  return x * (tanhApproximation ? sigmoidOf(2 * tanhArgument(x)) : normalBelow(x));
}

Single geluOf(Single x, bool tanhApproximation) { return geluOf(valueOf(x), tanhApproximation); }

Bounded geluOf(Bounded x, bool tanhApproximation) {
  // The lower tail is e^-exponent, whose rounding counts there; with the exact distribution kernels
  // take care of it.
  double v = x.value;
  double exponent = tanhApproximation ? 2 * std::sqrt(2 / M_PI) * std::abs(v + 0.044715 * v * v * v)
                                      : 0.5 * v * v;
  auto function = [&](double value) { return geluOf(value, tanhApproximation); };
  Bounded y = applied(x, function, 15 + 4 * std::min(exponent, 100.0));
  return {y.value, y.error + kSmallestNormal * std::abs(v)}; // v times a weight that is flushed
}

template <typename Number> void addElementwiseEvaluators(EvaluatorTable<Number> &table) {
  table.add(binary<AddOp, addOf<Number>, Number>);
  table.add(binary<SubOp, subOf<Number>, Number>);
  table.add(binary<MulOp, mulOf<Number>, Number>);
  table.add(binary<DivOp, divOf<Number>, Number>);
  table.add(binary<MaximumOp, largerOf<Number>, Number>);
  table.add(binary<MinimumOp, smallerOf<Number>, Number>);
  table.add(unary<NegOp, negOf<Number>, Number>);
  table.add(unary<ExpOp, expOf<Number>, Number>);
  table.add(unary<LogOp, logOf<Number>, Number>);
  table.add(unary<SqrtOp, sqrtOf<Number>, Number>);
  table.add(unary<RsqrtOp, rsqrtOf<Number>, Number>);
  table.add(unary<TanhOp, tanhOf<Number>, Number>);
  table.add(unary<ErfOp, erfOf<Number>, Number>);
  table.add(unary<SigmoidOp, sigmoidOf<Number>, Number>);
  table.add(unary<ReluOp, reluOf<Number>, Number>);
  table.add(unary<SiluOp, siluOf<Number>, Number>);
  table.add(reluGrad<Number>);
  table.add(activationGrad<SiluGradOp, siluSlope<Number>, Number>);
  table.add(gelu<Number>);
  table.add(geluGrad<Number>);
  table.add(castElements<Number>);
  table.add(compare<Number>);
  table.add(logicalAnd<Number>);
  table.add(select<Number>);
  table.add(constant<Number>);
  table.add(causalMask<Number>);
  table.add(lengthMask<Number>);
  table.add(dropout<Number>);
}

template void addElementwiseEvaluators(EvaluatorTable<double> &);
template void addElementwiseEvaluators(EvaluatorTable<Bounded> &);
template void addElementwiseEvaluators(EvaluatorTable<Single> &);

} // namespace heddle::ir
