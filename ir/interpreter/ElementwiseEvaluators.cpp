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
class Broadcast {
public:
  Broadcast(const Tensor &operand, const std::vector<int64_t> &shape) : tensor_(&operand) {
    if (operand.shape == shape)
      return;
    expanded_ = Tensor::zeros(operand.kind, shape);
    gather(operand, StridedView::dense(operand.shape).broadcastTo(shape), expanded_);
    tensor_ = &expanded_;
  }
  Broadcast(const Broadcast &) = delete;

  const Tensor &operator*() const { return *tensor_; }
  const Tensor *operator->() const { return tensor_; }

private:
  const Tensor *tensor_;
  Tensor expanded_;
};

template <typename Op, double (*function)(double)>
absl::Status unary(Op op, const Inputs &in, Outputs out) {
  const Tensor &x = in[op.getX()];
  for (size_t i = 0; i < x.floats.size(); ++i)
    out[0].floats[i] = function(x.floats[i]);
  return absl::OkStatus();
}

template <typename Op, double (*function)(double, double)>
absl::Status binary(Op op, const Inputs &in, Outputs out) {
  Broadcast lhs(in[op.getLhs()], out[0].shape), rhs(in[op.getRhs()], out[0].shape);
  for (size_t i = 0; i < out[0].floats.size(); ++i)
    out[0].floats[i] = function(lhs->floats[i], rhs->floats[i]);
  return absl::OkStatus();
}

/// dx = slope(x) * dy.
template <typename Op, double (*slope)(double)>
absl::Status activationGrad(Op op, const Inputs &in, Outputs out) {
  const Tensor &x = in[op.getX()], &dy = in[op.getDy()];
  for (size_t i = 0; i < x.floats.size(); ++i)
    out[0].floats[i] = slope(x.floats[i]) * dy.floats[i];
  return absl::OkStatus();
}

double addOf(double a, double b) { return a + b; }
double subOf(double a, double b) { return a - b; }
double mulOf(double a, double b) { return a * b; }
double divOf(double a, double b) { return a / b; }
double minOf(double a, double b) { return -maxOf(-a, -b); }
double negOf(double x) { return -x; }
double rsqrtOf(double x) { return 1.0 / std::sqrt(x); }
double siluOf(double x) { return x * sigmoidOf(x); }
double reluSlope(double x) { return x > 0 ? 1 : 0; }
double siluSlope(double x) {
  double s = sigmoidOf(x);
  return s * (1 + x * (1 - s));
}

absl::Status gelu(GeluOp op, const Inputs &in, Outputs out) {
  const Tensor &x = in[op.getX()];
  for (size_t i = 0; i < x.floats.size(); ++i)
    out[0].floats[i] = geluOf(x.floats[i], op.getTanhApproximation());
  return absl::OkStatus();
}

