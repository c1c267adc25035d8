// SPDX-License-Identifier: Apache-2.0
// embedding and its gradient, gather_rows.
#include "codegen/cpu/InputWindow.h"
#include "codegen/cpu/KernelModule.h"
#include "codegen/cpu/LaneMemory.h"
#include "codegen/cpu/SingleOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Rows of `columns` elements that make a task of some thousand elements.
int64_t rowsOfTask(int64_t columns) { return std::max<int64_t>(1, 4096 / columns); }

void bindAll(ImplicitLocOpBuilder &b, std::initializer_list<InputWindow *> windows,
             const EntryArguments &entry) {
  for (InputWindow *window : windows)
    window->bind(b, entry.operands);
}

} // namespace

SingleResult generateEmbedding(ir::KernelOp kernel, ir::EmbeddingOp op, const Target &target,
                               std::string *reason) {
  KernelModule module(kernel);
  ImplicitLocOpBuilder &b = module.builder();
  FailureOr<InputWindow> table = InputWindow::of(op.getTable(), reason);
  FailureOr<InputWindow> ids = InputWindow::of(op.getIds(), reason);
  if (failed(table) || failed(ids))
    return failure();
  int64_t tokens = typeOf(op.getIds()).getNumElements();
  int64_t columns = typeOf(op.getTable()).getShape()[1], perTask = rowsOfTask(columns);
  size_t rank = typeOf(op.getIds()).getRank();
  ScratchLayout none;
  emitEntry(
      b, "embedding", operandBufferTypes(kernel), none.type(b), [&](const EntryArguments &entry) {
        bindAll(b, {&*table, &*ids}, entry);
        Value low = mulIndex(b, entry.begin, perTask);
        Value high = minIndex(b, mulIndex(b, entry.end, perTask), constantIndex(b, tokens));
        forLoop(b, low, high, 1, [&](Value token) {
          Value id = ids->loadIndex(b, ids->linearOffset(b, token, rank));
          emitCopy(b, target.lanes(), table->buffer(), table->offset(b, {id}), table->stride(1),
                   entry.operands.back(), mulIndex(b, token, columns), columns);
        });
      });
  return module.finish("embedding", (tokens + perTask - 1) / perTask, /*scratchBytes=*/0,
                       /*flops=*/0);
}

SingleResult generateEmbeddingGrad(ir::KernelOp kernel, ir::EmbeddingGradOp op,
                                   const Target &target, std::string *reason) {
  KernelModule module(kernel);
  ImplicitLocOpBuilder &b = module.builder();
  FailureOr<InputWindow> ids = InputWindow::of(op.getIds(), reason);
  FailureOr<InputWindow> dy = InputWindow::of(op.getDy(), reason);
  if (failed(ids) || failed(dy))
    return failure();
  std::optional<InputWindow> init;
  if (op.getInit()) {
    FailureOr<InputWindow> window = InputWindow::of(op.getInit(), reason);
    if (failed(window))
      return failure();
    init = *window;
  }
  if (!op.getDtable().getType().getElementType().isF32()) {
    *reason = "an embedding's gradient of another type than f32";
    return failure();
  }
  int64_t tokens = typeOf(op.getIds()).getNumElements(), lanes = target.lanes();
  int64_t rows = op.getDtable().getType().getShape()[0];
  int64_t columns = op.getDtable().getType().getShape()[1];
  size_t rank = typeOf(op.getIds()).getRank();
  // A task owns rows of the table and looks through all tokens for them, in order. Few tasks: each
  // reads all ids.
  int64_t perTask = std::max((rows + 63) / 64, rowsOfTask(columns));
  ScratchLayout none;
  emitEntry(b, "embedding_grad", operandBufferTypes(kernel), none.type(b),
            [&](const EntryArguments &entry) {
              bindAll(b, {&*ids, &*dy}, entry);
              Value output = entry.operands.back();
              Value low = mulIndex(b, entry.begin, perTask);
              Value high = minIndex(b, mulIndex(b, entry.end, perTask), constantIndex(b, rows));
              if (init) {
                init->bind(b, entry.operands);
                // The accumulator may be the output itself; then there is nothing to copy.
                ifThen(
                    b, sameBuffer(b, init->buffer(), output), [] {},
                    [&] {
                      forLoop(b, low, high, 1, [&](Value row) {
                        emitCopy(b, lanes, init->buffer(), init->offset(b, {row}), init->stride(1),
                                 output, mulIndex(b, row, columns), columns);
                      });
                    });
              } else {
                Value zeros = splat(b, lanes, 0.0);
                forLoop(b, low, high, 1, [&](Value row) {
                  forVectors(b, lanes, columns, constantIndex(b, 0), constantIndex(b, columns),
                             [&](Value column, Value mask) {
                               storeVector(b, zeros, output,
                                           addIndex(b, mulIndex(b, row, columns), column), mask);
                             });
                });
              }
              forLoop(b, constantIndex(b, 0), constantIndex(b, tokens), 1, [&](Value token) {
                Value id = ids->loadIndex(b, ids->linearOffset(b, token, rank));
                // One comparison: as an unsigned number an id below low is large.
                Value mine = arith::CmpIOp::create(b, arith::CmpIPredicate::ult,
                                                   subIndex(b, id, low), subIndex(b, high, low));
                ifThen(b, mine, [&] {
                  Value line = mulIndex(b, id, columns), from = dy->linearOffset(b, token, rank);
                  forVectors(b, lanes, columns, constantIndex(b, 0), constantIndex(b, columns),
                             [&](Value column, Value mask) {
                               Value at = addIndex(b, line, column);
                               Value read =
                                   addIndex(b, from, mulIndex(b, column, dy->stride(rank)));
                               Value add = dy->stride(rank) == 1
                                               ? loadVector(b, lanes, dy->buffer(), read, mask)
                                               : gatherVector(b, lanes, dy->buffer(), read,
                                                              dy->stride(rank), mask);
                               Value sum = arith::AddFOp::create(
                                   b, loadVector(b, lanes, output, at, mask), add);
                               storeVector(b, sum, output, at, mask);
                             });
                });
              });
            });
  return module.finish("embedding_grad", (rows + perTask - 1) / perTask, /*scratchBytes=*/0,
                       static_cast<double>(tokens * columns));
}

SingleResult generateGatherRows(ir::KernelOp kernel, ir::GatherRowsOp op, const Target &target,
                                std::string *reason) {
  KernelModule module(kernel);
  ImplicitLocOpBuilder &b = module.builder();
  FailureOr<InputWindow> x = InputWindow::of(op.getX(), reason);
  FailureOr<InputWindow> index = InputWindow::of(op.getIndex(), reason);
  if (failed(x) || failed(index))
    return failure();
  int64_t batch = typeOf(op.getX()).getShape()[0], columns = typeOf(op.getX()).getShape()[2];
  ScratchLayout none;
  emitEntry(b, "gather_rows", operandBufferTypes(kernel), none.type(b),
            [&](const EntryArguments &entry) {
              bindAll(b, {&*x, &*index}, entry);
              forLoop(b, entry.begin, entry.end, 1, [&](Value row) {
                Value position = index->loadIndex(b, index->offset(b, {row}));
                emitCopy(b, target.lanes(), x->buffer(), x->offset(b, {row, position}),
                         x->stride(2), entry.operands.back(), mulIndex(b, row, columns), columns);
              });
            });
  return module.finish("gather_rows", batch, /*scratchBytes=*/0, /*flops=*/0);
}

} // namespace heddle::codegen
