// SPDX-License-Identifier: Apache-2.0
#include "codegen/body/BodyReads.h"

#include "ir/KernelForms.h"
#include "ir/ViewChain.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

RankedTensorType tensorOf(Value value) { return cast<RankedTensorType>(value.getType()); }

} // namespace

bool isMaskOp(Operation *op) { return isa<ir::CausalMaskOp, ir::LengthMaskOp>(op); }

std::optional<unsigned> randomStateArgument(Value rng) {
  ir::ViewOfRoot source = ir::viewThroughChain(rng);
  auto argument = dyn_cast<BlockArgument>(source.root);
  if (!argument || !source.view.isDense() || source.view.offset != 0)
    return std::nullopt;
  return argument.getArgNumber();
}

std::vector<std::vector<int64_t>> iterationShapes(ir::KernelOp kernel, Operation *anchor) {
  auto type = tensorOf(anchor->getOperand(0));
  std::vector<std::vector<int64_t>> shapes = {type.getShape().vec()};
  if (type.getRank() == 0)
    return shapes;
  for (Operation &op : kernel.getBody().front().without_terminator())
    for (Value result : op.getResults()) {
      auto other = tensorOf(result);
      if (ir::isElementwiseOp(&op) && other.getNumElements() == type.getNumElements() &&
          other.getRank() > 0 && other.getShape().back() == type.getShape().back() &&
          !llvm::is_contained(shapes, other.getShape().vec()))
        shapes.push_back(other.getShape().vec());
    }
  return shapes;
}

std::optional<LeadingReduction> leadingReduction(Operation *anchor,
                                                 const std::vector<int64_t> &shape) {
  ArrayRef<int64_t> summed = tensorOf(anchor->getOperand(0)).getShape();
  auto sum = dyn_cast<ir::SumOp>(anchor);
  summed = sum ? summed.take_front(sum.getAxes().size()) : summed.drop_back();
  LeadingReduction result;
  for (int64_t size : summed)
    result.rows *= size;
  int64_t covered = 1;
  while (covered < result.rows && result.axes + 1 < shape.size())
    covered *= shape[result.axes++];
  if (covered != result.rows)
    return std::nullopt;
  for (size_t axis = result.axes; axis + 1 < shape.size(); ++axis)
    result.outer *= shape[axis];
  return result;
}

Value underReshapes(Value value) {
  while (auto reshape = value.getDefiningOp<ir::ReshapeOp>())
    value = reshape.getX();
  return value;
}

Value storedValue(Value yielded) {
  Operation *op = underReshapes(yielded).getDefiningOp();
  bool computed = op && (ir::isElementwiseOp(op) || isMaskOp(op));
  return computed ? underReshapes(yielded) : yielded;
}

void BodyReads::fail(const std::string &reason) {
  if (ok_ && reason_)
    *reason_ = reason;
  ok_ = false;
}

std::optional<size_t> BodyReads::leafOf(Value value) const {
  auto found = leafOf_.find(value);
  return found == leafOf_.end() ? std::nullopt : std::optional<size_t>(found->second);
}

void BodyReads::addLeaves(Value value, ValueRange computed) {
  if (llvm::is_contained(computed, value) || leafOf_.count(value))
    return;
  Operation *op = value.getDefiningOp();
  if (op && isMaskOp(op)) {
    // The mask's two axes must be loops of their own.
    size_t rank = space_.shape().size();
    space_.keepApart(rank - 2);
    space_.keepApart(rank - 1);
    return;
  }
  if (op && ir::isElementwiseOp(op)) {
    for (Value operand : op->getOperands()) {
      auto dropout = dyn_cast<ir::DropoutOp>(op);
      if (!dropout || operand != dropout.getRng())
        addLeaves(operand, computed);
      else if (!llvm::is_contained(randomStates_, operand))
        randomStates_.push_back(operand);
    }
    return;
  }
  // A reshape of a computed value renames it; what lies under other views must be an input.
  if (Value under = underReshapes(value); under != value)
    if (Operation *source = under.getDefiningOp();
        source && (ir::isElementwiseOp(source) || llvm::is_contained(computed, under)))
      return addLeaves(under, computed);
  addLeaf(value, /*statistic=*/false);
}

void BodyReads::addStatistic(Value value) {
  if (!leafOf_.count(value))
    addLeaf(value, /*statistic=*/true);
}

void BodyReads::addLeaf(Value value, bool statistic) {
  ir::ViewOfRoot source = ir::viewThroughChain(value);
  std::optional<ir::StridedView> view = fit(source.view, statistic);
  if (!view)
    return fail("an operand does not fit the kernel's iteration shape");
  addLeaf(value, source.root, *view);
  if (statistic && ok_)
    leaves_.back().statistic = true;
}

void BodyReads::addLeaf(Value value, Value root, const ir::StridedView &view) {
  Leaf leaf;
  leaf.value = value;
  leaf.root = root;
  auto constant = root.getDefiningOp<ir::ConstantOp>();
  if (!constant && !isa<BlockArgument>(root))
    return fail("an operand is no strided view of an input");
  if (constant) {
    auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
    if (!elements)
      return fail("a constant without dense elements");
    if (elements.isSplat())
      leaf.splat = elements;
  }
  leaf.window = space_.add(view);
  leafOf_[value] = leaves_.size();
  leaves_.push_back(leaf);
}

std::optional<ir::StridedView> BodyReads::fit(ir::StridedView view, bool statistic) const {
  const std::vector<int64_t> &shape = space_.shape();
  std::vector<int64_t> column = shape; // one element per row
  if (!column.empty())
    column.back() = 1;
  int64_t all = 1, rows = 1;
  for (int64_t size : shape)
    all *= size;
  for (int64_t size : column)
    rows *= size;
  if (view.elements() == 1)
    return ir::StridedView{view.offset, shape, std::vector<int64_t>(shape.size(), 0)};
  bool numpy = !statistic && view.sizes.size() <= shape.size();
  for (size_t i = 0; numpy && i < view.sizes.size(); ++i) {
    int64_t size = view.sizes[i];
    numpy = size == 1 || size == shape[i + shape.size() - view.sizes.size()];
  }
  if (numpy)
    return view.broadcastTo(shape);
  if (!statistic && view.elements() == all)
    return view.reshaped(shape);
  if (view.elements() == rows)
    if (std::optional<ir::StridedView> perRow = view.reshaped(column))
      return perRow->broadcastTo(shape);
  return std::nullopt;
}

} // namespace heddle::codegen