absl::Status geluGrad(GeluGradOp op, const Inputs &in, Outputs out) {
  const Tensor &x = in[op.getX()], &dy = in[op.getDy()];
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

absl::Status castElements(CastOp op, const Inputs &in, Outputs out) {
  const Tensor &x = in[op.getX()];
  Tensor &y = out[0];
  for (int64_t i = 0; i < x.elements(); ++i) {
    if (y.isFloat())
      y.floats[i] = roundTo(y.kind, x.number(i));
    else if (x.isFloat() || y.kind == ElementKind::i1)
      y.ints[i] = toInteger(y.kind, x.number(i));
    else
      y.ints[i] = y.kind == ElementKind::i32 ? static_cast<int32_t>(x.ints[i]) : x.ints[i];
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

absl::Status compare(CompareOp op, const Inputs &in, Outputs out) {
  Broadcast lhs(in[op.getLhs()], out[0].shape), rhs(in[op.getRhs()], out[0].shape);
  for (size_t i = 0; i < out[0].ints.size(); ++i)
    out[0].ints[i] = lhs->isFloat() ? holds(op.getPredicate(), lhs->floats[i], rhs->floats[i])
                                    : holds(op.getPredicate(), lhs->ints[i], rhs->ints[i]);
  return absl::OkStatus();
}

absl::Status logicalAnd(LogicalAndOp op, const Inputs &in, Outputs out) {
  Broadcast lhs(in[op.getLhs()], out[0].shape), rhs(in[op.getRhs()], out[0].shape);
  for (size_t i = 0; i < out[0].ints.size(); ++i)
    out[0].ints[i] = lhs->ints[i] && rhs->ints[i];
  return absl::OkStatus();
}

absl::Status select(SelectOp op, const Inputs &in, Outputs out) {
  const std::vector<int64_t> &shape = out[0].shape;
  Broadcast condition(in[op.getCondition()], shape), ifTrue(in[op.getIfTrue()], shape),
      ifFalse(in[op.getIfFalse()], shape);
  for (size_t i = 0; i < out[0].floats.size(); ++i)
    out[0].floats[i] = condition->ints[i] ? ifTrue->floats[i] : ifFalse->floats[i];
  return absl::OkStatus();
}

absl::Status constant(ConstantOp op, const Inputs &, Outputs out) {
  auto value = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!value)
    return absl::UnimplementedError("the value is no dense attribute");
  Tensor &y = out[0];
  int64_t i = 0;
  if (y.isFloat())
    for (const llvm::APFloat &element : value.getValues<llvm::APFloat>())
      y.floats[i++] = element.convertToDouble();
  else
    for (const llvm::APInt &element : value.getValues<llvm::APInt>())
      y.ints[i++] = y.kind == ElementKind::i1 ? element.getZExtValue() : element.getSExtValue();
  return absl::OkStatus();
}

absl::Status causalMask(CausalMaskOp op, const Inputs &, Outputs out) {
  int64_t queries = out[0].shape[0], keys = out[0].shape[1];
  for (int64_t i = 0; i < queries; ++i)
    for (int64_t j = 0; j < keys; ++j) {
      int64_t last = i + (keys - queries);
      bool inWindow = !op.getWindowAttr() || j > last - op.getWindowAttr().getInt();
      out[0].ints[i * keys + j] = j <= last && inWindow;
    }
  return absl::OkStatus();
}

absl::Status lengthMask(LengthMaskOp op, const Inputs &in, Outputs out) {
  int64_t batch = out[0].shape[0], keys = out[0].shape[1];
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t j = 0; j < keys; ++j)
      out[0].ints[b * keys + j] = j < in[op.getLengths()].ints[b];
  return absl::OkStatus();
}

absl::Status dropout(DropoutOp op, const Inputs &in, Outputs out) {
  DropoutStream stream = dropoutStream(in[op.getRng()], op.getRngId());
  double p = op.getP().convertToDouble();
  const Tensor &x = in[op.getX()];
  for (size_t i = 0; i < x.floats.size(); ++i) {
    double factor = stream.factor(i, p);
    out[0].floats[i] = factor == 0 ? 0 : x.floats[i] * factor; // also where x is not finite
  }
  return absl::OkStatus();
}

} // namespace

double reluOf(double x) { return x > 0 || std::isnan(x) ? x : 0; }

double sigmoidOf(double x) { return 1.0 / (1.0 + std::exp(-x)); }

double geluOf(double x, bool tanhApproximation) {
  if (!tanhApproximation)
    return 0.5 * x * (1 + std::erf(x * M_SQRT1_2));
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

double geluSlope(double x, bool tanhApproximation) {
  if (!tanhApproximation) {
    double density = std::exp(-0.5 * x * x) / std::sqrt(2 * M_PI);
    return 0.5 * (1 + std::erf(x * M_SQRT1_2)) + x * density;
  }
  double scale = std::sqrt(2 / M_PI);
  double t = std::tanh(scale * (x + 0.044715 * x * x * x));
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * scale * (1 + 3 * 0.044715 * x * x);
}

double maxOf(double a, double b) {
  if (std::isnan(a) || std::isnan(b))
    return std::numeric_limits<double>::quiet_NaN();
  return a > b ? a : b;
}

DropoutStream dropoutStream(const Tensor &rng, int64_t rngId) {
  return {static_cast<uint64_t>(rng.ints[0]), static_cast<uint32_t>(rng.ints[1]),
          static_cast<uint32_t>(rng.ints[2]), static_cast<uint32_t>(rngId)};
}

void addElementwiseEvaluators(EvaluatorTable &table) {
  table.add(binary<AddOp, addOf>);
  table.add(binary<SubOp, subOf>);
  table.add(binary<MulOp, mulOf>);
  table.add(binary<DivOp, divOf>);
  table.add(binary<MaximumOp, maxOf>);
  table.add(binary<MinimumOp, minOf>);
  table.add(unary<NegOp, negOf>);
  table.add(unary<ExpOp, std::exp>);
  table.add(unary<LogOp, std::log>);
  table.add(unary<SqrtOp, std::sqrt>);
  table.add(unary<RsqrtOp, rsqrtOf>);
  table.add(unary<TanhOp, std::tanh>);
  table.add(unary<ErfOp, std::erf>);
  table.add(unary<SigmoidOp, sigmoidOf>);
  table.add(unary<ReluOp, reluOf>);
  table.add(unary<SiluOp, siluOf>);
  table.add(activationGrad<ReluGradOp, reluSlope>);
  table.add(activationGrad<SiluGradOp, siluSlope>);
  table.add(gelu);
  table.add(geluGrad);
  table.add(castElements);
  table.add(compare);
  table.add(logicalAnd);
  table.add(select);
  table.add(constant);
  table.add(causalMask);
  table.add(lengthMask);
  table.add(dropout);
}

} // namespace heddle::ir
