// SPDX-License-Identifier: Apache-2.0
#include "codegen/cuda/kernels/ElementText.h"

#include <cmath>

#include "ir/KernelForms.h"
#include "ir/ViewChain.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

Type elementOf(Value value) {
  return mlir::cast<RankedTensorType>(value.getType()).getElementType();
}

std::string call(const char *function, ArrayRef<std::string> arguments) {
  return std::string(function) + "(" + llvm::join(arguments, ", ") + ")";
}

const char *comparison(ir::ComparePredicate predicate) {
  switch (predicate) {
  case ir::ComparePredicate::eq:
    return " == ";
  case ir::ComparePredicate::ne:
    return " != ";
  case ir::ComparePredicate::lt:
    return " < ";
  case ir::ComparePredicate::le:
    return " <= ";
  case ir::ComparePredicate::gt:
    return " > ";
  case ir::ComparePredicate::ge:
    return " >= ";
  }
  llvm_unreachable("unknown predicate");
}

} // namespace

std::string ElementText::operandName(ir::KernelOp kernel, unsigned number) {
  unsigned inputs = kernel.getNumOperands();
  return number < inputs ? "in" + std::to_string(number) : "out" + std::to_string(number - inputs);
}

void ElementText::readRandomStates() {
  for (Value rng : reads_.randomStates()) {
    std::optional<unsigned> argument = randomStateArgument(rng);
    if (!argument)
      return reads_.fail("the random state is no input of the kernel");
    rng_[rng] = out_.fresh("rng");
    out_.line("const gk_Rng " + rng_[rng] + " = gk_rng(in" + Twine(*argument) + ");");
  }
}

std::string ElementText::offset(const BodyReads::Leaf &leaf, ArrayRef<std::string> axes) const {
  const IterationSpace &space = reads_.space();
  std::string text = "0";
  for (size_t axis = 0; axis < axes.size(); ++axis)
    text = sumText(text, productText(axes[axis], space.strides(leaf.window)[axis]));
  return sumText(text, std::to_string(space.offset(leaf.window)));
}

std::string ElementText::read(Value value, ArrayRef<std::string> axes) {
  const BodyReads::Leaf &leaf = reads_.leaves()[*reads_.leafOf(value)];
  Type type = elementOf(leaf.root);
  if (leaf.splat)
    return elementLiteral(type, leaf.splat.getSplatValue<Attribute>());
  auto argument = dyn_cast<BlockArgument>(leaf.root);
  std::string buffer =
      argument ? "in" + std::to_string(argument.getArgNumber()) : tables_.nameOf(leaf.root);
  std::string text = buffer + "[" + offset(leaf, axes) + "]";
  return type.isInteger(1) ? text + " != 0" : text;
}

std::string ElementText::value(ElementPoint &point, Value value) {
  if (auto found = point.known.find(value); found != point.known.end())
    return found->second;
  Operation *op = value.getDefiningOp();
  std::string expression;
  if (reads_.isLeaf(value))
    expression = read(value, point.axes);
  else if (isa_and_nonnull<ir::ReshapeOp>(op))
    return point.known[value] = this->value(point, op->getOperand(0));
  else if (op && isMaskOp(op))
    expression = mask(point, op);
  else if (op && ir::isElementwiseOp(op))
    expression = compute(point, op);
  else
    reads_.fail("a value is neither an input nor computed elementwise");
  std::string name = out_.fresh("v");
  out_.line("const " + registerType(elementOf(value)) + " " + name + " = " + expression + ";");
  return point.known[value] = name;
}

std::string ElementText::mask(const ElementPoint &point, Operation *op) {
  ArrayRef<int64_t> shape = mlir::cast<RankedTensorType>(op->getResult(0).getType()).getShape();
  // Axes of size 1 broadcast.
  std::string row = shape[0] == 1 ? "0" : "(int)(" + point.axes[point.axes.size() - 2] + ")";
  std::string column = shape[1] == 1 ? "0" : "(int)(" + point.axes.back() + ")";
  if (auto length = dyn_cast<ir::LengthMaskOp>(op)) {
    ir::ViewOfRoot source = ir::viewThroughChain(length.getLengths());
    auto argument = dyn_cast<BlockArgument>(source.root);
    if (!argument || source.view.sizes.size() != 1) {
      reads_.fail("the lengths of a mask are no vector among the inputs");
      return "false";
    }
    std::string at =
        sumText(productText(row, source.view.strides[0]), std::to_string(source.view.offset));
    return column + " < in" + std::to_string(argument.getArgNumber()) + "[" + at + "]";
  }
  std::string last = sumText(row, std::to_string(shape[1] - shape[0]));
  std::string seen = column + " <= " + last;
  if (auto window = mlir::cast<ir::CausalMaskOp>(op).getWindow())
    seen += " && " + column + " > " + last + " - " + std::to_string(*window);
  return seen;
}

