// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/TransposeKernel.h"

#include "codegen/body/IterationSpace.h"
#include "codegen/cpu/KernelModule.h"
#include "codegen/cpu/Pack.h"
#include "ir/ViewChain.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

/// The copy as loops: tiles over `axis`, contiguous in the source, and the last axis, contiguous in
/// the output.
struct TransposedCopy {
  unsigned argument = 0;
  int64_t sourceOffset = 0;
  std::vector<int64_t> sizes, from, to; // by collapsed axis
  size_t axis = 0;

  int64_t rows() const { // of all axes but the two
    int64_t rows = 1;
    for (size_t i = 0; i + 1 < sizes.size(); ++i)
      rows *= i == axis ? 1 : sizes[i];
    return rows;
  }
};

std::optional<TransposedCopy> matchCopy(ir::KernelOp kernel, int64_t lanes) {
  Operation *yield = kernel.getBody().front().getTerminator();
  if (yield->getNumOperands() != 1)
    return std::nullopt;
  Value value = yield->getOperand(0);
  ir::ViewOfRoot source = ir::viewThroughChain(value);
  auto argument = dyn_cast<BlockArgument>(source.root);
  auto type = cast<RankedTensorType>(value.getType());
  if (!argument || type.getElementTypeBitWidth() != 32)
    return std::nullopt;
  IterationSpace space(type.getShape().vec());
  size_t from = space.add(source.view);
  size_t to = space.add(ir::StridedView::dense(type.getShape().vec()));
  space.collapse();
  // A row shorter than half a vector would leave most of a tile empty.
  if (space.innerStride(from) < 2 || space.inner() * 2 < lanes)
    return std::nullopt;
  TransposedCopy copy;
  copy.argument = argument.getArgNumber();
  copy.sourceOffset = space.offset(from);
  copy.sizes = space.sizes();
  copy.from = space.strides(from);
  copy.to = space.strides(to);
  for (copy.axis = 0; copy.axis + 1 < copy.sizes.size(); ++copy.axis)
    if (copy.from[copy.axis] == 1 && copy.sizes[copy.axis] * 2 >= lanes)
      return copy;
  return std::nullopt;
}

class TransposeWriter {
public:
  TransposeWriter(ImplicitLocOpBuilder &b, int64_t lanes, ir::KernelOp kernel, TransposedCopy copy)
      : b_(b), lanes_(lanes), operands_(operandBufferTypes(kernel)), copy_(std::move(copy)),
        height_(copy_.sizes[copy_.axis]), width_(copy_.sizes.back()),
        strips_((height_ + lanes - 1) / lanes) {}

  /// A task is a strip of `lanes` output rows.
  int64_t tasks() const { return copy_.rows() * strips_; }

  void write() {
    func::FuncOp whole = emitTile(/*whole=*/true), edge = emitTile(/*whole=*/false);
    ScratchLayout none;
    emitEntry(b_, "transpose", operands_, none.type(b_), [&](const EntryArguments &entry) {
      forLoop(b_, entry.begin, entry.end, 1, [&](Value task) {
        Value from, to;
        locate(divIndex(b_, task, strips_), from, to);
        Value first = mulIndex(b_, remIndex(b_, task, strips_), lanes_);
        Value rows = minIndex(b_, subIndex(b_, constantIndex(b_, height_), first),
                              constantIndex(b_, lanes_));
        from = addIndex(b_, from, first);
        to = addIndex(b_, to, mulIndex(b_, first, copy_.to[copy_.axis]));
        auto tile = [&](func::FuncOp function, Value column, Value columns) {
          call(b_, function,
               {entry.operands[copy_.argument], entry.operands.back(),
                addIndex(b_, from, mulIndex(b_, column, copy_.from.back())),
                addIndex(b_, to, column), rows, columns});
        };
        Value all = constantIndex(b_, lanes_),
              wholeEnd = constantIndex(b_, width_ / lanes_ * lanes_);
        auto strip = [&](func::FuncOp function) {
          forLoop(b_, constantIndex(b_, 0), wholeEnd, lanes_,
                  [&](Value column) { tile(function, column, all); });
        };
        ifThen(b_, equals(b_, rows, all), [&] { strip(whole); }, [&] { strip(edge); });
        if (width_ % lanes_ != 0)
          tile(edge, wholeEnd, constantIndex(b_, width_ % lanes_));
      });
    });
  }

private:
  /// Where the two axes of tiles start for this index over the other axes.
  void locate(Value index, Value &from, Value &to) {
    from = constantIndex(b_, copy_.sourceOffset);
    to = constantIndex(b_, 0);
    Value rest = index;
    for (size_t axis = copy_.sizes.size() - 1; axis-- > 0;) {
      if (axis == copy_.axis)
        continue;
      Value at = remIndex(b_, rest, copy_.sizes[axis]);
      rest = divIndex(b_, rest, copy_.sizes[axis]);
      from = addIndex(b_, from, mulIndex(b_, at, copy_.from[axis]));
      to = addIndex(b_, to, mulIndex(b_, at, copy_.to[axis]));
    }
  }

  /// (source, output, sourceOffset, outputOffset, rows, columns) -> (): one tile, or the part of it
  /// that lies inside.
  func::FuncOp emitTile(bool whole) {
    Type index = b_.getIndexType();
    SmallVector<Type> types = {
        operands_[copy_.argument], operands_.back(), index, index, index, index};
    return privateFunction(
        b_, whole ? "tile" : "tile_at_the_edge", types, [&](Block::BlockArgListType args) {
          Value last = subIndex(b_, args[5], constantIndex(b_, 1));
          Value rowMask = whole ? Value() : prefixMask(b_, lanes_, args[4]);
          SmallVector<Value> tile;
          for (int64_t column = 0; column < lanes_; ++column) {
            // Past the edge the last column again: its copy is not stored.
            Value at = constantIndex(b_, column);
            if (!whole)
              at = minIndex(b_, at, last);
            tile.push_back(loadVector(b_, lanes_, args[0],
                                      addIndex(b_, args[2], mulIndex(b_, at, copy_.from.back())),
                                      rowMask));
          }
          tile = emitTranspose(b_, lanes_, tile);
          for (int64_t row = 0; row < lanes_; ++row) {
            Value mask;
            if (!whole) {
              Value inside = lessThan(b_, constantIndex(b_, row), args[4]);
              mask = prefixMask(
                  b_, lanes_,
                  Value(arith::SelectOp::create(b_, inside, args[5], constantIndex(b_, 0))));
            }
            storeVector(b_, tile[row], args[1], addIndex(b_, args[3], row * copy_.to[copy_.axis]),
                        mask);
          }
        });
  }

  ImplicitLocOpBuilder &b_;
  int64_t lanes_;
  SmallVector<Type> operands_;
  TransposedCopy copy_;
  int64_t height_, width_, strips_;
};

} // namespace

std::optional<GeneratedKernel> generateTranspose(ir::KernelOp kernel, const Target &target) {
  std::optional<TransposedCopy> copy = matchCopy(kernel, target.lanes());
  if (!copy)
    return std::nullopt;
  KernelModule module(kernel);
  TransposeWriter writer(module.builder(), target.lanes(), kernel, std::move(*copy));
  writer.write();
  return module.finish("transpose", writer.tasks(), /*scratchBytes=*/0, /*flops=*/0);
}

} // namespace heddle::codegen
