// SPDX-License-Identifier: Apache-2.0
#include "passes/autodiff/Adjoints.h"

#include "passes/autodiff/Gradients.h"
#include "passes/autodiff/Rules.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {

Value accumulate(OpBuilder &builder, Location loc, Value addend, Value gradient) {
  auto scatter = gradient.getDefiningOp<EmbeddingGradOp>();
  if (!scatter)
    return AddOp::create(builder, loc, addend, gradient);
  Value init = scatter.getInit() ? accumulate(builder, loc, addend, scatter.getInit()) : addend;
  return EmbeddingGradOp::create(builder, scatter.getLoc(), scatter.getDtable().getType(),
                                 scatter.getIds(), scatter.getDy(), init);
}

namespace autodiff {
namespace {

/// The axis along which `pad` adds zeros, when there is exactly one.
std::optional<size_t> paddedAxis(PadOp pad) {
  std::optional<size_t> found;
  for (size_t axis = 0; axis < pad.getLow().size(); ++axis) {
    if (pad.getLow()[axis] == 0 && pad.getHigh()[axis] == 0)
      continue;
    if (found)
      return std::nullopt;
    found = axis;
  }
  return found;
}

/// [x, 0, 0] + [0, y, 0] + [0, 0, z] = [x, y, z]: the gradient of a tensor that was cut into
/// slices. Returns null unless the pads tile the axis without gap or overlap.
Value joinPads(OpBuilder &builder, SmallVector<PadOp> pads) {
  if (pads.size() < 2)
    return {};
  std::optional<size_t> axis = paddedAxis(pads[0]);
  if (!axis || llvm::any_of(pads, [&](PadOp pad) { return paddedAxis(pad) != axis; }))
    return {};
  llvm::stable_sort(pads, [&](PadOp a, PadOp b) { return a.getLow()[*axis] < b.getLow()[*axis]; });
  SmallVector<Value> parts;
  int64_t end = 0;
  for (PadOp pad : pads) {
    if (pad.getLow()[*axis] != end)
      return {};
    end += shapeOf(pad.getX())[*axis];
    parts.push_back(pad.getX());
  }
  if (end != shapeOf(pads[0].getY())[*axis])
    return {};
  return ConcatOp::create(builder, pads[0].getLoc(), parts, static_cast<int64_t>(*axis));
}

} // namespace

Value Adjoints::take(OpBuilder &builder, Value value) {
  auto found = contributions_.find(value);
  if (found == contributions_.end())
    return {};
  SmallVector<Value, 2> contributions = std::move(found->second);
  contributions_.erase(found);

  SmallVector<PadOp> pads;
  for (Value contribution : contributions)
    if (auto pad = contribution.getDefiningOp<PadOp>())
      pads.push_back(pad);
  if (Value joined = joinPads(builder, pads)) {
    llvm::erase_if(contributions, [](Value c) { return c.getDefiningOp<PadOp>() != nullptr; });
    contributions.push_back(joined);
  }
  // Lookup gradients come last, so that they scatter onto the sum of the others.
  std::stable_partition(contributions.begin(), contributions.end(),
                        [](Value c) { return !c.getDefiningOp<EmbeddingGradOp>(); });
  Value sum = contributions[0];
  for (Value contribution : ArrayRef<Value>(contributions).drop_front())
    sum = accumulate(builder, contribution.getLoc(), sum, contribution);
  return sum;
}

} // namespace autodiff
} // namespace heddle::passes
