// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/Pack.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

constexpr int64_t kPrefetchRows = 16;

TypeRange packArguments(SmallVector<Type> &storage, ImplicitLocOpBuilder &b, MemRefType source,
                        MemRefType destination) {
  Type index = b.getIndexType();
  storage = {source, destination, index, index, index};
  return storage;
}

func::FuncOp emitCopyPanel(ImplicitLocOpBuilder &b, const Target &target, const PanelSpec &spec) {
  SmallVector<Type> types;
  int64_t lanes = target.lanes();
  return privateFunction(
      b, spec.name, packArguments(types, b, spec.source, spec.panel),
      [&](Block::BlockArgListType args) {
        forLoop(b, constantIndex(b, 0), args[4], 1, [&](Value k) {
          Value from = addIndex(b, args[2], mulIndex(b, k, spec.kStride));
          Value to = addIndex(b, args[3], mulIndex(b, k, spec.width));
          // Rows lie far apart: the hardware does not follow from one to the next.
          for (int64_t column = 0; column < spec.columns; column += 16)
            prefetch(b, args[0], addIndex(b, from, kPrefetchRows * spec.kStride + column));
          for (int64_t column = 0; column < spec.columns; column += lanes) {
            Value mask = prefixMask(b, lanes, spec.columns - column);
            storeVector(b, loadVector(b, lanes, args[0], addIndex(b, from, column), mask), args[1],
                        addIndex(b, to, column));
          }
        });
      });
}

/// for (column = low; column < high) for (k = kLow; k < kHigh): one element.
void emitScalarCopy(ImplicitLocOpBuilder &b, const PanelSpec &spec, Block::BlockArgListType args,
                    Value low, Value high, Value kLow, Value kHigh) {
  forLoop(b, low, high, 1, [&](Value column) {
    Value from = addIndex(b, args[2], mulIndex(b, column, spec.columnStride));
    Value to = addIndex(b, args[3], column);
    forLoop(b, kLow, kHigh, 1, [&](Value k) {
      Value element = loadScalar(b, args[0], addIndex(b, from, mulIndex(b, k, spec.kStride)));
      storeScalar(b, element, args[1], addIndex(b, to, mulIndex(b, k, spec.width)));
    });
  });
}

func::FuncOp emitTransposePanel(ImplicitLocOpBuilder &b, const Target &target,
                                const PanelSpec &spec) {
  SmallVector<Type> types;
  int64_t lanes = target.lanes();
  return privateFunction(
      b, spec.name, packArguments(types, b, spec.source, spec.panel),
      [&](Block::BlockArgListType args) {
        Value zero = constantIndex(b, 0);
        Value wholeColumns = constantIndex(b, spec.columns / lanes * lanes);
        Value columns = constantIndex(b, spec.columns);
        Value wholeDepth = mulIndex(b, divIndex(b, args[4], lanes), lanes);
        forLoop(b, zero, wholeColumns, lanes, [&](Value column) {
          Value from = addIndex(b, args[2], mulIndex(b, column, spec.columnStride));
          Value to = addIndex(b, args[3], column);
          forLoop(b, zero, wholeDepth, lanes, [&](Value k) {
            SmallVector<Value> rows;
            Value corner = addIndex(b, from, k);
            for (int64_t i = 0; i < lanes; ++i)
              rows.push_back(
                  loadVector(b, lanes, args[0], addIndex(b, corner, i * spec.columnStride)));
            rows = emitTranspose(b, lanes, rows);
            Value line = addIndex(b, to, mulIndex(b, k, spec.width));
            for (int64_t i = 0; i < lanes; ++i)
              storeVector(b, rows[i], args[1], addIndex(b, line, i * spec.width));
          });
        });
        emitScalarCopy(b, spec, args, zero, wholeColumns, wholeDepth, args[4]);
        emitScalarCopy(b, spec, args, wholeColumns, columns, zero, args[4]);
      });
}

} // namespace

SmallVector<Value> emitTranspose(ImplicitLocOpBuilder &b, int64_t lanes, SmallVector<Value> rows) {
  // log2(lanes) rounds of perfect shuffles: row i is interleaved with row i + lanes/2.
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < lanes / 2; ++i) {
    low.append({i, lanes + i});
    high.append({lanes / 2 + i, lanes + lanes / 2 + i});
  }
  for (int64_t round = 1; round < lanes; round *= 2) {
    SmallVector<Value> next;
    for (int64_t i = 0; i < lanes / 2; ++i) {
      next.push_back(vector::ShuffleOp::create(b, rows[i], rows[i + lanes / 2], low));
      next.push_back(vector::ShuffleOp::create(b, rows[i], rows[i + lanes / 2], high));
    }
    rows = std::move(next);
  }
  return rows;
}

func::FuncOp emitPackPanel(ImplicitLocOpBuilder &b, const Target &target, const PanelSpec &spec) {
  if (spec.columnStride == 1)
    return emitCopyPanel(b, target, spec);
  if (spec.kStride == 1)
    return emitTransposePanel(b, target, spec);
  SmallVector<Type> types;
  return privateFunction(b, spec.name, packArguments(types, b, spec.source, spec.panel),
                         [&](Block::BlockArgListType args) {
                           emitScalarCopy(b, spec, args, constantIndex(b, 0),
                                          constantIndex(b, spec.columns), constantIndex(b, 0),
                                          args[4]);
                         });
}

func::FuncOp emitPackRowTile(ImplicitLocOpBuilder &b, const RowTileSpec &spec) {
  SmallVector<Type> types;
  return privateFunction(b, spec.name, packArguments(types, b, spec.source, spec.packed),
                         [&](Block::BlockArgListType args) {
                           Value mask = prefixMask(b, spec.width, spec.rows);
                           forLoop(b, constantIndex(b, 0), args[4], 1, [&](Value k) {
                             Value from = addIndex(b, args[2], mulIndex(b, k, spec.kStride));
                             storeVector(b, loadVector(b, spec.width, args[0], from, mask), args[1],
                                         addIndex(b, args[3], mulIndex(b, k, spec.width)));
                           });
                         });
}

} // namespace heddle::codegen
