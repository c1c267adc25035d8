// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/RowKernel.h"

#include "codegen/cpu/KernelModule.h"
#include "codegen/cpu/RowOps.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

class RowWriter {
public:
  RowWriter(ImplicitLocOpBuilder &b, const Target &target, ir::KernelOp kernel, Operation *anchor,
            std::vector<int64_t> shape, std::string *reason)
      : b_(b), anchor_(anchor), lanes_(b, target, kernel, std::move(shape), reason) {
    if (!lanes_.space().shape().empty())
      lanes_.space().keepApart(lanes_.space().shape().size() - 1);
    registerInputs();
    lanes_.space().collapse();
    rows_ = lanes_.space().rows();
    columns_ = lanes_.space().inner();
    rowsPerTask_ = std::max<int64_t>(1, kTaskElements / columns_);
    int64_t staged = static_cast<int64_t>(staged_.size()) + operands_.keepsRow;
    scratchElements_ = RowPasses::scratchFor(staged, columns_);
  }

  int64_t tasks() const { return (rows_ + rowsPerTask_ - 1) / rowsPerTask_; }
  int64_t scratchBytes() const { return scratchElements_ * 4; }

  bool write() {
    if (!lanes_.ok())
      return false;
    auto scratch = MemRefType::get({std::max<int64_t>(1, scratchElements_)}, b_.getF32Type());
    emitEntry(b_, "row", operandBufferTypes(lanes_.kernel()), scratch,
              [&](const EntryArguments &arguments) {
                lanes_.bind(arguments.operands);
                Value low = mulIndex(b_, arguments.begin, rowsPerTask_);
                Value high = minIndex(b_, mulIndex(b_, arguments.end, rowsPerTask_),
                                      constantIndex(b_, rows_));
                forLoop(b_, low, high, 1, [&](Value row) { emitRow(row, arguments.scratch); });
              });
    return lanes_.ok();
  }

private:
  void registerInputs() {
    operands_ = rowOperandsOf(anchor_);
    for (Value value : operands_.rows) {
      if (!cast<RankedTensorType>(value.getType()).getElementType().isF32())
        lanes_.fail("rows of another type than f32");
      lanes_.reads().addLeaves(value);
      if (!lanes_.reads().isLeaf(value))
        staged_.push_back(value);
    }
    for (Value value : operands_.columns)
      lanes_.reads().addLeaves(value);
    for (Value value : operands_.statistics)
      lanes_.reads().addStatistic(value);
    for (Value yielded : yields())
      lanes_.reads().addLeaves(underReshapes(yielded), anchor_->getResults());
  }

  ValueRange yields() { return lanes_.kernel().getBody().front().getTerminator()->getOperands(); }

  void emitRow(Value row, Value scratch) {
    lanes_.beginRow(row);
    RowPasses passes(lanes_, staged_, scratch);
    RowOutcome outcome = emitRowOp(passes, anchor_);
    unsigned firstOutput = lanes_.kernel().getNumOperands();
    // Values of full shape, in one last pass; then the statistics.
    SmallVector<std::pair<Value, unsigned>> full, scalars;
    for (auto [index, yielded] : llvm::enumerate(yields())) {
      Value value = underReshapes(yielded);
      auto found = llvm::find_if(outcome.statistics,
                                 [&](const auto &entry) { return entry.first == value; });
      unsigned operand = firstOutput + static_cast<unsigned>(index);
      if (found != outcome.statistics.end())
        scalars.push_back({found->second, operand});
      else
        full.push_back({value, operand});
    }
    if (!full.empty())
      lanes_.forColumns([&](LanePoint &point) { emitLastPass(passes, outcome, full, point); });
    for (auto [scalar, operand] : scalars)
      lanes_.storeScalar(scalar, operand, row);
  }

  void emitLastPass(RowPasses &passes, const RowOutcome &outcome,
                    ArrayRef<std::pair<Value, unsigned>> full, LanePoint &point) {
    // What the anchor read is in scratch: do not compute it again.
    for (Value staged : staged_)
      passes.lanes(point, staged);
    if (outcome.lanes)
      point.known[fullResultOf(anchor_)] = outcome.lanes(point);
    SmallVector<Value> results;
    for (auto [value, operand] : full)
      results.push_back(lanes_.lanes(point, value));
    Value offset = addIndex(b_, mulIndex(b_, lanes_.row(), columns_), point.column);
    for (auto [result, entry] : llvm::zip(results, full))
      lanes_.store(result, entry.second, offset, point.mask);
  }

  ImplicitLocOpBuilder &b_;
  Operation *anchor_;
  LaneKernel lanes_;
  RowOperands operands_;
  SmallVector<Value> staged_;
  int64_t rows_ = 0, columns_ = 0, rowsPerTask_ = 0, scratchElements_ = 0;
};

} // namespace

FailureOr<GeneratedKernel> generateRow(ir::KernelOp kernel, Operation *anchor, const Target &target,
                                       std::string *reason) {
  for (const std::vector<int64_t> &shape : iterationShapes(kernel, anchor)) {
    KernelModule module(kernel);
    RowWriter writer(module.builder(), target, kernel, anchor, shape, reason);
    if (writer.write())
      return module.finish("row", writer.tasks(), writer.scratchBytes(), elementwiseFlops(kernel));
  }
  return failure();
}

} // namespace heddle::codegen
