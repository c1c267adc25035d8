// SPDX-License-Identifier: Apache-2.0
#include "passes/AttentionPattern.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {
namespace {

using AttentionMatch = Match<AttentionParts>;

/// A score below this is as good as -infinity: e^-1e9 is zero in every float type.
constexpr double kHidden = -1e9;

/// Whether the operand of the softmax comes from a product of two activations, through anything
/// that does not mix elements: then somebody meant attention.
bool scoresArePairwise(SoftmaxOp softmax) {
  SmallVector<Value> pending{softmax.getX()};
  for (size_t i = 0; i < pending.size() && i < 64; ++i) {
    Operation *op = pending[i].getDefiningOp();
    if (!op)
      continue;
    if (auto matmul = dyn_cast<MatmulOp>(op)) {
      if (tensorOf(matmul.getB()).getRank() > 2)
        return true;
      continue;
    }
    if (op->hasTrait<ElementwiseTrait>() || op->hasTrait<ViewTrait>())
      pending.append(op->operand_begin(), op->operand_end());
  }
  return false;
}

int64_t elementsOf(ArrayRef<int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

class Matcher {
public:
  explicit Matcher(SoftmaxOp softmax) : softmax_(softmax) {}

  AttentionMatch run() {
    if (!scoresArePairwise(softmax_))
      return AttentionMatch::none();
    if (!matchOutput() || (!miss_ && !matchScores()) || miss_)
      return {std::nullopt, miss_};
    return {parts_, std::nullopt};
  }

private:
  bool fail(std::string reason, std::string advice) {
    miss_ = NearMiss{std::move(reason), std::move(advice)};
    return false;
  }
  bool failOtherUse(Value value) {
    return fail("the result of " + describeSource(value) + " between the products has other uses",
                "do not return or read the attention scores or weights; fused attention never has "
                "them in memory");
  }

  /// Down from the softmax to the product with v. Without one it was no attention, which is no
  /// miss.
  bool matchOutput() {
    Value weights = softmax_.getY();
    while (true) {
      if (!weights.hasOneUse()) {
        bool feedsProduct = llvm::any_of(weights.getUsers(), llvm::IsaPred<MatmulOp, DropoutOp>);
        return feedsProduct && failOtherUse(weights);
      }
      Operation *user = *weights.user_begin();
      if (auto dropout = dyn_cast<DropoutOp>(user)) {
        if (parts_.rng)
          return fail("two dropouts on the attention weights", "keep one");
        parts_.rng = dropout.getRng();
        parts_.dropout = dropout.getP().convertToDouble();
        parts_.rngId = dropout.getRngId();
        weights = dropout.getY();
      } else if (isa<CastOp>(user) ||
                 (isa<ReshapeOp>(user) && isHeadRegrouping(user->getResult(0)))) {
        weights = user->getResult(0);
      } else if (auto matmul = dyn_cast<MatmulOp>(user)) {
        return matchProduct(weights, matmul);
      } else if (isa<TransposeOp>(user)) {
        return fail("the softmax is not over the key axis: the weights are transposed behind it",
                    "take the softmax over the last axis of q k^T");
      } else {
        return fail("the attention weights go through " + user->getName().getStringRef().str(),
                    "only dropout may stand between the softmax and the product with v");
      }
    }
  }

  bool matchProduct(Value weights, MatmulOp matmul) {
    if (matmul.getA() != weights || matmul.getTransposeA())
      return fail("the softmax is not over the key axis: its result is multiplied transposed",
                  "take the softmax over the last axis of q k^T");
    if (tensorOf(matmul.getB()).getRank() < 4)
      return fail("v has rank " + std::to_string(tensorOf(matmul.getB()).getRank()),
                  "shape q, k and v as [B, H, T, D]");
    parts_.output = matmul;
    parts_.v = matmul.getB();
    parts_.swapV = matmul.getTransposeB();
    return true;
  }

  /// Up from the softmax to the product of q and k. Each step may come once and only in the order
  /// mask, cap, bias, scale.
  bool matchScores() {
    Value scores = softmax_.getX();
    enum Step { Mask, Cap, Bias, Scale } next = Mask;
    while (true) {
      if (!scores.hasOneUse())
        return failOtherUse(scores);
      Operation *op = scores.getDefiningOp();
      if (auto matmul = dyn_cast_or_null<MatmulOp>(op))
        return matchQueryKey(matmul);
      if (op && (isa<CastOp>(op) || isHeadRegrouping(scores))) {
        scores = op->getOperand(0);
      } else if (auto select = dyn_cast_or_null<SelectOp>(op); select && next == Mask) {
        if (!matchSelect(select))
          return false;
        scores = select.getIfTrue();
        next = Cap;
      } else if (Value capped = next <= Cap ? underSoftCap(scores) : Value()) {
        scores = capped;
        next = Bias;
      } else if (auto add = dyn_cast_or_null<AddOp>(op); add && next <= Bias) {
        if (!matchAdd(add, scores, next == Mask))
          return false;
        // An additive mask may have a bias before it.
        next = parts_.bias ? Scale : Bias;
      } else if (std::optional<double> factor = scaleOf(scores)) {
        parts_.scale *= *factor;
        scores = scaledValue(scores);
        next = Scale;
      } else {
        return failUnknown(scores);
      }
      if (miss_)
        return false;
    }
  }

  bool failUnknown(Value scores) {
    Operation *op = scores.getDefiningOp();
    if (isa_and_nonnull<TransposeOp>(op))
      return fail("the softmax is not over the key axis: the scores are transposed before it",
                  "take the softmax over the last axis of q k^T");
    if (isa_and_nonnull<MulOp, DivOp>(op))
      return fail("the scale of the scores is not a scalar constant",
                  "scale by a constant, or scale q before the product");
    if (isa_and_nonnull<SelectOp, AddOp>(op))
      return fail(describeSource(scores) + " stands out of order between q k^T and the softmax",
                  "write scale, bias, soft cap, mask, in this order");
    return fail("unknown step " + describeSource(scores) + " between q k^T and the softmax",
                "write scale, bias, soft cap, mask, in this order");
  }

  bool matchSelect(SelectOp select) {
    std::optional<double> hidden = splatValue(select.getIfFalse());
    if (!hidden || *hidden > kHidden) {
      bool swapped = splatValue(select.getIfTrue()).value_or(0) <= kHidden;
      return fail(swapped ? "the mask selects hidden scores where it is true"
                          : "masked scores are not set to -infinity or a constant below -1e9",
                  swapped ? "use the mask of what is visible" : "set masked scores to -infinity");
    }
    return takeMask(select.getCondition(), select.getY());
  }

  bool takeMask(Value condition, Value masked) {
    Match<MaskParts> mask = matchMask(condition, dimsOf(masked));
    if (mask.nearMiss) {
      miss_ = mask.nearMiss;
      return false;
    }
    parts_.mask = *mask.parts;
    return true;
  }

  /// s where `value` is c tanh(s / c).
  Value underSoftCap(Value value) {
    auto outer = value.getDefiningOp<MulOp>();
    if (!outer)
      return {};
    for (auto [tanhSide, capSide] :
         {std::pair(outer.getLhs(), outer.getRhs()), std::pair(outer.getRhs(), outer.getLhs())}) {
      auto tanh = tanhSide.getDefiningOp<TanhOp>();
      std::optional<double> cap = splatValue(capSide);
      if (!tanh || !cap || !tanh->hasOneUse() || !tanh.getX().hasOneUse())
        continue;
      std::optional<double> factor = scaleOf(tanh.getX());
      if (factor && *cap > 0 && std::abs(*factor * *cap - 1) < 1e-6) {
        parts_.softCap = *cap;
        return scaledValue(tanh.getX());
      }
    }
    return {};
  }

  /// add(scores, bias), or an additive mask: add(scores, select(mask, 0, -infinity)).
  bool matchAdd(AddOp add, Value &scores, bool mayBeMask) {
    Value left = add.getLhs(), right = add.getRhs();
    // The scores are the side that has full shape and comes from the product.
    if (!leadsToProduct(left))
      std::swap(left, right);
    if (!leadsToProduct(left))
      return fail("no side of the add before the softmax leads to q k^T alone",
                  "write scale, bias, soft cap, mask, in this order");
    if (auto select = right.getDefiningOp<SelectOp>();
        select && mayBeMask && splatValue(select.getIfTrue()) == 0.0 &&
        splatValue(select.getIfFalse()).value_or(0) <= kHidden) {
      if (!takeMask(select.getCondition(), add.getY()))
        return false;
    } else if (!takeBias(right, add.getY())) {
      return false;
    }
    scores = left;
    return true;
  }

  static bool leadsToProduct(Value value) {
    while (Operation *op = value.getDefiningOp()) {
      // A bias may come from a product by a matrix: positions counted by a triangle.
      if (auto matmul = dyn_cast<MatmulOp>(op))
        return value.hasOneUse() && tensorOf(matmul.getB()).getRank() > 2;
      if (!isa<CastOp, MulOp, DivOp, AddOp, ReshapeOp, TanhOp>(op))
        return false;
      Value next = op->getOperand(0);
      if (op->getNumOperands() == 2 && !leadsToProduct(next))
        next = op->getOperand(1);
      value = next;
    }
    return false;
  }

  bool takeBias(Value bias, Value biased) {
    parts_.bias = bias;
    return checkBias(dimsOf(bias), dimsOf(biased));
  }

  /// The factor of `mul(s, c)`, `mul(c, s)` or `div(s, c)` by a scalar constant.
  static std::optional<double> scaleOf(Value value) {
    Operation *op = value.getDefiningOp();
    if (!isa_and_nonnull<MulOp, DivOp>(op) || dimsOf(scaledValue(value)) != dimsOf(value))
      return std::nullopt;
    if (auto mul = dyn_cast<MulOp>(op)) {
      if (std::optional<double> right = splatValue(mul.getRhs()))
        return right;
      return splatValue(mul.getLhs());
    }
    if (auto div = dyn_cast<DivOp>(op))
      if (std::optional<double> divisor = splatValue(div.getRhs()); divisor && *divisor != 0)
        return 1 / *divisor;
    return std::nullopt;
  }
  static Value scaledValue(Value value) {
    Operation *op = value.getDefiningOp();
    return splatValue(op->getOperand(1)) ? op->getOperand(0) : op->getOperand(1);
  }

  bool matchQueryKey(MatmulOp matmul) {
    if (matmul.getTransposeA())
      return fail("q is transposed in the product with k", "shape q as [B, H, T, D]");
    parts_.q = matmul.getA();
    parts_.k = matmul.getB();
    parts_.swapK = !matmul.getTransposeB();
    takeScaleOnQuery();
    if (parts_.swapK)
      if (auto transpose = parts_.k.getDefiningOp<TransposeOp>();
          transpose && swapsLastTwo(transpose)) {
        parts_.k = transpose.getX();
        parts_.swapK = false;
      }
    peelRepeatedHeads();
    return checkShapes();
  }

  void takeScaleOnQuery() {
    std::optional<double> factor = scaleOf(parts_.q);
    if (!factor || !parts_.q.hasOneUse())
      return;
    parts_.scale *= *factor;
    parts_.q = scaledValue(parts_.q);
  }

  static bool swapsLastTwo(TransposeOp transpose) {
    ArrayRef<int64_t> permutation = transpose.getPermutation();
    int64_t rank = permutation.size();
    for (int64_t i = 0; i < rank - 2; ++i)
      if (permutation[i] != i)
        return false;
    return permutation[rank - 2] == rank - 1;
  }

  /// k and v may be repeats of fewer heads: [B, G, S, D] -> [B, G, 1, S, D] -> [B, G, R, S, D] ->
  /// [B, H, S, D].
  void peelRepeatedHeads() {
    if (parts_.swapK || parts_.swapV)
      return;
    Value k = underRepeat(parts_.k), v = underRepeat(parts_.v);
    if (k && v && dimsOf(k)[1] == dimsOf(v)[1]) {
      parts_.k = k;
      parts_.v = v;
    }
  }
  static Value underRepeat(Value value) {
    auto joined = value.getDefiningOp<ReshapeOp>();
    auto repeated = joined ? joined.getX().getDefiningOp<BroadcastOp>() : BroadcastOp();
    if (!repeated || !isHeadRegrouping(value))
      return {};
    auto split = repeated.getX().getDefiningOp<ReshapeOp>();
    if (!split || dimsOf(split.getY())[2] != 1 || !isHeadRegrouping(split.getY()))
      return {};
    return split.getX();
  }

  bool checkShapes() {
    ArrayRef<int64_t> q = dimsOf(parts_.q), k = dimsOf(parts_.k), v = dimsOf(parts_.v);
    auto shape = [](StringRef name, ArrayRef<int64_t> dims) {
      return (name + " " + formatShape(dims)).str();
    };
    std::string found = shape("q", q) + ", " + shape("k", k) + ", " + shape("v", v);
    if ((q.size() != 4 && q.size() != 5) || k.size() < 4 || k.size() > 5 || v.size() != k.size())
      return fail("found " + found, "shape q, k and v as [B, H, T, D]");
    if (q[0] != k[0] || q[0] != v[0] || k[1] != v[1] || q[1] % k[1] != 0)
      return fail("batch or heads of q, k and v are broadcast, found " + found,
                  "give q, k and v the same batch, and v the heads of k");
    // A bias or a mask of more batches or heads than q k^T makes several attentions of one.
    if (elementsOf(dimsOf(softmax_.getY())) != elementsOf(q.drop_back()) * k[k.size() - 2])
      return fail("a bias or a mask has more batches or heads than q k^T, found " + found,
                  "repeat q to the batch and heads of the bias and the mask");
    if (k.size() == 5 && (q.size() != 5 || k[2] != 1 || v[2] != 1 || q[1] != k[1]))
      return fail("key heads are grouped in an unknown way, found " + found,
                  "shape q as [B, G, R, T, D] and k, v as [B, G, 1, S, D]");
    return true;
  }

  /// A bias over grouped scores must be groupable the other way, one axis for both.
  bool checkBias(ArrayRef<int64_t> bias, ArrayRef<int64_t> scores) {
    if (scores.size() != 5 || bias.size() <= 2)
      return true;
    bool whole = bias.size() == 5 && bias[1] == scores[1] && bias[2] == scores[2];
    bool one = bias.size() == 5   ? bias[1] == 1 && bias[2] == 1
               : bias.size() == 3 ? bias[0] == 1
                                  : bias[0] == 1 && bias[1] == 1;
    if (whole || one)
      return true;
    return fail("the bias covers only a part of the grouped heads", "give it one value per head");
  }

  SoftmaxOp softmax_;
  AttentionParts parts_;
  std::optional<NearMiss> miss_;
};

} // namespace

AttentionMatch matchAttention(SoftmaxOp softmax) { return Matcher(softmax).run(); }

} // namespace heddle::passes
