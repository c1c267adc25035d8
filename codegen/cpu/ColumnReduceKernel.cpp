// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/ColumnReduceKernel.h"

#include "codegen/cpu/KernelModule.h"
#include "codegen/cpu/LaneKernel.h"
#include "codegen/cpu/MathEmitter.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

/// Rows are summed in chunks, and the chunks' sums then: the error grows with the root of the
/// number of rows, not with the number.
constexpr int64_t kChunkRows = 64;
/// Enough tasks for many threads, as long as a task has a whole vector.
constexpr int64_t kWantedColumnTasks = 16;

class ColumnWriter {
public:
  ColumnWriter(ImplicitLocOpBuilder &b, const Target &target, ir::KernelOp kernel,
               Operation *anchor, const std::vector<int64_t> &shape, std::string *reason)
      : b_(b), anchor_(anchor), lanes_(b, target, kernel, shape, reason),
        math_(b, target.lanes(), target.hasFma()) {
    std::optional<LeadingReduction> reduction = leadingReduction(anchor_, shape);
    if (!reduction) {
      lanes_.fail("the axes that are summed are split in another way");
      return;
    }
    rows_ = reduction->rows;
    outer_ = reduction->outer;
    IterationSpace &space = lanes_.space();
    space.keepApart(reduction->axes);
    space.keepApart(shape.size() - 1);
    registerInputs();
    space.collapse();
    columns_ = space.inner();
    int64_t wanted = columns_ * outer_ / (kWantedColumnTasks * lanes_.lanes());
    vectors_ = std::clamp<int64_t>(wanted, 1, target.isa() == Isa::Avx512 ? 4 : 2);
    width_ = vectors_ * lanes_.lanes();
    blocks_ = (columns_ + width_ - 1) / width_;
  }

  int64_t tasks() const { return outer_ * blocks_; }

  bool write() {
    if (!lanes_.ok())
      return false;
    ScratchLayout none;
    emitEntry(b_, "columns", operandBufferTypes(lanes_.kernel()), none.type(b_),
              [&](const EntryArguments &arguments) {
                lanes_.bind(arguments.operands);
                forLoop(b_, arguments.begin, arguments.end, 1, [&](Value task) {
                  emitTask(divIndex(b_, task, blocks_), remIndex(b_, task, blocks_));
                });
              });
    return lanes_.ok();
  }

private:
  void registerInputs() {
    for (Value operand : anchor_->getOperands()) {
      bool isFull = operand == anchor_->getOperand(0) ||
                    (anchor_->getNumOperands() > 1 && operand == anchor_->getOperand(1));
      if (!cast<RankedTensorType>(operand.getType()).getElementType().isF32())
        lanes_.fail("columns of another type than f32");
      if (isFull)
        lanes_.reads().addLeaves(operand);
      else
        lanes_.reads().addStatistic(operand);
    }
  }

  void emitTask(Value outer, Value block) {
    Value first = mulIndex(b_, block, width_);
    int64_t rest = columns_ % width_;
    auto whole = [&] { emitBlock(outer, first, width_); };
    auto tail = [&] { emitBlock(outer, first, rest); };
    if (rest == 0)
      whole();
    else if (blocks_ == 1)
      tail();
    else
      ifThen(b_, equals(b_, block, constantIndex(b_, blocks_ - 1)), tail, whole);
  }

  /// Columns [first, first + columns) over all rows.
  void emitBlock(Value outer, Value first, int64_t columns) {
    int64_t vectors = (columns + lanes_.lanes() - 1) / lanes_.lanes();
    Value mask = prefixMask(b_, lanes_.lanes(), columns - (vectors - 1) * lanes_.lanes());
    size_t results = anchor_->getNumResults();
    SmallVector<Value> zeros(vectors * results, math_.constant(0.0));
    auto chunk = [&](Value low, ValueRange totals) {
      Value high = minIndex(b_, addIndex(b_, low, kChunkRows), constantIndex(b_, rows_));
      SmallVector<Value> sums =
          forLoop(b_, low, high, 1, zeros, [&](Value row, ValueRange carried) {
            lanes_.beginRow(addIndex(b_, mulIndex(b_, row, outer_), outer));
            SmallVector<Value> next(carried.begin(), carried.end());
            for (int64_t v = 0; v < vectors; ++v) {
              LanePoint point(addIndex(b_, first, v * lanes_.lanes()),
                              v + 1 == vectors ? mask : Value());
              accumulate(point, MutableArrayRef<Value>(next).slice(v * results, results));
            }
            return next;
          });
      SmallVector<Value> next;
      for (auto [total, sum] : llvm::zip(totals, sums))
        next.push_back(math_.add(total, sum));
      return next;
    };
    SmallVector<Value> totals =
        forLoop(b_, constantIndex(b_, 0), constantIndex(b_, rows_), kChunkRows, zeros, chunk);
    storeTotals(outer, first, vectors, mask, totals);
  }

  void accumulate(LanePoint &point, MutableArrayRef<Value> sums) {
    if (auto sum = dyn_cast<ir::SumOp>(anchor_)) {
      sums[0] = math_.add(sums[0], lanes_.lanes(point, sum.getX()));
      return;
    }
    auto spread = [&](Value statistic) {
      return broadcast(b_, lanes_.lanes(), lanes_.statistic(statistic));
    };
    if (auto op = dyn_cast<ir::LayerNormParamGradOp>(anchor_)) {
      Value dy = lanes_.lanes(point, op.getDy());
      Value deviation = math_.sub(lanes_.lanes(point, op.getX()), spread(op.getMean()));
      Value normalised = math_.mul(deviation, spread(op.getRstd()));
      sums[0] = math_.multiplyAdd(dy, normalised, sums[0]);
      sums[1] = math_.add(sums[1], dy);
      return;
    }
    auto op = cast<ir::RmsNormParamGradOp>(anchor_);
    Value normalised = math_.mul(lanes_.lanes(point, op.getX()), spread(op.getRstd()));
    sums[0] = math_.multiplyAdd(lanes_.lanes(point, op.getDy()), normalised, sums[0]);
  }

  void storeTotals(Value outer, Value first, int64_t vectors, Value mask, ValueRange totals) {
    size_t results = anchor_->getNumResults();
    Value line = addIndex(b_, mulIndex(b_, outer, columns_), first);
    unsigned operand = lanes_.kernel().getNumOperands();
    for (Value yielded : lanes_.kernel().getBody().front().getTerminator()->getOperands()) {
      size_t result = cast<OpResult>(underReshapes(yielded)).getResultNumber();
      for (int64_t v = 0; v < vectors; ++v)
        lanes_.store(totals[v * results + result], operand, addIndex(b_, line, v * lanes_.lanes()),
                     v + 1 == vectors ? mask : Value());
      ++operand;
    }
  }

  ImplicitLocOpBuilder &b_;
  Operation *anchor_;
  LaneKernel lanes_;
  MathEmitter math_;
  int64_t rows_ = 1, outer_ = 1, columns_ = 0;
  int64_t vectors_ = 1, width_ = 0, blocks_ = 0;
};

} // namespace

FailureOr<GeneratedKernel> generateColumnReduce(ir::KernelOp kernel, Operation *anchor,
                                                const Target &target, std::string *reason) {
  for (const std::vector<int64_t> &shape : iterationShapes(kernel, anchor)) {
    KernelModule module(kernel);
    ColumnWriter writer(module.builder(), target, kernel, anchor, shape, reason);
    if (writer.write())
      return module.finish("columns", writer.tasks(), /*scratchBytes=*/0, elementwiseFlops(kernel));
  }
  return failure();
}

} // namespace heddle::codegen
