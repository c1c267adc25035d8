// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/MapKernel.h"

#include "codegen/cpu/KernelModule.h"
#include "codegen/cpu/LaneKernel.h"
#include "ir/KernelForms.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

/// Elements of a task: long enough to drown the call, short enough for many threads.
constexpr int64_t kTaskElements = 4096;

/// What is stored: a computed value under concluding reshapes, or a view of an input as it is.
Value storedValue(Value yielded) {
  Operation *op = underReshapes(yielded).getDefiningOp();
  bool computed = op && (ir::isElementwiseOp(op) || isa<ir::CausalMaskOp, ir::LengthMaskOp>(op));
  return computed ? underReshapes(yielded) : yielded;
}

class MapWriter {
public:
  MapWriter(ImplicitLocOpBuilder &b, const Target &target, ir::KernelOp kernel, std::string *reason)
      : b_(b), yields_(kernel.getBody().front().getTerminator()->getOperands()),
        lanes_(b, target, kernel, iterationShape(kernel), reason) {
    for (Value yielded : yields_)
      lanes_.addLeaves(storedValue(yielded));
    IterationSpace &space = lanes_.space();
    space.collapse();
    rows_ = space.rows();
    blocksPerRow_ = (space.inner() + kTaskElements - 1) / kTaskElements;
    rowsPerTask_ = std::max<int64_t>(1, kTaskElements / space.inner());
  }

  int64_t tasks() const {
    return blocksPerRow_ > 1 ? rows_ * blocksPerRow_ : (rows_ + rowsPerTask_ - 1) / rowsPerTask_;
  }

  bool write() {
    if (!lanes_.ok())
      return false;
    ScratchLayout none;
    emitEntry(b_, "map", operandBufferTypes(lanes_.kernel()), none.type(b_),
              [&](const EntryArguments &arguments) {
                lanes_.bind(arguments.operands);
                if (blocksPerRow_ > 1)
                  emitPieces(arguments);
                else
                  emitRows(arguments);
              });
    return lanes_.ok();
  }

private:
  static std::vector<int64_t> iterationShape(ir::KernelOp kernel) {
    Value first = storedValue(kernel.getBody().front().getTerminator()->getOperand(0));
    return cast<RankedTensorType>(first.getType()).getShape().vec();
  }

  void emitRows(const EntryArguments &arguments) {
    Value low = mulIndex(b_, arguments.begin, rowsPerTask_);
    Value high = minIndex(b_, mulIndex(b_, arguments.end, rowsPerTask_), constantIndex(b_, rows_));
    forLoop(b_, low, high, 1, [&](Value row) {
      lanes_.beginRow(row);
      lanes_.forColumns([&](LanePoint &point) { emitVector(point); });
    });
  }

  /// Long rows are cut into pieces; tasks that follow each other in a row are one loop each.
  void emitPieces(const EntryArguments &arguments) {
    int64_t inner = lanes_.space().inner();
    forLoop(b_, arguments.begin, arguments.end, 1, [&](Value task) {
      lanes_.beginRow(divIndex(b_, task, blocksPerRow_));
      Value low = mulIndex(b_, remIndex(b_, task, blocksPerRow_), kTaskElements);
      Value high = minIndex(b_, addIndex(b_, low, kTaskElements), constantIndex(b_, inner));
      lanes_.forColumns(low, high, [&](LanePoint &point) { emitVector(point); });
    });
  }

  /// All loads stand before the first store: an output may replace an input.
  void emitVector(LanePoint &point) {
    SmallVector<Value> results;
    for (Value yielded : yields_)
      results.push_back(lanes_.lanes(point, storedValue(yielded)));
    Value offset = addIndex(b_, mulIndex(b_, lanes_.row(), lanes_.space().inner()), point.column);
    unsigned operand = lanes_.kernel().getNumOperands();
    for (Value result : results)
      lanes_.store(result, operand++, offset, point.mask);
  }

  ImplicitLocOpBuilder &b_;
  SmallVector<Value> yields_;
  LaneKernel lanes_;
  int64_t rows_ = 0, blocksPerRow_ = 0, rowsPerTask_ = 0;
};

} // namespace

FailureOr<GeneratedKernel> generateMap(ir::KernelOp kernel, const Target &target,
                                       std::string *reason) {
  KernelModule module(kernel);
  MapWriter writer(module.builder(), target, kernel, reason);
  if (!writer.write())
    return failure();
  return module.finish("map", writer.tasks(), /*scratchBytes=*/0, elementwiseFlops(kernel));
}

} // namespace heddle::codegen
