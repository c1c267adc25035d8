// SPDX-License-Identifier: Apache-2.0
// sum and max over any axes, and count_targets.
#include <limits>

#include "codegen/cpu/InputWindow.h"
#include "codegen/cpu/KernelModule.h"
#include "codegen/cpu/LaneMemory.h"
#include "codegen/cpu/RowPasses.h"
#include "codegen/cpu/SingleOps.h"
#include "ir/ViewChain.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

/// Iterates over [kept axes, reduced axes], or, where the last axis stays, over [the other kept
/// axes, reduced axes, last axis].
class ReduceWriter {
public:
  ReduceWriter(ImplicitLocOpBuilder &b, const Target &target, ir::KernelOp kernel, Operation *op,
               std::string *reason)
      : b_(b), isSum_(isa<ir::SumOp>(op)), x_(op->getOperand(0)), source_(ir::viewThroughChain(x_)),
        keptLast_(splitAxes(op)), lanes_(b, target, kernel, permutedShape(), reason),
        math_(b, target.lanes(), target.hasFma()) {
    lanes_.reads().addLeaf(x_, source_.root, source_.view.transposed(order_));
    IterationSpace &space = lanes_.space();
    space.keepApart(outerAxes_);
    if (keptLast_)
      space.keepApart(order_.size() - 1);
    space.collapse();
    columns_ = space.inner();
    for (size_t i = 0; i < outerAxes_; ++i)
      outer_ *= source_.view.sizes[order_[i]];
    middle_ = space.rows() / outer_;
    perTask_ = std::max<int64_t>(1, kTaskElements / (middle_ * columns_));
  }

  int64_t tasks() const { return (outer_ + perTask_ - 1) / perTask_; }

  bool write() {
    if (!lanes_.ok())
      return false;
    ScratchLayout none;
    emitEntry(b_, "reduce", operandBufferTypes(lanes_.kernel()), none.type(b_),
              [&](const EntryArguments &entry) {
                lanes_.bind(entry.operands);
                Value low = mulIndex(b_, entry.begin, perTask_);
                Value high =
                    minIndex(b_, mulIndex(b_, entry.end, perTask_), constantIndex(b_, outer_));
                forLoop(b_, low, high, 1, [&](Value outer) {
                  if (keptLast_)
                    emitColumns(outer);
                  else
                    emitRow(outer);
                });
              });
    return lanes_.ok();
  }

private:
  /// Fills order_ and outerAxes_; whether the last axis is kept.
  bool splitAxes(Operation *op) {
    ArrayRef<int64_t> axes = isSum_ ? cast<ir::SumOp>(op).getAxes() : cast<ir::MaxOp>(op).getAxes();
    int64_t rank = static_cast<int64_t>(source_.view.sizes.size());
    bool keptLast = rank > 0 && !llvm::is_contained(axes, rank - 1);
    for (int64_t axis = 0; axis < rank - keptLast; ++axis)
      if (!llvm::is_contained(axes, axis))
        order_.push_back(axis);
    outerAxes_ = order_.size();
    order_.insert(order_.end(), axes.begin(), axes.end());
    if (keptLast)
      order_.push_back(rank - 1);
    return keptLast;
  }

  std::vector<int64_t> permutedShape() const {
    std::vector<int64_t> shape;
    for (int64_t axis : order_)
      shape.push_back(source_.view.sizes[axis]);
    return shape;
  }

  double identity() const { return isSum_ ? 0.0 : -std::numeric_limits<double>::infinity(); }
  Value combine(Value x, Value y) {
    return isSum_ ? math_.add(x, y) : Value(arith::MaximumFOp::create(b_, x, y));
  }
  Value rowOf(Value outer, Value middle) {
    return addIndex(b_, mulIndex(b_, outer, middle_), middle);
  }