std::string ElementText::cast(Value from, Type to, const std::string &x) {
  Type type = elementOf(from);
  if (type == to)
    return x;
  if (type.isBF16() && to.isF32())
    return "gk_f32(" + x + ")";
  if (type.isF32() && to.isBF16())
    return "gk_bf16(" + x + ")";
  if (isa<FloatType>(type) && !type.isF32())
    reads_.fail("a cast from a type that has no code");
  if (to.isInteger(1))
    return x + " != 0";
  if (type.isF32() && isa<IntegerType>(to))
    return (to.isInteger(64) ? "gk_to_i64(" : "gk_to_i32(") + x + ")";
  if (isa<FloatType>(to) && !to.isF32())
    reads_.fail("a cast to a type that has no code");
  return "(" + registerType(to) + ")" + x;
}

std::string ElementText::dropout(const ElementPoint &point, ir::DropoutOp op,
                                 const std::string &x) {
  double p = op.getP().convertToDouble();
  if (p <= 0)
    return x;
  if (p >= 1)
    return "0.0f";
  auto threshold = static_cast<int64_t>(std::ceil(std::ldexp(p, 24)));
  return "gk_keep(" + rng_[op.getRng()] + ", " + std::to_string(op.getRngId()) + ", " +
         point.number + ", " + std::to_string(threshold) + ") ? " + x + " * " +
         floatLiteral(1 / (1 - p)) + " : 0.0f";
}

std::string ElementText::compute(ElementPoint &point, Operation *op) {
  SmallVector<std::string> x;
  for (Value operand : op->getOperands()) {
    auto drop = dyn_cast<ir::DropoutOp>(op);
    if (drop && operand == drop.getRng())
      continue;
    Type type = elementOf(operand);
    // Floating-point work is f32 only; bf16 comes and goes by casts.
    if (isa<FloatType>(type) && !type.isF32() && !(type.isBF16() && isa<ir::CastOp>(op)))
      reads_.fail("no code for " + op->getName().getStringRef().str() + " on these element types");
    x.push_back(value(point, operand));
  }
  auto unary = [&](const char *function) { return call(function, x); };
  auto binary = [&](const char *sign) { return x[0] + sign + x[1]; };
  return llvm::TypeSwitch<Operation *, std::string>(op)
      .Case([&](ir::AddOp) { return binary(" + "); })
      .Case([&](ir::SubOp) { return binary(" - "); })
      .Case([&](ir::MulOp) { return binary(" * "); })
      .Case([&](ir::DivOp) { return binary(" / "); })
      .Case([&](ir::MaximumOp) { return unary("gk_maximum"); })
      .Case([&](ir::MinimumOp) { return unary("gk_minimum"); })
      .Case([&](ir::NegOp) { return "-" + x[0]; })
      .Case([&](ir::ExpOp) { return unary("gk_exp"); })
      .Case([&](ir::LogOp) { return unary("gk_log"); })
      .Case([&](ir::SqrtOp) { return unary("gk_sqrt"); })
      .Case([&](ir::RsqrtOp) { return unary("gk_rsqrt_exact"); })
      .Case([&](ir::TanhOp) { return unary("gk_tanh_exact"); })
      .Case([&](ir::ErfOp) { return unary("gk_erf"); })
      .Case([&](ir::SigmoidOp) { return unary("gk_sigmoid"); })
      .Case([&](ir::SiluOp) { return unary("gk_silu"); })
      .Case([&](ir::SiluGradOp) { return unary("gk_silu_grad"); })
      .Case([&](ir::ReluOp) { return unary("gk_relu"); })
      .Case([&](ir::ReluGradOp) { return unary("gk_relu_grad"); })
      .Case([&](ir::GeluOp o) {
        return unary(o.getTanhApproximation() ? "gk_gelu_tanh" : "gk_gelu");
      })
      .Case([&](ir::GeluGradOp o) {
        return unary(o.getTanhApproximation() ? "gk_gelu_tanh_grad" : "gk_gelu_grad");
      })
      .Case([&](ir::CastOp o) { return cast(o.getX(), elementOf(o.getY()), x[0]); })
      .Case([&](ir::CompareOp o) { return binary(comparison(o.getPredicate())); })
      .Case([&](ir::LogicalAndOp) { return binary(" && "); })
      .Case([&](ir::SelectOp) { return x[0] + " ? " + x[1] + " : " + x[2]; })
      .Case([&](ir::DropoutOp o) { return dropout(point, o, x[0]); })
      .Default([&](Operation *o) {
        reads_.fail("no code for " + o->getName().getStringRef().str());
        return std::string("0");
      });
}

} // namespace heddle::codegen
