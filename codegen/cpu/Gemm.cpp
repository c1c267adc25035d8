// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/Gemm.h"

#include "codegen/cpu/GemmParts.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

constexpr int64_t kPackSlice = 16; // k per visit of a tile when A is packed

/// Writes the entry of a gemm kernel: the loops over tasks, panels, tiles and passes.
class GemmWriter : public GemmParts {
public:
  using GemmParts::GemmParts;

  LogicalResult write(std::string *reason) {
    if (failed(emitFunctions(reason)))
      return failure();
    emitEntry(b_, "gemm", operands_, scratch_.type(b_), [&](const EntryArguments &arguments) {
      arguments_ = &arguments;
      emitTasks();
    });
    return success();
  }

private:
  /// Where a task works; offsets are those of its batch in the operands.
  struct Place {
    Value aOffset, bOffset, batchRow;
    Value panel, tile, firstTile;
  };

  /// Runs `emit` for the variants that the place may be, under conditions where there are several.
  void dispatchTail(Value panel, const std::function<void(bool)> &emit) {
    if (!hasTail() || blocking_.panels == 1)
      return emit(hasTail());
    ifThen(
        b_, equals(b_, panel, constantIndex(b_, blocking_.panels - 1)), [&] { emit(true); },
        [&] { emit(false); });
  }
  void dispatchLong(Value tile, const std::function<void(bool)> &emit) {
    if (!blocking_.longTiles)
      return emit(false);
    ifThen(
        b_, lessThan(b_, tile, constantIndex(b_, blocking_.longTiles)), [&] { emit(true); },
        [&] { emit(false); });
  }

  Value firstRowOf(Value tile) {
    Value row = mulIndex(b_, tile, blocking_.tileRows);
    return blocking_.longTiles
               ? addIndex(b_, row, minIndex(b_, tile, constantIndex(b_, blocking_.longTiles)))
               : row;
  }

  Value columnOf(Value panel) { return mulIndex(b_, panel, blocking_.panelWidth); }
  Value columnsOf(Value panel) {
    Value width = constantIndex(b_, blocking_.panelWidth);
    return minIndex(b_, width, subIndex(b_, constantIndex(b_, problem_.n), columnOf(panel)));
  }
  Value operandA() { return arguments_->operands[problem_.a.argument]; }
  Value operandB() { return arguments_->operands[problem_.b.argument]; }
  Value region(int64_t offset) { return constantIndex(b_, offset); }

  void emitTasks() {
    if (blocking_.streamed())
      return emitStreamed();
    // What a packed region holds is remembered from task to task, so that neighbouring tasks of one
    // thread pack once. -1: nothing yet.
    forLoop(b_, arguments_->begin, arguments_->end, 1, ValueRange{constantIndex(b_, -1)},
            [&](Value task, ValueRange packed) {
              Value held;
              Place place;
              Value batch, block, group;
              if (packsA()) { // groups of panels innermost
                group = remIndex(b_, task, blocking_.panelGroups());
                held = divIndex(b_, task, blocking_.panelGroups());
                block = remIndex(b_, held, blocking_.blocks);
                batch = divIndex(b_, held, blocking_.blocks);
              } else { // blocks of rows innermost
                block = remIndex(b_, task, blocking_.blocks);
                held = divIndex(b_, task, blocking_.blocks);
                group = remIndex(b_, held, blocking_.panelGroups());
                batch = divIndex(b_, held, blocking_.panelGroups());
              }
              locateBatch(place, batch);
              Value low = mulIndex(b_, block, blocking_.tilesPerBlock);
              Value high = minIndex(b_, addIndex(b_, low, blocking_.tilesPerBlock),
                                    constantIndex(b_, blocking_.tiles));
              place.firstTile = low;
              emitTask(place, group, low, high, held, packed[0]);
              return SmallVector<Value>{held};
            });
  }

  void locateBatch(Place &place, Value batch) {
    place.aOffset = constantIndex(b_, problem_.a.offset);
    place.bOffset = constantIndex(b_, problem_.b.offset);
    place.batchRow = mulIndex(b_, batch, problem_.m);
    Value rest = batch;
    for (const GemmProblem::BatchAxis &axis : llvm::reverse(problem_.batchAxes)) {
      bool outermost = &axis == &problem_.batchAxes.front();
      Value index = outermost ? rest : remIndex(b_, rest, axis.size);
      place.aOffset = addIndex(b_, place.aOffset, mulIndex(b_, index, axis.aStride));
      place.bOffset = addIndex(b_, place.bOffset, mulIndex(b_, index, axis.bStride));
      if (!outermost)
        rest = divIndex(b_, rest, axis.size);
    }
  }

