// SPDX-License-Identifier: Apache-2.0
// heddle-fuse-ffn: a matcher around one activation, and the rewrite.
#include "ir/EntryCheck.h"
#include "passes/FusionReport.h"
#include "passes/Matching.h"
#include "passes/Passes.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {

#define GEN_PASS_DEF_FUSEFFNPASS
#include "passes/Passes.h.inc"

namespace {

struct FfnParts {
  Activation activation = Activation::relu;
  LinearParts in;                  // of what is not activated, when gated
  std::optional<LinearParts> gate; // of what is activated
  Value wOut, bOut;
  bool transposed = false;
  DropoutOp dropout = {}; // of what w_out multiplies; null where there is none
  Value result;
};

using FfnMatch = Match<FfnParts>;

/// An activation function applied to one value: where it starts and where it ends.
struct ActivationParts {
  std::optional<Activation> kind; // nothing: one that heddle.ffn does not know
  Value x, y;
  bool otherUses = false; // of the value that it is applied to
};

/// silu and quick_gelu, written out: x sigmoid(x) and x sigmoid(1.702 x).
std::optional<ActivationParts> matchGatedBySigmoid(SigmoidOp sigmoid) {
  auto product = sigmoid->hasOneUse() ? dyn_cast<MulOp>(*sigmoid->user_begin()) : MulOp();
  if (!product)
    return std::nullopt;
  Value inner = sigmoid.getX();
  auto factorOf = [](MulOp mul, Value one) {
    return mul.getLhs() == one ? mul.getRhs() : mul.getLhs();
  };
  Value x = factorOf(product, sigmoid.getY());
  if (x == inner)
    return ActivationParts{Activation::silu, x, product.getY(), !x.hasNUses(2)};
  auto scaled = inner.getDefiningOp<MulOp>();
  if (!scaled || (scaled.getLhs() != x && scaled.getRhs() != x) || !inner.hasOneUse() ||
      dimsOf(inner) != dimsOf(x))
    return std::nullopt;
  std::optional<double> slope = splatValue(factorOf(scaled, x));
  auto known = FloatAttr::get(elementOf(x), FfnOp::kQuickGeluSlope); // rounded to the type
  if (!slope || *slope != known.getValueAsDouble())
    return std::nullopt;
  return ActivationParts{Activation::quick_gelu, x, product.getY(), !x.hasNUses(2)};
}

std::optional<ActivationParts> matchActivation(Operation *op) {
  auto unary = [&](std::optional<Activation> kind) {
    Value x = op->getOperand(0);
    return ActivationParts{kind, x, op->getResult(0), !x.hasOneUse()};
  };
  if (isa<ReluOp>(op))
    return unary(Activation::relu);
  if (isa<SiluOp>(op))
    return unary(Activation::silu);
  if (auto gelu = dyn_cast<GeluOp>(op))
    return unary(gelu.getTanhApproximation() ? Activation::gelu_tanh : Activation::gelu);
  if (auto sigmoid = dyn_cast<SigmoidOp>(op))
    return matchGatedBySigmoid(sigmoid).value_or(unary(std::nullopt));
  if (isa<TanhOp, ErfOp>(op))
    return unary(std::nullopt);
  return std::nullopt;
}

/// The product with a matrix that `value`, perhaps through a gate or a dropout, goes to; null where
/// there is none.
MatmulOp nextLinear(Value value) {
  auto ofVectors = [](MatmulOp matmul, Value a) {
    return matmul.getA() == a && tensorOf(matmul.getB()).getRank() == 2 ? matmul : MatmulOp();
  };
  for (Operation *user : value.getUsers()) {
    if (auto matmul = dyn_cast<MatmulOp>(user))
      return ofVectors(matmul, value);
    if (isa<MulOp, DropoutOp>(user))
      for (Operation *next : user->getUsers())
        if (auto matmul = dyn_cast<MatmulOp>(next))
          return ofVectors(matmul, user->getResult(0));
  }
  return {};
}

/// An FFN leads back to the width that it starts from; a head of classes does not, and is no near
/// miss.
bool leadsBack(const LinearParts &first, MatmulOp last) {
  return dimsOf(last.getY()).back() == dimsOf(first.x).back();
}

/// An FFN widens; a pooler or a classifier head with its tanh does not, and is no near miss.
bool widens(const LinearParts &linear) {
  ArrayRef<int64_t> w = dimsOf(linear.w);
  return linear.transposed ? w[0] > w[1] : w[1] > w[0];
}

FfnMatch matchFfn(Operation *op) {
  std::optional<ActivationParts> activation = matchActivation(op);
  std::optional<LinearParts> first = activation ? matchLinear(activation->x) : std::nullopt;
  MatmulOp last = first ? nextLinear(activation->y) : MatmulOp();
  if (!last || !leadsBack(*first, last))
    return FfnMatch::none();
  if (!activation->kind)
    return widens(*first) ? FfnMatch::miss("the activation " + op->getName().getStringRef().str() +
                                               " is unknown to heddle.ffn",
                                           "use relu, gelu or silu")
                          : FfnMatch::none();
  if (activation->otherUses)
    return FfnMatch::miss("the value before the activation has other uses",
                          "do not return or read it");
  if (!activation->y.hasOneUse())
    return FfnMatch::miss("the result of the activation has other uses",
                          "do not return or read it");

  FfnParts parts{*activation->kind, *first, std::nullopt, {}, {}, first->transposed, {}, {}};
  Value inner = activation->y;
  Operation *user = *inner.user_begin();
  if (auto mul = dyn_cast<MulOp>(user)) {
    Value other = mul.getLhs() == inner ? mul.getRhs() : mul.getLhs();
    std::optional<LinearParts> hidden = matchLinear(other);
    if (!hidden)
      return FfnMatch::miss("the gate is multiplied with " + describeSource(other),
                            "multiply it with a matmul of the same input");
    if (hidden->x != first->x)
      return FfnMatch::miss("the two factors of the gate read different inputs",
                            "compute both from one input");
    if (!other.hasOneUse() || !mul->hasOneUse())
      return FfnMatch::miss("a factor of the gate or their product has other uses",
                            "do not return or read it");
    if (hidden->transposed != first->transposed || dimsOf(hidden->w) != dimsOf(first->w))
      return FfnMatch::miss("the weights of the gate differ in shape or layout",
                            "store both [in, out] or both [out, in]");
    parts.in = *hidden;
    parts.gate = *first;
    inner = mul.getY();
    user = *inner.user_begin();
  }
  if (auto dropout = dyn_cast<DropoutOp>(user)) {
    if (!dropout->hasOneUse())
      return FfnMatch::miss("the result of the dropout has other uses", "do not return or read it");
    parts.dropout = dropout;
    inner = dropout->getResult(0);
    user = *inner.user_begin();
  }
  auto matmul = dyn_cast<MatmulOp>(user);
  if (!matmul || matmul.getA() != inner || tensorOf(matmul.getB()).getRank() != 2 ||
      matmul.getTransposeA())
    return FfnMatch::miss("the activation goes to " + user->getName().getStringRef().str(),
                          "multiply it by a matrix");
  if (matmul.getTransposeB() != parts.transposed)
    return FfnMatch::miss("the two weights are stored in different layouts",
                          "store both [in, out] or both [out, in]");
  parts.wOut = matmul.getB();
  parts.result = withBias(matmul.getY(), parts.bOut);
  return {parts, std::nullopt};
}

void rewrite(const FfnParts &parts) {
  OpBuilder builder(parts.result.getDefiningOp());
  LinearParts gate = parts.gate.value_or(LinearParts());
  DropoutOp dropout = parts.dropout;
  auto ffn = FfnOp::create(
      builder, parts.result.getLoc(), parts.in.x, parts.in.w, parts.in.bias, gate.w, gate.bias,
      parts.wOut, parts.bOut, dropout ? dropout.getRng() : Value(), parts.activation,
      parts.transposed, dropout ? dropout.getP() : APFloat(0.0), dropout ? dropout.getRngId() : 0);
  Value result = parts.result;
  result.replaceAllUsesWith(ffn.getY());
  eraseDeadChain(result.getDefiningOp());
  reportFused(ffn, "ffn");
}

struct FuseFfnPass : impl::FuseFfnPassBase<FuseFfnPass> {
  using FuseFfnPassBase::FuseFfnPassBase;

  void runOnOperation() override {
    if (failed(checkEntry(getOperation())))
      return signalPassFailure();
    SmallVector<Operation *> activations;
    getOperation().walk([&](Operation *op) {
      if (matchActivation(op))
        activations.push_back(op);
    });
    for (Operation *activation : activations) {
      FfnMatch match = matchFfn(activation);
      if (match.nearMiss)
        reportMissed(activation, "ffn", match.nearMiss->reason, match.nearMiss->advice);
      if (match.parts)
        rewrite(*match.parts);
    }
  }
};

} // namespace
} // namespace heddle::passes
