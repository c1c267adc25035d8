// SPDX-License-Identifier: Apache-2.0
// Rotary positions: per token one table of cosines and sines in scratch, which all heads share.
#include "codegen/cpu/InputWindow.h"
#include "codegen/cpu/KernelModule.h"
#include "codegen/cpu/LaneMemory.h"
#include "codegen/cpu/SinCos.h"
#include "codegen/cpu/SingleOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

class RopeWriter {
public:
  RopeWriter(ImplicitLocOpBuilder &b, const Target &target, ir::RopeOp op, InputWindow x,
             InputWindow positions)
      : b_(b), op_(op), x_(std::move(x)), positions_(std::move(positions)), lanes_(target.lanes()),
        pairs_(static_cast<int64_t>(op.getInvFreq().size())) {
    ArrayRef<int64_t> shape = op.getY().getType().getShape();
    batch_ = shape[0], heads_ = shape[1], length_ = shape[2], size_ = shape[3];
    perTask_ = std::max<int64_t>(1, 4096 / (heads_ * size_));
    table_ = (2 * pairs_ + 31) / 32 * 32; // whole vectors, also of the doubled form
  }

  int64_t tokens() const { return batch_ * length_; }
  int64_t tasks() const { return (tokens() + perTask_ - 1) / perTask_; }
  int64_t scratchElements() const { return 2 * table_; }

  void write(ir::KernelOp kernel) {
    auto scratch = MemRefType::get({scratchElements()}, b_.getF32Type());
    emitEntry(b_, "rope", operandBufferTypes(kernel), scratch, [&](const EntryArguments &entry) {
      x_.bind(b_, entry.operands);
      positions_.bind(b_, entry.operands);
      output_ = entry.operands.back();
      scratch_ = entry.scratch;
      auto type = RankedTensorType::get({pairs_}, b_.getF64Type());
      frequencies_ = constantBuffer(b_, DenseElementsAttr::get(type, op_.getInvFreq()));
      Value low = mulIndex(b_, entry.begin, perTask_);
      Value high = minIndex(b_, mulIndex(b_, entry.end, perTask_), constantIndex(b_, tokens()));
      forLoop(b_, low, high, 1, [&](Value token) {
        Value row = divIndex(b_, token, length_), t = remIndex(b_, token, length_);
        emitTable(row, t);
        forLoop(b_, constantIndex(b_, 0), constantIndex(b_, heads_), 1,
                [&](Value head) { emitHead(row, head, t); });
      });
    });
  }

private:
  void forColumns(int64_t count, const std::function<void(Value, Value)> &body) {
    forVectors(b_, lanes_, count, constantIndex(b_, 0), constantIndex(b_, count), body);
  }

  /// cos at [0, table_), sin at [table_, 2 table_): one per pair, or, interleaved, one per
  /// component with the sign that it takes.
  void emitTable(Value row, Value t) {
    Value position = loadScalar(b_, positions_.buffer(), positions_.offset(b_, {row, t}));
    position = arith::SIToFPOp::create(b_, b_.getF64Type(), position);
    auto wide = VectorType::get({lanes_}, b_.getF64Type());
    auto narrow = VectorType::get({lanes_}, b_.getF32Type());
    double scaling = op_.getAttentionScaling().convertToDouble();
    auto constant = [&](double value) -> Value {
      return arith::ConstantOp::create(b_, DenseElementsAttr::get(wide, value));
    };
    forColumns(pairs_, [&](Value pair, Value mask) {
      Value frequency = loadVector(b_, lanes_, frequencies_, pair, mask);
      SinCos turn =
          emitSinCos(b_, arith::MulFOp::create(b_, broadcast(b_, lanes_, position), frequency));
      auto rounded = [&](Value x, double factor) -> Value {
        return arith::TruncFOp::create(b_, narrow, arith::MulFOp::create(b_, x, constant(factor)));
      };
      Value cosine = rounded(turn.cosine, scaling);
      Value sine = rounded(turn.sine, op_.getInverse() ? -scaling : scaling);
      Value at = pair;
      if (op_.getInterleaved()) {
        cosine = vector::InterleaveOp::create(b_, cosine, cosine);
        sine = vector::InterleaveOp::create(b_, arith::NegFOp::create(b_, sine), sine);
        at = mulIndex(b_, pair, 2);
      }
      // The table has room for whole vectors.
      storeVector(b_, cosine, scratch_, at);
      storeVector(b_, sine, scratch_, addIndex(b_, at, table_));
    });
  }