  void emitTask(Place place, Value group, Value low, Value high, Value held, Value packed) {
    auto unlessHeld = [&](auto &&pack) {
      Value same = equals(b_, held, packed);
      ifThen(b_, same, [] {}, pack);
    };
    switch (blocking_.mode) {
    case GemmMode::PackB:
      if (inPasses_)
        return emitPasses(place, group, low, high);
      place.panel = group;
      unlessHeld([&] {
        emitPanelPack(place, constantIndex(b_, 0), constantIndex(b_, problem_.k), region(panel_));
      });
      return emitTiles(place, low, high);
    case GemmMode::DirectB:
      place.panel = group;
      return emitTiles(place, low, high);
    case GemmMode::PackA:
      unlessHeld([&] { emitRowsPack(place, low, high); });
      return forEachPanel(group, [&](Value panel, Value) {
        place.panel = panel;
        emitTiles(place, low, high);
      });
    case GemmMode::Dot:
      place.panel = group;
      return emitDots(place, low, high);
    }
  }

  /// body(panel, its number in the group)
  void forEachPanel(Value group, const std::function<void(Value, Value)> &body) {
    Value first = mulIndex(b_, group, blocking_.panelsPerTask);
    Value last = minIndex(b_, addIndex(b_, first, blocking_.panelsPerTask),
                          constantIndex(b_, blocking_.panels));
    forLoop(b_, first, last, 1, [&](Value panel) { body(panel, subIndex(b_, panel, first)); });
  }

  /// Rows [k, k + depth) of the panel into scratch.
  void emitPanelPack(const Place &place, Value k, Value depth, Value to) {
    Value from =
        addIndex(b_, place.bOffset, mulIndex(b_, columnOf(place.panel), problem_.b.otherStride));
    from = addIndex(b_, from, mulIndex(b_, k, problem_.b.kStride));
    dispatchTail(place.panel, [&](bool tail) {
      call(b_, packPanel_[tail], {operandB(), arguments_->scratch, from, to, depth});
    });
  }

  Value packedTile(const Place &place, Value tile) {
    Value index = subIndex(b_, tile, place.firstTile);
    return addIndex(b_, mulIndex(b_, index, packedRows() * problem_.k), rows_);
  }

  /// In slices of k, so that neighbouring tiles find the lines and pages of A still at hand.
  void emitRowsPack(const Place &place, Value low, Value high) {
    Value depth = constantIndex(b_, problem_.k);
    forLoop(b_, constantIndex(b_, 0), depth, kPackSlice, [&](Value k) {
      Value part = minIndex(b_, constantIndex(b_, kPackSlice), subIndex(b_, depth, k));
      Value fromK = addIndex(b_, place.aOffset, mulIndex(b_, k, problem_.a.kStride));
      forLoop(b_, low, high, 1, [&](Value tile) {
        Value from = addIndex(b_, fromK, mulIndex(b_, firstRowOf(tile), problem_.a.otherStride));
        Value to = addIndex(b_, packedTile(place, tile), mulIndex(b_, k, packedRows()));
        dispatchLong(tile, [&](bool longTile) {
          call(b_, packRows_[longTile], {operandA(), arguments_->scratch, from, to, part});
        });
      });
    });
  }

  /// One pass of the micro-kernel over a tile: k from `k` on, packed B at `packed`, sums at `sums`.
  void emitTilePass(const Place &place, Value tile, Value k, Value depth, Value packed,
                    Value sums) {
    Value row = firstRowOf(tile), aOffset, bOffset;
    if (packsA())
      aOffset = packedTile(place, tile);
    else
      aOffset = addIndex(b_, addIndex(b_, place.aOffset, mulIndex(b_, row, problem_.a.otherStride)),
                         mulIndex(b_, k, problem_.a.kStride));
    bOffset = packsB() ? packed
                       : addIndex(b_, addIndex(b_, place.bOffset, columnOf(place.panel)),
                                  mulIndex(b_, k, problem_.b.kStride));
    Value a = packsA() ? arguments_->scratch : operandA();
    Value b = packsB() ? arguments_->scratch : operandB();
    Value c = direct_ ? arguments_->operands.back() : arguments_->scratch;
    dispatchTail(place.panel, [&](bool tail) {
      dispatchLong(tile, [&](bool longTile) {
        call(b_, kernels_[longTile][tail], {a, b, c, aOffset, bOffset, sums, depth});
      });
    });
  }

  void emitEpilogueCall(const Place &place, Value sums, Value firstRow, Value rows) {
    SmallVector<Value> arguments(arguments_->operands);
    arguments.append({arguments_->scratch, sums, addIndex(b_, place.batchRow, firstRow), rows,
                      columnOf(place.panel), columnsOf(place.panel)});
    call(b_, epilogue_, arguments);
  }

