// SPDX-License-Identifier: Apache-2.0
// The mask's half of AttentionPattern.h.
#include "passes/AttentionPattern.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {
namespace {

using MaskMatch = Match<MaskParts>;

MaskMatch unknown(Value value) {
  return MaskMatch::miss("the mask has an unknown part, " + describeSource(value),
                         "build it from causal_mask, length_mask and key != 0, joined by "
                         "logical_and; anything else goes into an additive bias");
}

/// The [B, S] tensor that `value` repeats over the axes between: reshaped to [B, 1, ..., 1, S], and
/// perhaps broadcast. Null when it is none.
Value batchAndKeys(Value value, ArrayRef<int64_t> scores) {
  if (auto broadcast = value.getDefiningOp<BroadcastOp>())
    value = broadcast.getX();
  ArrayRef<int64_t> shape = dimsOf(value);
  if (shape.size() != scores.size() || shape.front() != scores.front() ||
      shape.back() != scores.back())
    return {};
  for (int64_t size : shape.drop_front().drop_back())
    if (size != 1)
      return {};
  auto reshape = value.getDefiningOp<ReshapeOp>();
  if (!reshape || dimsOf(reshape.getX()) != ArrayRef<int64_t>{shape.front(), shape.back()})
    return {};
  return reshape.getX();
}

/// Whether the [T, S] elements are those of a causal mask or a window; sets what they are.
bool matchPositions(ArrayRef<bool> visible, int64_t queries, int64_t keys, MaskParts &parts) {
  // How far row 0 and the last row see tells the only candidates.
  auto at = [&](int64_t i, int64_t j) { return visible[i * keys + j]; };
  const int64_t last = queries - 1, shift = keys - queries;
  bool causal = queries > 1 && shift >= 0 && shift + 1 < keys && !at(0, shift + 1);
  int64_t seen = 0; // keys up to its own position that the last query sees
  while (seen < keys && at(last, keys - 1 - seen))
    ++seen;
  for (int64_t i = 0; i < queries; ++i)
    for (int64_t j = 0; j < keys; ++j)
      if (at(i, j) != ((!causal || j <= i + shift) && (seen == keys || j > i + shift - seen)))
        return false;
  parts.causal = causal;
  if (seen < keys && seen > 0)
    parts.window = seen;
  return seen > 0;
}

class MaskMatcher {
public:
  explicit MaskMatcher(ArrayRef<int64_t> scores) : scores_(scores) {}

  MaskMatch run(Value condition) {
    SmallVector<Value> pending{condition};
    while (!pending.empty()) {
      Value value = pending.pop_back_val();
      if (auto both = value.getDefiningOp<LogicalAndOp>()) {
        pending.push_back(both.getRhs());
        pending.push_back(both.getLhs());
        continue;
      }
      if (MaskMatch match = leaf(value); match.nearMiss)
        return match;
    }
    return {parts_, std::nullopt};
  }

private:
  MaskMatch twice(StringRef what) {
    return MaskMatch::miss(("the mask holds two different conditions of kind " + what).str(),
                           "join them before they reach attention");
  }
  MaskMatch done() { return {parts_, std::nullopt}; }

  MaskMatch leaf(Value value) {
    Value positions = value;
    // [T, S], perhaps with leading axes of size 1 or broadcast.
    while (Operation *op = positions.getDefiningOp()) {
      if (!isa<ReshapeOp, BroadcastOp>(op) || !endsInScores(positions) ||
          tensorOf(op->getOperand(0)).getRank() < 2)
        break;
      if (!endsInScores(op->getOperand(0)))
        break;
      positions = op->getOperand(0);
    }
    // One row for all queries, or one column for all keys, is no relation of positions.
    if (endsInScores(positions)) {
      if (auto causal = positions.getDefiningOp<CausalMaskOp>())
        return addPositions(true, causal.getWindow());
      if (auto constant = positions.getDefiningOp<ConstantOp>())
        return constantLeaf(value, constant);
    }
    if (Value rows = batchAndKeys(value, scores_)) {
      if (auto lengths = rows.getDefiningOp<LengthMaskOp>())
        return addLengths(lengths.getLengths());
      if (auto compare = rows.getDefiningOp<CompareOp>())
        return keyLeaf(value, compare, compare.getLhs());
    }
    auto compare = value.getDefiningOp<CompareOp>();
    if (auto broadcast = value.getDefiningOp<BroadcastOp>(); broadcast && !compare)
      compare = broadcast.getX().getDefiningOp<CompareOp>();
    if (compare)
      if (Value keys = batchAndKeys(compare.getLhs(), scores_))
        return keyLeaf(value, compare, keys);
    return unknown(value);
  }

  bool endsInScores(Value value) {
    ArrayRef<int64_t> shape = dimsOf(value);
    return shape.size() >= 2 && shape.take_back(2) == scores_.take_back(2);
  }

  MaskMatch addPositions(bool causal, std::optional<int64_t> window) {
    if (window && parts_.window && *window != *parts_.window)
      parts_.window = std::min(*window, *parts_.window); // both must hold
    else if (window)
      parts_.window = window;
    parts_.causal |= causal;
    return done();
  }

  MaskMatch constantLeaf(Value value, ConstantOp constant) {
    auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
    int64_t queries = scores_[scores_.size() - 2], keys = scores_.back();
    if (!elements || elements.getNumElements() != queries * keys)
      return unknown(value);
    SmallVector<bool> visible(elements.getValues<bool>());
    MaskParts found;
    if (!matchPositions(visible, queries, keys, found))
      return unknown(value);
    return addPositions(found.causal, found.window);
  }

  MaskMatch addLengths(Value lengths) {
    if (parts_.kvLengths && parts_.kvLengths != lengths)
      return twice("length_mask");
    parts_.kvLengths = lengths;
    return done();
  }

  MaskMatch keyLeaf(Value value, CompareOp compare, Value keys) {
    if (compare.getPredicate() != ComparePredicate::ne || splatValue(compare.getRhs()) != 0.0 ||
        !(elementOf(keys).isInteger(32) || elementOf(keys).isInteger(64)))
      return unknown(value);
    if (parts_.keyMask && parts_.keyMask != keys)
      return twice("key mask");
    parts_.keyMask = keys;
    return done();
  }

  ArrayRef<int64_t> scores_;
  MaskParts parts_;
};

} // namespace

MaskMatch matchMask(Value condition, ArrayRef<int64_t> scores) {
  return MaskMatcher(scores).run(condition);
}

} // namespace heddle::passes
