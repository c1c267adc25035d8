// SPDX-License-Identifier: Apache-2.0
// Attention in primitive ops. Scores are [B, H, T, S] throughout, so that a bias broadcasts and
// dropout counts its elements as the composite op does; only the two products see the heads grouped
// by their key head, [B, G, H/G, T, .].

#include <limits>

#include "ir/TensorBuilder.h"

using namespace mlir;
using namespace heddle::ir;

namespace {

class Decomposition {
public:
  Decomposition(OpBuilder &builder, AttentionOp op)
      : b_(builder, op.getLoc()), op_(op), q_(dimsOf(op.getQ())), k_(dimsOf(op.getK())),
        element_(elementOf(op.getQ())), wide_(statisticsType(element_)) {}

  SmallVector<Value> run() {
    Value scores = maskedScores();
    Value weights = b_.make<SoftmaxOp>(scores);
    if (op_.getDropout().convertToDouble() > 0)
      weights = b_.make<DropoutOp>(weights.getType(), weights, op_.getRng(), op_.getDropoutAttr(),
                                   op_.getRngIdAttr());
    Value o = product(b_.cast(weights, element_), op_.getV(), /*transposeB=*/false);
    return {o, op_.getLse().use_empty() ? Value() : logSumExp(scores)};
  }

private:
  /// a [B, H, T, .] times b [B, G, ., .] with each key head shared by H/G query heads.
  Value product(Value a, Value b, bool transposeB) {
    int64_t heads = q_[1], groups = k_[1];
    if (heads == groups)
      return b_.matmul(a, b, false, transposeB);
    ArrayRef<int64_t> left = dimsOf(a), right = dimsOf(b);
    Value grouped =
        b_.matmul(b_.reshape(a, {left[0], groups, heads / groups, left[2], left[3]}),
                  b_.reshape(b, {right[0], groups, 1, right[2], right[3]}), false, transposeB);
    return b_.reshape(grouped, {left[0], heads, left[2], dimsOf(grouped)[4]});
  }

  Value maskedScores() {
    Value scores = b_.cast(product(op_.getQ(), op_.getK(), /*transposeB=*/true), wide_);
    scores = b_.scale(scores, op_.getScale().convertToDouble());
    if (op_.getBias())
      scores = b_.add(scores, b_.cast(op_.getBias(), wide_));
    if (op_.getSoftCap()) {
      Value cap = b_.scalar(wide_, op_.getSoftCap()->convertToDouble());
      scores = b_.mul(b_.make<TanhOp>(b_.div(scores, cap)), cap);
    }
    Value visible = mask();
    if (!visible)
      return scores;
    Value hidden = b_.scalar(wide_, -std::numeric_limits<double>::infinity());
    return b_.make<SelectOp>(visible, scores, hidden);
  }

  /// Which keys are visible, broadcasting to [B, H, T, S]; null where all are.
  Value mask() {
    Value visible;
    auto also = [&](Value condition) {
      visible = visible ? b_.make<LogicalAndOp>(visible, condition) : condition;
    };
    if (op_.getCausal() || op_.getWindow())
      also(positionMask());
    int64_t batch = q_[0], keys = k_[2];
    if (Value keyMask = op_.getKeyMask()) {
      Value zero = b_.scalar(elementOf(keyMask), 0);
      Value kept = b_.make<CompareOp>(ComparePredicate::ne, keyMask, zero);
      also(b_.reshape(kept, {batch, 1, 1, keys}));
    }
    if (Value lengths = op_.getKvLengths()) {
      Value within = b_.make<LengthMaskOp>(maskType({batch, keys}), lengths);
      also(b_.reshape(within, {batch, 1, 1, keys}));
    }
    return visible;
  }

  /// [T, S]. causal_mask has no form with a window alone: j > i + (S - T) - window is what the
  /// first T rows of a causal mask over [T + window, S] do not show. A window of S shows all.
  Value positionMask() {
    int64_t queries = q_[2], keys = k_[2];
    RankedTensorType type = maskType({queries, keys});
    if (op_.getCausal())
      return b_.make<CausalMaskOp>(type, op_.getWindowAttr());
    int64_t window = std::min(op_.getWindowAttr().getInt(), keys);
    Value before = b_.make<CausalMaskOp>(maskType({queries + window, keys}), IntegerAttr());
    before = b_.make<SliceOp>(before, ArrayRef<int64_t>{0, 0}, ArrayRef<int64_t>{queries, keys});
    return b_.make<CompareOp>(ComparePredicate::eq, before, b_.scalar(b_.builder().getI1Type(), 0));
  }

  RankedTensorType maskType(ArrayRef<int64_t> shape) {
    return RankedTensorType::get(shape, b_.builder().getI1Type());
  }

  Value logSumExp(Value scores) {
    // A row that sees no key has the maximum -infinity; bounded below, its differences stay
    // -infinity instead of NaN, and the sum of their exponentials is 0.
    double lowest = -static_cast<double>(std::numeric_limits<float>::max());
    Value largest = b_.make<MaximumOp>(b_.maxLast(scores), b_.scalar(wide_, lowest));
    Value exponentials = b_.make<ExpOp>(b_.sub(scores, b_.column(largest)));
    return b_.add(b_.make<LogOp>(b_.sumLast(exponentials)), largest);
  }

  TensorBuilder b_;
  AttentionOp op_;
  ArrayRef<int64_t> q_, k_;
  Type element_, wide_;
};

} // namespace

SmallVector<Value> AttentionOp::decompose(OpBuilder &builder) {
  return Decomposition(builder, *this).run();
}