  Value rowsBetween(Value low, Value high) {
    return subIndex(b_, firstRowOf(high), firstRowOf(low));
  }

  void emitTiles(const Place &place, Value low, Value high) {
    Value zero = constantIndex(b_, 0), depth = constantIndex(b_, problem_.k);
    forLoop(b_, low, high, 1, [&](Value tile) {
      Value row = firstRowOf(tile);
      if (direct_) {
        Value line = mulIndex(b_, addIndex(b_, place.batchRow, row), problem_.n);
        emitTilePass(place, tile, zero, depth, region(panel_),
                     addIndex(b_, line, columnOf(place.panel)));
        return;
      }
      Value rows = rowsBetween(tile, addIndex(b_, tile, 1));
      prefetchEpilogue(place, row, rows);
      emitTilePass(place, tile, zero, depth, region(panel_), region(sums_));
      emitEpilogueCall(place, region(sums_), row, rows);
    });
  }

  Value sumsOf(Value low, Value tile) {
    return addIndex(b_, mulIndex(b_, rowsBetween(low, tile), sumsWidth_), sums_);
  }

  /// What the epilogue will read of full-shape inputs, so that it arrives while the tile computes.
  void prefetchEpilogue(const Place &place, Value firstRow, Value rows) {
    int64_t elements = problem_.batch() * problem_.m * problem_.n;
    for (unsigned i = 0; i < kernel_.getNumOperands(); ++i) {
      auto type = cast<MemRefType>(operands_[i]);
      if (i == problem_.a.argument || i == problem_.b.argument || !type.getElementType().isF32() ||
          type.getNumElements() != elements)
        continue;
      Value first = addIndex(b_, mulIndex(b_, addIndex(b_, place.batchRow, firstRow), problem_.n),
                             columnOf(place.panel));
      forLoop(b_, constantIndex(b_, 0), rows, 1, [&](Value row) {
        Value line = addIndex(b_, first, mulIndex(b_, row, problem_.n));
        for (int64_t column = 0; column < blocking_.panelWidth; column += 16)
          prefetch(b_, arguments_->operands[i], addIndex(b_, line, column));
      });
    }
  }

  /// A tile's share of the rows of B that the next pass, from `k` on, will pack: packing would wait
  /// for memory, multiplying does not.
  void prefetchNextPass(const Place &place, Value group, Value k, Value tile) {
    if (problem_.b.otherStride != 1)
      return;
    int64_t share = (blocking_.depthBlock + blocking_.tilesPerBlock - 1) / blocking_.tilesPerBlock;
    int64_t width = blocking_.panelsPerTask * blocking_.panelWidth;
    Value first = addIndex(b_, place.bOffset, mulIndex(b_, group, width));
    Value low = addIndex(b_, k, mulIndex(b_, tile, share));
    Value end = minIndex(b_, addIndex(b_, low, share), constantIndex(b_, problem_.k));
    forLoop(b_, low, end, 1, [&](Value row) {
      Value line = addIndex(b_, first, mulIndex(b_, row, problem_.b.kStride));
      for (int64_t column = 0; column < width; column += 16)
        prefetch(b_, operandB(), addIndex(b_, line, column), 2);
    });
  }

  /// k in passes: the sums of the block's rows stay in scratch until the last, panel after panel.
  void emitPasses(Place place, Value group, Value low, Value high) {
    int64_t lanes = target_.lanes();
    Value zero = constantIndex(b_, 0), depth = constantIndex(b_, problem_.k);
    Value rows = rowsBetween(low, high);
    int64_t panelSums = blocking_.tilesPerBlock * blocking_.maxTileRows() * sumsWidth_;
    auto sumsOfPanel = [&](Value number) { return mulIndex(b_, number, panelSums); };
    forLoop(b_, zero, constantIndex(b_, blocking_.panelsPerTask * panelSums), lanes, [&](Value i) {
      storeVector(b_, splat(b_, lanes, 0.0), arguments_->scratch, addIndex(b_, i, sums_));
    });
    forLoop(b_, zero, depth, blocking_.depthBlock, [&](Value k) {
      Value part = minIndex(b_, constantIndex(b_, blocking_.depthBlock), subIndex(b_, depth, k));
      auto packed = [&](Value number) {
        return addIndex(b_, mulIndex(b_, number, packedPanel()), panel_);
      };
      forEachPanel(group, [&](Value panel, Value number) {
        place.panel = panel;
        emitPanelPack(place, k, part, packed(number));
      });
      forLoop(b_, low, high, 1, [&](Value tile) {
        prefetchNextPass(place, group, addIndex(b_, k, blocking_.depthBlock),
                         subIndex(b_, tile, low));
        forEachPanel(group, [&](Value panel, Value number) {
          place.panel = panel;
          Value sums = addIndex(b_, sumsOf(low, tile), sumsOfPanel(number));
          emitTilePass(place, tile, k, part, packed(number), sums);
        });
      });
    });
    forEachPanel(group, [&](Value panel, Value number) {
      place.panel = panel;
      emitEpilogueCall(place, addIndex(b_, sumsOfPanel(number), sums_), firstRowOf(low), rows);
    });
  }

