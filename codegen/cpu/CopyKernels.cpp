// SPDX-License-Identifier: Apache-2.0
// concat and pad: an output made of boxes, each a copy of an input or zeros.
#include "codegen/body/IterationSpace.h"
#include "codegen/cpu/InputWindow.h"
#include "codegen/cpu/KernelModule.h"
#include "codegen/cpu/SingleOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

struct Box {
  ir::StridedView to;              // in the output
  std::optional<InputWindow> from; // of the same shape; zeros where absent
};

class BoxWriter {
public:
  BoxWriter(ImplicitLocOpBuilder &b, const Target &target, ir::KernelOp kernel,
            SmallVector<Box> boxes)
      : b_(b), lanes_(target.lanes()), kernel_(kernel), boxes_(std::move(boxes)) {
    int64_t elements = bufferType(kernel->getResultTypes()[0]).getNumElements();
    tasks_ = std::clamp<int64_t>(elements / 4096, 1, 256);
  }

  int64_t tasks() const { return tasks_; }

  /// Every task does its share of every box.
  void write() {
    ScratchLayout none;
    emitEntry(b_, "boxes", operandBufferTypes(kernel_), none.type(b_),
              [&](const EntryArguments &entry) {
                for (Box &box : boxes_)
                  if (box.from)
                    box.from->bind(b_, entry.operands);
                forLoop(b_, entry.begin, entry.end, 1, [&](Value task) {
                  for (Box &box : boxes_)
                    emitShare(box, entry.operands.back(), task);
                });
              });
  }

private:
  /// Window 0 is the box in the output, contiguous along the innermost axis, and window 1 the
  /// input.
  static IterationSpace loops(const Box &box) {
    IterationSpace space(box.to.sizes);
    space.add(box.to);
    if (box.from)
      space.add(box.from->view());
    space.collapse();
    if (space.innerStride(0) == 1 || space.inner() == 1)
      return space;
    // Columns of one element each: an axis inside for them.
    auto widened = [](ir::StridedView view) {
      view.sizes.push_back(1);
      view.strides.push_back(1);
      return view;
    };
    ir::StridedView to = widened(box.to);
    IterationSpace columns(to.sizes);
    columns.keepApart(to.sizes.size() - 1);
    columns.add(to);
    if (box.from)
      columns.add(widened(box.from->view()));
    columns.collapse();
    return columns;
  }

  void emitShare(Box &box, Value output, Value task) {
    IterationSpace space = loops(box);
    size_t to = 0, from = 1;
    int64_t inner = space.inner(), rows = space.rows();
    Value next = addIndex(b_, task, 1);
    Value zero = constantIndex(b_, 0), all = constantIndex(b_, inner);
    // Cut the rows, or the row where there are few.
    bool byRows = rows >= tasks_;
    int64_t piece = ((inner + tasks_ - 1) / tasks_ + lanes_ - 1) / lanes_ * lanes_;
    Value firstRow = zero, lastRow = constantIndex(b_, rows), low = zero, high = all;
    if (byRows) {
      firstRow = divIndex(b_, mulIndex(b_, task, rows), tasks_);
      lastRow = divIndex(b_, mulIndex(b_, next, rows), tasks_);
    } else {
      low = minIndex(b_, mulIndex(b_, task, piece), all);
      high = minIndex(b_, mulIndex(b_, next, piece), all);
    }
    forLoop(b_, firstRow, lastRow, 1, [&](Value row) {
      Value toOffset = rowOffset(space, to, row);
      if (box.from)
        return emitCopy(b_, lanes_, box.from->buffer(), rowOffset(space, from, row),
                        space.innerStride(from), output, toOffset, inner, low, high);
      Type element = cast<MemRefType>(output.getType()).getElementType();
      Value zeros =
          arith::ConstantOp::create(b_, b_.getZeroAttr(VectorType::get({lanes_}, element)));
      forVectors(b_, lanes_, inner, low, high, [&](Value column, Value mask) {
        storeVector(b_, zeros, output, addIndex(b_, toOffset, column), mask);
      });
    });
  }

  Value rowOffset(const IterationSpace &space, size_t window, Value row) {
    Value offset = constantIndex(b_, space.offset(window)), rest = row;
    for (size_t axis = space.sizes().size() - 1; axis-- > 0;) {
      Value index = axis == 0 ? rest : remIndex(b_, rest, space.sizes()[axis]);
      offset = addIndex(b_, offset, mulIndex(b_, index, space.strides(window)[axis]));
      if (axis != 0)
        rest = divIndex(b_, rest, space.sizes()[axis]);
    }
    return offset;
  }

  ImplicitLocOpBuilder &b_;
  int64_t lanes_;
  ir::KernelOp kernel_;
  SmallVector<Box> boxes_;
  int64_t tasks_ = 1;
};

SingleResult generateBoxes(ir::KernelOp kernel, const Target &target, SmallVector<Box> boxes) {
  KernelModule module(kernel);
  BoxWriter writer(module.builder(), target, kernel, std::move(boxes));
  writer.write();
  return module.finish("boxes", writer.tasks(), /*scratchBytes=*/0, /*flops=*/0);
}

/// The box that starts at `offsets` in the dense output.
ir::StridedView boxIn(RankedTensorType output, const std::vector<int64_t> &offsets,
                      const std::vector<int64_t> &sizes) {
  return ir::StridedView::dense(output.getShape().vec()).sliced(offsets, sizes);
}

} // namespace

SingleResult generateConcat(ir::KernelOp kernel, ir::ConcatOp op, const Target &target,
                            std::string *reason) {
  auto output = op.getY().getType();
  SmallVector<Box> boxes;
  std::vector<int64_t> offsets(output.getRank(), 0);
  for (Value part : op.getParts()) {
    std::vector<int64_t> shape = cast<RankedTensorType>(part.getType()).getShape().vec();
    FailureOr<InputWindow> window = InputWindow::of(part, reason);
    if (failed(window))
      return failure();
    boxes.push_back({boxIn(output, offsets, shape), *window});
    offsets[op.getAxis()] += shape[op.getAxis()];
  }
  return generateBoxes(kernel, target, std::move(boxes));
}

SingleResult generatePad(ir::KernelOp kernel, ir::PadOp op, const Target &target,
                         std::string *reason) {
  auto output = op.getY().getType();
  std::vector<int64_t> inside = op.getX().getType().getShape().vec(), low = op.getLow().vec();
  FailureOr<InputWindow> window = InputWindow::of(op.getX(), reason);
  if (failed(window))
    return failure();
  SmallVector<Box> boxes;
  boxes.push_back({boxIn(output, low, inside), *window});
  // The zeros before and after on axis i: all of the later axes, the inside of the earlier ones.
  std::vector<int64_t> offsets(output.getRank(), 0), sizes = output.getShape().vec();
  for (int64_t axis = 0; axis < output.getRank(); ++axis) {
    for (bool after : {false, true}) {
      int64_t count = after ? op.getHigh()[axis] : low[axis];
      if (count == 0)
        continue;
      offsets[axis] = after ? low[axis] + inside[axis] : 0;
      sizes[axis] = count;
      boxes.push_back({boxIn(output, offsets, sizes), std::nullopt});
    }
    offsets[axis] = low[axis];
    sizes[axis] = inside[axis];
  }
  return generateBoxes(kernel, target, std::move(boxes));
}

} // namespace heddle::codegen
