// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/AttentionParts.h"

#include "codegen/cpu/Dropout.h"
#include "codegen/cpu/MathEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

Value toI32(ImplicitLocOpBuilder &b, Value index) {
  return arith::IndexCastOp::create(b, b.getI32Type(), index);
}

Value ceilDivIndex(ImplicitLocOpBuilder &b, Value x, int64_t y) {
  return divIndex(b, addIndex(b, x, y - 1), y);
}

} // namespace

int64_t roundUp(int64_t x, int64_t multiple) { return (x + multiple - 1) / multiple * multiple; }

func::FuncOp emitBlockProduct(ImplicitLocOpBuilder &b, const Target &target,
                              const BlockProductSpec &spec) {
  int64_t lanes = target.lanes();
  Type index = b.getIndexType();
  auto tileColumns = [&](Block::BlockArgListType args, Value panel, int vectors,
                         int64_t tailLanes) {
    Value bOffset = addIndex(b, args[4], mulIndex(b, panel, spec.bPanelStride));
    Value cColumn = addIndex(b, args[5], mulIndex(b, panel, spec.tile.vectors * lanes));
    forLoop(b, constantIndex(b, 0), constantIndex(b, spec.rowTiles), 1, [&](Value rowTile) {
      Value firstRow = mulIndex(b, rowTile, spec.tile.rows);
      Value cOffset = addIndex(b, cColumn, mulIndex(b, firstRow, spec.cRowStride));
      Value aOffset = addIndex(b, args[3], mulIndex(b, firstRow, spec.aRowStride));
      auto place = [&](int row, int v) {
        return addIndex(b, cOffset, row * spec.cRowStride + v * lanes);
      };
      RegisterTile tile{spec.tile.rows, vectors};
      SmallVector<Value> initial;
      for (int i = 0; spec.accumulate && i < tile.rows * vectors; ++i)
        initial.push_back(loadVector(b, lanes, args[2], place(i / vectors, i % vectors)));
      SmallVector<Value> sums =
          emitTileLoop(b, target, tile, {args[0], aOffset, spec.aRowStride, spec.aKStride},
                       {args[1], bOffset, spec.bKStride, tailLanes}, args[6], initial);
      for (int i = 0; i < tile.rows * vectors; ++i)
        storeVector(b, sums[i], args[2], place(i / vectors, i % vectors));
    });
  };
  return privateFunction(
      b, spec.name, TypeRange{spec.a, spec.b, spec.c, index, index, index, index},
      [&](Block::BlockArgListType args) {
        // The last panel is written out on its own when it is narrower or has a tail.
        int64_t panels = (spec.vectors + spec.tile.vectors - 1) / spec.tile.vectors;
        int64_t whole = spec.bTailLanes || spec.vectors % spec.tile.vectors ? panels - 1 : panels;
        forLoop(b, constantIndex(b, 0), constantIndex(b, whole), 1,
                [&](Value panel) { tileColumns(args, panel, spec.tile.vectors, 0); });
        if (whole < panels)
          tileColumns(args, constantIndex(b, whole),
                      static_cast<int>(spec.vectors - whole * spec.tile.vectors), spec.bTailLanes);
      });
}

Value groupOffset(ImplicitLocOpBuilder &b, const AttentionProblem &problem, const HeadsView &view,
                  GroupPlace place, bool perHead) {
  int64_t heads = perHead ? problem.headsPerGroup() : 1;
  Value offset = addIndex(b, mulIndex(b, place.batch, view.batch), view.offset);
  return addIndex(b, offset, mulIndex(b, place.group, heads * view.head));
}

Value rowOffset(ImplicitLocOpBuilder &b, const AttentionProblem &problem, const HeadsView &view,
                Value row) {
  if (problem.headsPerGroup() == 1)
    return mulIndex(b, row, view.row);
  Value head = divIndex(b, row, problem.queries), query = remIndex(b, row, problem.queries);
  return addIndex(b, mulIndex(b, head, view.head), mulIndex(b, query, view.row));
}

Value queryOf(ImplicitLocOpBuilder &b, const AttentionProblem &problem, Value row) {
  return problem.headsPerGroup() == 1 ? row : remIndex(b, row, problem.queries);
}

KeyRange visibleKeys(ImplicitLocOpBuilder &b, const AttentionProblem &problem, Value query,
                     Value length) {
  int64_t shift = problem.keys - problem.queries;
  Value low = constantIndex(b, 0), high = constantIndex(b, problem.keys);
  if (problem.causal)
    high = minIndex(b, high, addIndex(b, query, shift + 1));
  if (length)
    high = minIndex(b, high, length);
  if (problem.window)
    low = maxIndex(b, low, addIndex(b, query, shift + 1 - *problem.window));
  return {low, high};
}