  void emitStreamed() {
    Value begin = arguments_->begin, end = arguments_->end;
    Value first = divIndex(b_, begin, blocking_.panels);
    Value last = divIndex(b_, addIndex(b_, end, blocking_.panels - 1), blocking_.panels);
    forLoop(b_, first, last, 1, [&](Value batch) {
      Value zero = constantIndex(b_, 0), panels = constantIndex(b_, blocking_.panels);
      Value firstTask = mulIndex(b_, batch, blocking_.panels);
      Place place;
      locateBatch(place, batch);
      emitStream(place, maxIndex(b_, subIndex(b_, begin, firstTask), zero),
                 minIndex(b_, subIndex(b_, end, firstTask), panels));
    });
  }

  /// Panels [low, high) of a batch entry through all of k.
  void emitStream(Place place, Value low, Value high) {
    int64_t lanes = target_.lanes(), panelSums = blocking_.maxTileRows() * sumsWidth_;
    Value zero = constantIndex(b_, 0), depth = constantIndex(b_, problem_.k);
    auto forPanels = [&](const std::function<void(Value)> &body) {
      forLoop(b_, low, high, 1, [&](Value panel) {
        place.panel = panel;
        body(addIndex(b_, mulIndex(b_, subIndex(b_, panel, low), panelSums), sums_));
      });
    };
    forLoop(b_, zero, mulIndex(b_, subIndex(b_, high, low), panelSums), lanes, [&](Value i) {
      storeVector(b_, splat(b_, lanes, 0.0), arguments_->scratch, addIndex(b_, i, sums_));
    });
    forLoop(b_, zero, depth, blocking_.streamSlice, [&](Value k) {
      Value part = constantIndex(b_, blocking_.streamSlice);
      if (problem_.k % blocking_.streamSlice != 0)
        part = minIndex(b_, part, subIndex(b_, depth, k));
      forPanels([&](Value sums) { emitTilePass(place, zero, k, part, region(panel_), sums); });
    });
    forPanels(
        [&](Value sums) { emitEpilogueCall(place, sums, zero, constantIndex(b_, problem_.m)); });
  }

  void emitDots(const Place &place, Value low, Value high) {
    Value columns = columnsOf(place.panel), first = columnOf(place.panel);
    forLoop(b_, constantIndex(b_, 0), columns, blocking_.dotColumns, [&](Value column) {
      forLoop(b_, low, high, 1, [&](Value tile) {
        Value aOffset =
            addIndex(b_, place.aOffset, mulIndex(b_, firstRowOf(tile), problem_.a.otherStride));
        Value sums = addIndex(b_, sumsOf(low, tile), column);
        dispatchLong(tile, [&](bool longTile) {
          call(b_, kernels_[longTile][0],
               {operandA(), operandB(), arguments_->scratch, aOffset, place.bOffset, sums,
                addIndex(b_, first, column)});
        });
      });
    });
    emitEpilogueCall(place, region(sums_), firstRowOf(low), rowsBetween(low, high));
  }

  const EntryArguments *arguments_ = nullptr;
};

} // namespace

FailureOr<GeneratedKernel> generateGemm(ir::KernelOp kernel, const Target &target,
                                        std::string *reason) {
  std::string ignored;
  if (!reason)
    reason = &ignored;
  FailureOr<GemmProblem> problem = matchGemm(kernel, reason);
  if (failed(problem))
    return failure();
  GeneratedKernel result;
  result.module = ModuleOp::create(UnknownLoc::get(kernel.getContext()));
  ImplicitLocOpBuilder b(result.module->getLoc(), kernel.getContext());
  b.setInsertionPointToEnd(result.module->getBody());
  GemmWriter writer(b, target, kernel, *problem);
  if (failed(writer.write(reason)))
    return failure();
  result.entry = "gemm";
  result.tasks = writer.tasks();
  result.scratchBytes = writer.scratchBytes();
  result.flops = 2.0 * problem->batch() * problem->m * problem->n * problem->k;
  result.bytes = operandBytes(kernel);
  return result;
}

} // namespace heddle::codegen
