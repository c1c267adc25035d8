// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/MicroKernel.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace heddle::codegen {

SmallVector<Value> emitTileLoop(ImplicitLocOpBuilder &b, const Target &target, RegisterTile tile,
                                const TileA &a, const TileB &bSide, Value depth,
                                ValueRange initial) {
  int64_t lanes = target.lanes();
  SmallVector<Value> accumulators(initial.begin(), initial.end());
  if (accumulators.empty())
    accumulators.assign(tile.rows * tile.vectors, splat(b, lanes, 0.0));
  SmallVector<Value> rowOffsets;
  for (int row = 0; row < tile.rows; ++row)
    rowOffsets.push_back(addIndex(b, a.offset, row * a.rowStride));
  Value tailMask = bSide.tailLanes ? prefixMask(b, lanes, bSide.tailLanes) : Value();

  return forLoop(b, constantIndex(b, 0), depth, 1, accumulators, [&](Value k, ValueRange carried) {
    SmallVector<Value> next(carried.begin(), carried.end());
    Value bOffset = addIndex(b, bSide.offset, mulIndex(b, k, bSide.kStride));
    SmallVector<Value> columns;
    for (int v = 0; v < tile.vectors; ++v)
      columns.push_back(loadVector(b, lanes, bSide.buffer, addIndex(b, bOffset, v * lanes),
                                   v + 1 == tile.vectors ? tailMask : Value()));
    if (bSide.prefetchRows) {
      Value ahead = addIndex(b, bOffset, bSide.prefetchRows * bSide.kStride);
      for (int64_t column = 0; column < tile.vectors * lanes; column += 16)
        prefetch(b, bSide.buffer, addIndex(b, ahead, column), 2);
    }
    Value kOffset = mulIndex(b, k, a.kStride);
    for (int row = 0; row < tile.rows; ++row) {
      Value element = loadScalar(b, a.buffer, addIndex(b, rowOffsets[row], kOffset));
      Value factor = broadcast(b, lanes, element);
      for (int v = 0; v < tile.vectors; ++v) {
        Value &sum = next[row * tile.vectors + v];
        sum = multiplyAdd(b, target.hasFma(), factor, columns[v], sum);
      }
    }
    return next;
  });
}

func::FuncOp emitMicroKernel(ImplicitLocOpBuilder &b, const Target &target,
                             const MicroKernelSpec &spec) {
  int64_t lanes = target.lanes();
  Type index = b.getIndexType();
  return privateFunction(
      b, spec.name, TypeRange{spec.a, spec.b, spec.c, index, index, index, index},
      [&](Block::BlockArgListType args) {
        Value tailMask = spec.cTailLanes ? prefixMask(b, lanes, spec.cTailLanes) : Value();
        auto forEachVector = [&](auto &&visit) {
          for (int row = 0; row < spec.tile.rows; ++row)
            for (int v = 0; v < spec.tile.vectors; ++v)
              visit(row * spec.tile.vectors + v,
                    addIndex(b, args[5], row * spec.cRowStride + v * lanes),
                    v + 1 == spec.tile.vectors ? tailMask : Value());
        };
        SmallVector<Value> initial;
        if (spec.accumulate)
          forEachVector([&](int, Value offset, Value mask) {
            initial.push_back(loadVector(b, lanes, args[2], offset, mask));
          });
        SmallVector<Value> sums =
            emitTileLoop(b, target, spec.tile, {args[0], args[3], spec.aRowStride, spec.aKStride},
                         {args[1], args[4], spec.bKStride, spec.bTailLanes, spec.prefetchRows},
                         args[6], initial);
        forEachVector([&](int i, Value offset, Value mask) {
          storeVector(b, sums[i], args[2], offset, mask);
        });
      });
}

func::FuncOp emitDotKernel(ImplicitLocOpBuilder &b, const Target &target,
                           const DotKernelSpec &spec) {
  int64_t lanes = target.lanes();
  Type index = b.getIndexType();
  return privateFunction(
      b, spec.name, TypeRange{spec.a, spec.b, spec.c, index, index, index, index},
      [&](Block::BlockArgListType args) {
        SmallVector<Value> columnOffsets;
        Value last = constantIndex(b, spec.lastColumn);
        for (int column = 0; column < spec.columns; ++column) {
          Value inside = minIndex(b, addIndex(b, args[6], column), last);
          columnOffsets.push_back(addIndex(b, args[4], mulIndex(b, inside, spec.bRowStride)));
        }
        auto step = [&](Value k, ValueRange carried, Value mask) {
          SmallVector<Value> next(carried.begin(), carried.end()), columns;
          for (Value offset : columnOffsets) {
            Value place = addIndex(b, offset, k);
            columns.push_back(loadVector(b, lanes, args[1], place, mask));
            if (spec.prefetch)
              prefetch(b, args[1], addIndex(b, place, spec.columns * spec.bRowStride), 2);
          }
          for (int row = 0; row < spec.rows; ++row) {
            Value offset = addIndex(b, addIndex(b, args[3], row * spec.aRowStride), k);
            Value factor = loadVector(b, lanes, args[0], offset, mask);
            for (int column = 0; column < spec.columns; ++column) {
              Value &sum = next[row * spec.columns + column];
              sum = multiplyAdd(b, target.hasFma(), factor, columns[column], sum);
            }
          }
          return next;
        };
        int64_t whole = spec.depth / lanes * lanes;
        SmallVector<Value> sums(spec.rows * spec.columns, splat(b, lanes, 0.0));
        sums = forLoop(b, constantIndex(b, 0), constantIndex(b, whole), lanes, sums,
                       [&](Value k, ValueRange carried) { return step(k, carried, {}); });
        if (whole < spec.depth)
          sums = step(constantIndex(b, whole), sums, prefixMask(b, lanes, spec.depth - whole));
        // Through memory and a loop: written out, the horizontal sums would be most of the code.
        int count = spec.rows * spec.columns;
        auto staging = memref::AllocaOp::create(b, MemRefType::get({count * lanes}, b.getF32Type()),
                                                b.getI64IntegerAttr(64));
        for (int i = 0; i < count; ++i)
          storeVector(b, sums[i], staging, constantIndex(b, i * lanes));
        forLoop(b, constantIndex(b, 0), constantIndex(b, spec.rows), 1, [&](Value row) {
          forLoop(b, constantIndex(b, 0), constantIndex(b, spec.columns), 1, [&](Value column) {
            Value i = addIndex(b, mulIndex(b, row, spec.columns), column);
            Value sum = sumOfLanes(b, loadVector(b, lanes, staging, mulIndex(b, i, lanes)));
            Value to = addIndex(b, args[5], mulIndex(b, row, spec.cRowStride));
            storeScalar(b, sum, args[2], addIndex(b, to, column));
          });
        });
      });
}

} // namespace heddle::codegen