PanelRange visiblePanels(ImplicitLocOpBuilder &b, const AttentionProblem &problem, Value firstQuery,
                         Value lastQuery, Value length, int64_t width) {
  // Both ends of the visible range grow with the query.
  KeyRange first = visibleKeys(b, problem, firstQuery, length);
  KeyRange last = visibleKeys(b, problem, lastQuery, length);
  Value zero = constantIndex(b, 0);
  PanelRange panels;
  panels.low = divIndex(b, first.low, width);
  panels.high = maxIndex(b, panels.low, ceilDivIndex(b, maxIndex(b, last.high, zero), width));
  panels.end = maxIndex(b, mulIndex(b, panels.low, width), last.high);
  auto inside = [&](Value x) { return maxIndex(b, panels.low, minIndex(b, x, panels.high)); };
  panels.fullLow = inside(ceilDivIndex(b, last.low, width));
  panels.fullHigh =
      maxIndex(b, panels.fullLow, inside(divIndex(b, maxIndex(b, first.high, zero), width)));
  if (problem.everyScoreNeedsCare())
    panels.fullHigh = panels.fullLow = panels.low;
  return panels;
}

Value loadLength(ImplicitLocOpBuilder &b, const AttentionProblem &problem, ArrayRef<Value> operands,
                 Value batch) {
  if (!problem.lengths)
    return {};
  return arith::IndexCastOp::create(b, b.getIndexType(),
                                    loadScalar(b, operands[*problem.lengths], batch));
}

Value biasAndCap(ImplicitLocOpBuilder &b, const Target &target, const AttentionProblem &problem,
                 ArrayRef<Value> operands, const ScoreVector &vector, Value *derivative) {
  int64_t lanes = target.lanes();
  Value scores = vector.scores;
  if (problem.bias) {
    Value buffer = operands[problem.bias->operand];
    Value offset = addIndex(b, vector.biasOffset, rowOffset(b, problem, *problem.bias, vector.row));
    Value bias;
    if (problem.bias->column == 0) {
      bias = broadcast(b, lanes, loadScalar(b, buffer, offset));
    } else {
      Value left = subIndex(b, constantIndex(b, problem.keys), vector.key);
      bias =
          loadVector(b, lanes, buffer, addIndex(b, offset, vector.key), prefixMask(b, lanes, left));
    }
    scores = arith::AddFOp::create(b, scores, bias);
  }
  if (problem.softCap != 0) {
    MathEmitter math(b, lanes, target.hasFma());
    Value bent = math.tanh(math.mul(scores, math.constant(1 / problem.softCap)));
    scores = math.mul(bent, math.constant(problem.softCap));
    if (derivative)
      *derivative = math.sub(math.constant(1), math.mul(bent, bent));
  }
  return scores;
}

Value visibleLanes(ImplicitLocOpBuilder &b, const Target &target, const AttentionProblem &problem,
                   ArrayRef<Value> operands, const ScoreVector &vector) {
  int64_t lanes = target.lanes();
  KeyRange range = visibleKeys(b, problem, queryOf(b, problem, vector.row), vector.length);
  auto type = VectorType::get({lanes}, b.getI32Type());
  SmallVector<int32_t> numbers(lanes);
  for (int64_t i = 0; i < lanes; ++i)
    numbers[i] = static_cast<int32_t>(i);
  Value iota =
      arith::ConstantOp::create(b, DenseElementsAttr::get(type, ArrayRef<int32_t>(numbers)));
  Value high = broadcast(b, lanes, toI32(b, subIndex(b, range.high, vector.key)));
  Value visible = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, iota, high);
  if (problem.window) {
    Value low = broadcast(b, lanes, toI32(b, subIndex(b, range.low, vector.key)));
    visible = arith::AndIOp::create(b, visible,
                                    arith::CmpIOp::create(b, arith::CmpIPredicate::sge, iota, low));
  }
  if (problem.keyMask) {
    Value left = subIndex(b, constantIndex(b, problem.keys), vector.key);
    Value offset = addIndex(b, mulIndex(b, vector.batch, problem.keys), vector.key);
    Value words =
        loadVector(b, lanes, operands[*problem.keyMask], offset, prefixMask(b, lanes, left));
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(words.getType()));
    visible = arith::AndIOp::create(
        b, visible, arith::CmpIOp::create(b, arith::CmpIPredicate::ne, words, zero));
  }
  return visible;
}

Value keptLanes(ImplicitLocOpBuilder &b, const Target &target, const AttentionProblem &problem,
                ArrayRef<Value> operands, GroupPlace place, Value row, Value key) {
  // The logical tensor is [B, H, T, S]: the rows of a group stand one after the other.
  Value group = addIndex(b, mulIndex(b, place.batch, problem.groups), place.group);
  Value line = addIndex(b, mulIndex(b, group, problem.rowsPerGroup()), row);
  Value first = addIndex(b, mulIndex(b, line, problem.keys), key);
  RngWords rng = loadRngWords(b, operands[*problem.rng]);
  return emitDropoutKeep(b, emitElementNumbers(b, target.lanes(), first, 1), rng, problem.dropout,
                         problem.rngId);
}

} // namespace heddle::codegen