  /// One number: rows of the innermost reduced axis, one after the other.
  void emitRow(Value outer) {
    Value result =
        forLoop(b_, constantIndex(b_, 0), constantIndex(b_, middle_), 1,
                ValueRange{constantFloat(b_, identity())}, [&](Value middle, ValueRange carried) {
                  lanes_.beginRow(rowOf(outer, middle));
                  RowPasses passes(lanes_, {}, {});
                  Value row = passes.reduce(
                      {isSum_ ? Reduction::Sum : Reduction::Max}, 4, [&](LanePoint &point) {
                        return SmallVector<Term>{{passes.lanes(point, x_), {}}};
                      })[0];
                  return SmallVector<Value>{combine(carried[0], row)};
                })[0];
    lanes_.storeScalar(result, lanes_.kernel().getNumOperands(), outer);
  }

  /// A row of numbers: a vector of columns over all that is reduced.
  void emitColumns(Value outer) {
    lanes_.forColumns([&](LanePoint &at) {
      Value column = at.column, mask = at.mask;
      Value result =
          forLoop(b_, constantIndex(b_, 0), constantIndex(b_, middle_), 1,
                  ValueRange{math_.constant(identity())}, [&](Value middle, ValueRange carried) {
                    lanes_.beginRow(rowOf(outer, middle));
                    LanePoint point(column, mask);
                    return SmallVector<Value>{combine(carried[0], lanes_.lanes(point, x_))};
                  })[0];
      lanes_.store(result, lanes_.kernel().getNumOperands(),
                   addIndex(b_, mulIndex(b_, outer, columns_), column), mask);
    });
  }

  ImplicitLocOpBuilder &b_;
  bool isSum_;
  Value x_;
  ir::ViewOfRoot source_;
  std::vector<int64_t> order_; // of the axes of x
  size_t outerAxes_ = 0;
  bool keptLast_;
  LaneKernel lanes_;
  MathEmitter math_;
  int64_t outer_ = 1, middle_ = 1, columns_ = 1, perTask_ = 1;
};

} // namespace

SingleResult generateReduce(ir::KernelOp kernel, Operation *op, const Target &target,
                            std::string *reason) {
  auto type = cast<RankedTensorType>(op->getOperand(0).getType());
  if (!type.getElementType().isF32()) {
    *reason = "a reduction of another type than f32";
    return failure();
  }
  KernelModule module(kernel);
  ReduceWriter writer(module.builder(), target, kernel, op, reason);
  if (!writer.write())
    return failure();
  return module.finish("reduce", writer.tasks(), /*scratchBytes=*/0,
                       static_cast<double>(type.getNumElements()));
}

SingleResult generateCountTargets(ir::KernelOp kernel, ir::CountTargetsOp op, const Target &target,
                                  std::string *reason) {
  (void)target;
  KernelModule module(kernel);
  ImplicitLocOpBuilder &b = module.builder();
  FailureOr<InputWindow> targets = InputWindow::of(op.getTargets(), reason);
  if (failed(targets))
    return failure();
  int64_t count = op.getTargets().getType().getNumElements();
  size_t rank = op.getTargets().getType().getRank();
  ScratchLayout none;
  emitEntry(b, "count_targets", operandBufferTypes(kernel), none.type(b),
            [&](const EntryArguments &entry) {
              targets->bind(b, entry.operands);
              forLoop(b, entry.begin, entry.end, 1, [&](Value) {
                Value ignored = constantIndex(b, op.getIgnoreIndex());
                Value zero = constantIndex(b, 0), one = constantIndex(b, 1);
                Value total = forLoop(
                    b, zero, constantIndex(b, count), 1, ValueRange{zero},
                    [&](Value i, ValueRange carried) {
                      Value label = targets->loadIndex(b, targets->linearOffset(b, i, rank));
                      Value add = arith::SelectOp::create(b, equals(b, label, ignored), zero, one);
                      return SmallVector<Value>{addIndex(b, carried[0], add)};
                    })[0];
                total = arith::IndexCastOp::create(b, b.getI64Type(), maxIndex(b, total, one));
                Value number = arith::SIToFPOp::create(b, b.getF32Type(), total);
                storeScalar(b, number, entry.operands.back(), zero);
              });
            });
  return module.finish("count_targets", /*tasks=*/1, /*scratchBytes=*/0,
                       static_cast<double>(count));
}

} // namespace heddle::codegen