  Value loadX(Value from, Value column, Value mask) {
    int64_t stride = x_.stride(3);
    Value at = addIndex(b_, from, mulIndex(b_, column, stride));
    return stride == 1 ? loadVector(b_, lanes_, x_.buffer(), at, mask)
                       : gatherVector(b_, lanes_, x_.buffer(), at, stride, mask);
  }

  Value mul(Value x, Value y) { return arith::MulFOp::create(b_, x, y); }

  void emitHead(Value row, Value head, Value t) {
    Value from = x_.offset(b_, {row, head, t});
    Value line = addIndex(b_, mulIndex(b_, row, heads_), head);
    line = mulIndex(b_, addIndex(b_, mulIndex(b_, line, length_), t), size_);
    if (op_.getInterleaved())
      emitInterleaved(from, line);
    else
      emitHalves(from, line);
    int64_t rotated = 2 * pairs_;
    if (rotated < size_)
      emitCopy(b_, lanes_, x_.buffer(), addIndex(b_, from, rotated * x_.stride(3)), x_.stride(3),
               output_, addIndex(b_, line, rotated), size_ - rotated);
  }

  void emitHalves(Value from, Value line) {
    Value second = addIndex(b_, from, pairs_ * x_.stride(3));
    forColumns(pairs_, [&](Value pair, Value mask) {
      Value u = loadX(from, pair, mask), v = loadX(second, pair, mask);
      Value cosine = loadVector(b_, lanes_, scratch_, pair);
      Value sine = loadVector(b_, lanes_, scratch_, addIndex(b_, pair, table_));
      Value first = arith::SubFOp::create(b_, mul(u, cosine), mul(v, sine));
      Value other = arith::AddFOp::create(b_, mul(v, cosine), mul(u, sine));
      storeVector(b_, first, output_, addIndex(b_, line, pair), mask);
      storeVector(b_, other, output_, addIndex(b_, addIndex(b_, line, pairs_), pair), mask);
    });
  }

  void emitInterleaved(Value from, Value line) {
    SmallVector<int64_t> swap;
    for (int64_t i = 0; i < lanes_; ++i)
      swap.push_back(i ^ 1);
    forColumns(2 * pairs_, [&](Value column, Value mask) {
      Value x = loadX(from, column, mask);
      Value swapped = vector::ShuffleOp::create(b_, x, x, swap);
      Value cosine = loadVector(b_, lanes_, scratch_, column);
      Value sine = loadVector(b_, lanes_, scratch_, addIndex(b_, column, table_));
      Value y = arith::AddFOp::create(b_, mul(x, cosine), mul(swapped, sine));
      storeVector(b_, y, output_, addIndex(b_, line, column), mask);
    });
  }

  ImplicitLocOpBuilder &b_;
  ir::RopeOp op_;
  InputWindow x_, positions_;
  int64_t lanes_, pairs_;
  int64_t batch_ = 0, heads_ = 0, length_ = 0, size_ = 0, perTask_ = 1, table_ = 0;
  Value output_, scratch_, frequencies_;
};

} // namespace

SingleResult generateRope(ir::KernelOp kernel, ir::RopeOp op, const Target &target,
                          std::string *reason) {
  FailureOr<InputWindow> x = InputWindow::of(op.getX(), reason);
  FailureOr<InputWindow> positions = InputWindow::of(op.getPositions(), reason);
  if (failed(x) || failed(positions))
    return failure();
  if (!op.getY().getType().getElementType().isF32()) {
    *reason = "rope of another type than f32";
    return failure();
  }
  KernelModule module(kernel);
  RopeWriter writer(module.builder(), target, op, *x, *positions);
  writer.write(kernel);
  return module.finish("rope", writer.tasks(), writer.scratchElements() * 4,
                       3.0 * static_cast<double>(op.getY().getType().getNumElements()));
}

} // namespace heddle::codegen
