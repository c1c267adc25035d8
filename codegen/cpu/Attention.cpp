// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/Attention.h"

#include <limits>

#include "codegen/cpu/AttentionShell.h"
#include "codegen/cpu/MathEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

/// Writes one attention kernel. A task is a run of row tiles of one group; rows of a group are
/// those of its heads one after the other. Steps of a tile: copy and scale q, scores by panels of
/// keys with lane-wise maxima, softmax, product with v, store.
class AttentionWriter : public AttentionShell {
public:
  AttentionWriter(ImplicitLocOpBuilder &b, const Target &target, ir::KernelOp kernel,
                  const AttentionProblem &problem)
      : AttentionShell(b, target, kernel, problem) {
    rows_ = static_cast<int>(std::min<int64_t>(tile_.rows, p_.rowsPerGroup()));
    // A handful of rows does not repay a transposed copy of k.
    packed_ = p_.rowsPerGroup() > tile_.rows;
    tiles_ = (p_.rowsPerGroup() + rows_ - 1) / rows_;
    int64_t groups = p_.batches * p_.groups;
    int64_t blocks = std::min((kWantedTasks + groups - 1) / groups, (tiles_ + 7) / 8);
    tilesPerTask_ = (tiles_ + blocks - 1) / blocks;
    blocks_ = (tiles_ + tilesPerTask_ - 1) / tilesPerTask_;
    layOutScratch();
  }

  void write() {
    emitLoadQueries();
    if (packed_)
      packK_ = emitPacker("pack_keys", p_.k);
    emitScores();
    emitSoftmax();
    emitProduct();
    if (p_.o)
      emitStoreResult();
    emitKernelEntry("attention", [&](Value begin, Value end) { emitTasks(begin, end); });
  }

  int64_t tasks() const { return p_.batches * p_.groups * blocks_; }

private:
  void layOutScratch() {
    int64_t keys = roundUp(p_.keys, width_);
    pStride_ = keys + 16; // not a power of two: the rows of a tile must not share cache sets
    queries_ = scratch_.take(rows_ * qStride_);
    scores_ = scratch_.take(rows_ * pStride_);
    maxima_ = scratch_.take(rows_ * lanes_);
    inverses_ = scratch_.take(rows_);
    result_ = scratch_.take(rows_ * oStride_);
    if (packed_)
      panels_ = scratch_.take(keys * p_.headSize);
  }

  Value inGroup(Value row) {
    int64_t count = p_.rowsPerGroup();
    return tiles_ * rows_ == count ? row : minIndex(b_, row, index(count - 1));
  }

  /// (qOffset, firstRow): rows of q times the scale. Rows beyond the group's repeat its last one.
  void emitLoadQueries() {
    loadQueries_ = emitFunction("load_queries", 2, [&](auto indices) {
      Value buffer = operands_[p_.q.operand];
      Value scale = broadcast(b_, lanes_, constantFloat(b_, p_.scale));
      forLoop(b_, index(0), index(rows_), 1, [&](Value i) {
        Value row = inGroup(addIndex(b_, indices[1], i));
        Value from = addIndex(b_, indices[0], rowOffset(b_, p_, p_.q, row));
        Value to = at(queries_, mulIndex(b_, i, qStride_));
        if (p_.q.column != 1 && p_.headSize > 1) {
          forLoop(b_, index(0), index(p_.headSize), 1, [&](Value d) {
            Value x = loadScalar(b_, buffer, addIndex(b_, from, mulIndex(b_, d, p_.q.column)));
            x = arith::MulFOp::create(b_, x, constantFloat(b_, p_.scale));
            storeScalar(b_, x, memory_, addIndex(b_, to, d));
          });
          return;
        }
        for (int64_t d = 0; d < p_.headSize; d += lanes_) {
          Value x = loadVector(b_, lanes_, buffer, addIndex(b_, from, d),
                               prefixMask(b_, lanes_, p_.headSize - d));
          storeVector(b_, arith::MulFOp::create(b_, x, scale), memory_, addIndex(b_, to, d));
        }
      });
    });
  }

  SmallVector<Value> loadMaxima() {
    SmallVector<Value> maxima;
    for (int row = 0; row < rows_; ++row)
      maxima.push_back(loadVector(b_, lanes_, memory_, index(maxima_ + row * lanes_)));
    return maxima;
  }
  void storeMaxima(ArrayRef<Value> maxima) {
    for (auto [row, vector] : llvm::enumerate(maxima))
      storeVector(b_, vector, memory_, index(maxima_ + row * lanes_));
  }

  /// What every function on scores gets.
  struct ScoreArguments {
    Value firstRow, base, low, high, batch, biasOffset, length;
  };
  static constexpr int kScoreArguments = 7;
  ScoreArguments scoreArguments(Block::BlockArgListType indices) {
    return {indices[0],
            indices[1],
            indices[2],
            indices[3],
            indices[4],
            indices[5],
            p_.lengths ? Value(indices[6]) : Value()};
  }

  Value finish(Value scores, const ScoreArguments &s, Value row, Value key, bool masked) {
    ScoreVector vector{scores, s.batch, row, key, s.biasOffset, s.length};
    vector.scores = biasAndCap(b_, target_, p_, operands_, vector);
    if (!masked)
      return vector.scores;
    Value visible = visibleLanes(b_, target_, p_, operands_, vector);
    return arith::SelectOp::create(b_, visible, vector.scores, splat(b_, lanes_, kMinusInfinity));
  }

  /// Scores of panels [low, high) of the packed keys, and the maxima so far.
  void emitPackedScores(StringRef name, bool masked) {
    scoresOf_[masked] = emitFunction(name, kScoreArguments, [&](auto indices) {
      ScoreArguments s = scoreArguments(indices);
      SmallVector<Value> maxima =
          forLoop(b_, s.low, s.high, 1, loadMaxima(), [&](Value panel, ValueRange carried) {
            SmallVector<Value> next(carried.begin(), carried.end());
            RegisterTile tile{rows_, static_cast<int>(width_ / lanes_)};
            Value packed = at(panels_, mulIndex(b_, panel, width_ * p_.headSize));
            SmallVector<Value> sums =
                emitTileLoop(b_, target_, tile, {memory_, index(queries_), qStride_, 1},
                             {memory_, packed, width_}, index(p_.headSize));
            Value column = mulIndex(b_, subIndex(b_, panel, s.base), width_);
            Value firstKey = mulIndex(b_, panel, width_);
            for (int row = 0; row < rows_; ++row)
              for (int v = 0; v < tile.vectors; ++v) {
                Value scores =
                    finish(sums[row * tile.vectors + v], s, inGroup(addIndex(b_, s.firstRow, row)),
                           addIndex(b_, firstKey, v * lanes_), masked);
                next[row] = larger(b_, next[row], scores);
                storeVector(b_, scores, memory_,
                            addIndex(b_, column, scores_ + row * pStride_ + v * lanes_));
              }
            return next;
          });
      storeMaxima(maxima);
    });
  }

  /// The scores of few rows, from dot products on the keys where they lie, then masks and maxima.
  void emitDotScores() {
    int columns = std::min(8, (target_.registers() - 3) / (rows_ + 1));
    dot_ = emitDotKernel(b_, target_,
                         {"dot_scores", rows_, columns, scratch_.type(b_),
                          cast<MemRefType>(operandTypes_[p_.k.operand]), scratch_.type(b_),
                          qStride_, p_.k.row, pStride_, p_.headSize, p_.keys - 1});
    dotColumns_ = columns;
    scoresOf_[1] = emitFunction("mask_scores", kScoreArguments, [&](auto indices) {
      ScoreArguments s = scoreArguments(indices);
      Value low = mulIndex(b_, s.low, width_), high = mulIndex(b_, s.high, width_);
      for (int row = 0; row < rows_; ++row) {
        Value line = index(scores_ + row * pStride_);
        SmallVector<Value> maxima =
            forLoop(b_, low, high, lanes_, ValueRange{splat(b_, lanes_, kMinusInfinity)},
                    [&](Value key, ValueRange carried) {
                      Value place = addIndex(b_, line, subIndex(b_, key, low));
                      Value scores = finish(loadVector(b_, lanes_, memory_, place), s,
                                            addIndex(b_, s.firstRow, row), key, true);
                      storeVector(b_, scores, memory_, place);
                      return SmallVector<Value>{larger(b_, carried[0], scores)};
                    });
        storeVector(b_, maxima[0], memory_, index(maxima_ + row * lanes_));
      }
    });
  }

  void emitScores() {
    if (!packed_)
      return emitDotScores();
    if (!p_.everyScoreNeedsCare())
      emitPackedScores("scores", false);
    bool alwaysWhole = !p_.causal && !p_.window && !p_.lengths && !p_.everyScoreNeedsCare() &&
                       p_.keys % width_ == 0;
    if (!alwaysWhole)
      emitPackedScores("masked_scores", true);
  }

  /// (firstRow, columns, firstKey, batch, group): weights in place of scores, 1 / sum, lse.
  void emitSoftmax() {
    softmax_ = emitFunction("softmax", 5, [&](auto indices) {
      GroupPlace place{indices[3], indices[4]};
      forLoop(b_, index(0), index(rows_), 1, [&](Value i) {
        Value row = inGroup(addIndex(b_, indices[0], i));
        Value lanewise = loadVector(b_, lanes_, memory_, at(maxima_, mulIndex(b_, i, lanes_)));
        Value top = vector::ReductionOp::create(b_, vector::CombiningKind::MAXNUMF, lanewise,
                                                arith::FastMathFlags::nnan);
        Value none = arith::CmpFOp::create(b_, arith::CmpFPredicate::OEQ, top,
                                           constantFloat(b_, kMinusInfinity));
        Value shift = arith::SelectOp::create(b_, none, constantFloat(b_, 0), top);
        Value sum = emitWeights(i, row, shift, place, indices[1], indices[2]);
        Value some =
            arith::CmpFOp::create(b_, arith::CmpFPredicate::UNE, sum, constantFloat(b_, 0));
        Value inverse = arith::DivFOp::create(b_, constantFloat(b_, 1), sum);
        inverse = arith::SelectOp::create(b_, some, inverse, constantFloat(b_, 0));
        storeScalar(b_, inverse, memory_, at(inverses_, i));
        if (p_.lse)
          storeLse(i, indices[0], place, shift, sum, some);
      });
    });
  }

  Value emitWeights(Value i, Value row, Value shift, GroupPlace place, Value columns,
                    Value firstKey) {
    MathEmitter math(b_, lanes_, target_.hasFma());
    Value shifts = broadcast(b_, lanes_, shift);
    Value line = at(scores_, mulIndex(b_, i, pStride_));
    SmallVector<Value> sums =
        forLoop(b_, index(0), columns, lanes_, ValueRange{splat(b_, lanes_, 0)},
                [&](Value column, ValueRange carried) {
                  Value where = addIndex(b_, line, column);
                  Value scores = loadVector(b_, lanes_, memory_, where);
                  Value weights = math.expFlushed(math.sub(scores, shifts));
                  Value sum = math.add(carried[0], weights);
                  if (p_.dropout > 0) {
                    Value kept = keptLanes(b_, target_, p_, operands_, place, row,
                                           addIndex(b_, firstKey, column));
                    Value scaled = math.mul(weights, math.constant(1 / (1 - p_.dropout)));
                    weights = arith::SelectOp::create(b_, kept, scaled, splat(b_, lanes_, 0));
                  }
                  storeVector(b_, weights, memory_, where);
                  return SmallVector<Value>{sum};
                });
    return sumOfLanes(b_, sums[0]);
  }

  void storeLse(Value i, Value firstRow, GroupPlace place, Value shift, Value sum, Value some) {
    MathEmitter math(b_, lanes_, target_.hasFma());
    Value log = math.log(broadcast(b_, lanes_, sum));
    Value lse =
        arith::AddFOp::create(b_, vector::ExtractOp::create(b_, log, ArrayRef<int64_t>{0}), shift);
    lse = arith::SelectOp::create(b_, some, lse, constantFloat(b_, kMinusInfinity));
    Value row = addIndex(b_, firstRow, i);
    Value group = addIndex(b_, mulIndex(b_, place.batch, p_.groups), place.group);
    Value where = addIndex(b_, mulIndex(b_, group, p_.rowsPerGroup()), row);
    ifThen(b_, lessThan(b_, row, index(p_.rowsPerGroup())),
           [&] { storeScalar(b_, lse, operands_[*p_.lse], where); });
  }

  void emitProduct() {
    BlockProductSpec spec;
    spec.name = "weights_times_values";
    spec.vectors = oStride_ / lanes_;
    int widest = std::min<int64_t>(rows_ < 4 ? 4 : 2, spec.vectors);
    spec.tile = {rows_, widest};
    spec.bTailLanes = p_.valueSize % lanes_;
    spec.a = spec.c = scratch_.type(b_);
    spec.b = cast<MemRefType>(operandTypes_[p_.v.operand]);
    spec.aRowStride = pStride_;
    spec.bKStride = p_.v.row;
    spec.bPanelStride = widest * lanes_;
    spec.cRowStride = oStride_;
    product_ = emitBlockProduct(b_, target_, spec);
  }

  /// (oOffset, firstRow)
  void emitStoreResult() {
    storeResult_ = emitFunction("store_result", 2, [&](auto indices) {
      Value high = minIndex(b_, index(rows_), subIndex(b_, index(p_.rowsPerGroup()), indices[1]));
      forLoop(b_, index(0), high, 1, [&](Value i) {
        Value to = addIndex(b_, indices[0], rowOffset(b_, p_, *p_.o, addIndex(b_, indices[1], i)));
        Value from = at(result_, mulIndex(b_, i, oStride_));
        Value inverse = broadcast(b_, lanes_, loadScalar(b_, memory_, at(inverses_, i)));
        for (int64_t d = 0; d < p_.valueSize; d += lanes_) {
          Value x = loadVector(b_, lanes_, memory_, addIndex(b_, from, d));
          storeVector(b_, arith::MulFOp::create(b_, x, inverse), operands_[p_.o->operand],
                      addIndex(b_, to, d), prefixMask(b_, lanes_, p_.valueSize - d));
        }
      });
    });
  }

  void emitTasks(Value begin, Value end) {
    forLoop(b_, begin, end, 1, ValueRange{index(-1)}, [&](Value task, ValueRange packed) {
      Value block = remIndex(b_, task, blocks_), held = divIndex(b_, task, blocks_);
      GroupPlace place{divIndex(b_, held, p_.groups), remIndex(b_, held, p_.groups)};
      if (packed_) {
        Value kOffset = groupOffset(b_, p_, p_.k, place, false);
        ifThen(
            b_, equals(b_, held, packed[0]), [] {},
            [&] { pack(packK_, p_.k, kOffset, panels_, p_.headSize); });
      }
      Value length = loadLength(b_, p_, operands_, place.batch);
      Value low = mulIndex(b_, block, tilesPerTask_);
      Value high = minIndex(b_, addIndex(b_, low, tilesPerTask_), index(tiles_));
      forLoop(b_, low, high, 1,
              [&](Value tile) { emitTile(place, mulIndex(b_, tile, rows_), length); });
      return SmallVector<Value>{held};
    });
  }

  PanelRange panelsOf(Value firstRow, Value length) {
    Value first = queryOf(b_, p_, firstRow);
    Value last = addIndex(b_, first, rows_ - 1), end = index(p_.queries - 1);
    if (p_.queries % rows_ != 0) {
      // A tile may hold the end of one head and the start of the next.
      Value over = lessThan(b_, end, last);
      if (p_.headsPerGroup() > 1)
        first = arith::SelectOp::create(b_, over, index(0), first);
      last = minIndex(b_, last, end);
    }
    return visiblePanels(b_, p_, first, last, length, width_);
  }

  void emitTile(GroupPlace place, Value firstRow, Value length) {
    PanelRange panels = panelsOf(firstRow, length);
    Value qOffset = groupOffset(b_, p_, p_.q, place, true);
    callFunction(loadQueries_, {qOffset, firstRow});
    Value zero = index(0);
    Value biasOffset = p_.bias ? groupOffset(b_, p_, *p_.bias, place, true) : zero;
    auto scores = [&](bool masked, Value low, Value high) {
      if (scoresOf_[masked])
        callFunction(scoresOf_[masked], {firstRow, panels.low, low, high, place.batch, biasOffset,
                                         length ? length : zero});
    };
    Value firstKey = mulIndex(b_, panels.low, width_), depth = subIndex(b_, panels.end, firstKey);
    Value columns = mulIndex(b_, divIndex(b_, addIndex(b_, depth, lanes_ - 1), lanes_), lanes_);
    if (packed_) {
      storeMaxima(SmallVector<Value>(rows_, splat(b_, lanes_, kMinusInfinity)));
      if (p_.window)
        scores(true, panels.low, panels.fullLow);
      scores(false, panels.fullLow, panels.fullHigh);
      scores(true, panels.fullHigh, panels.high);
    } else {
      Value kOffset = groupOffset(b_, p_, p_.k, place, false);
      forLoop(b_, zero, depth, dotColumns_, [&](Value column) {
        call(b_, dot_,
             {memory_, operands_[p_.k.operand], memory_, index(queries_), kOffset,
              at(scores_, column), addIndex(b_, firstKey, column)});
      });
      scores(true, panels.low, panels.high);
    }
    callFunction(softmax_, {firstRow, columns, firstKey, place.batch, place.group});
    Value vOffset =
        addIndex(b_, groupOffset(b_, p_, p_.v, place, false), mulIndex(b_, firstKey, p_.v.row));
    call(b_, product_,
         {memory_, operands_[p_.v.operand], memory_, index(scores_), vOffset, index(result_),
          depth});
    if (p_.o)
      callFunction(storeResult_, {groupOffset(b_, p_, *p_.o, place, true), firstRow});
  }

  int rows_ = 0; // of a tile
  bool packed_ = false;
  int64_t tiles_ = 0, tilesPerTask_ = 0, blocks_ = 0;
  // Regions of scratch.
  int64_t queries_ = 0, scores_ = 0, maxima_ = 0, inverses_ = 0, result_ = 0, panels_ = 0;
  int64_t pStride_ = 0; // of rows of scores
  int dotColumns_ = 0;
  Packer packK_;
  func::FuncOp loadQueries_, scoresOf_[2], dot_, softmax_, product_, storeResult_;
};

} // namespace

FailureOr<GeneratedKernel> generateAttention(ir::KernelOp kernel, const Target &target,
                                             std::string *reason) {
  FailureOr<AttentionProblem> problem = matchAttention(kernel, reason);
  if (failed(problem))
    return failure();
  GeneratedKernel result;
  result.module = ModuleOp::create(UnknownLoc::get(kernel.getContext()));
  ImplicitLocOpBuilder b(result.module->getLoc(), kernel.getContext());
  b.setInsertionPointToEnd(result.module->getBody());
  AttentionWriter writer(b, target, kernel, *problem);
  writer.write();
  result.entry = "attention";
  result.tasks = writer.tasks();
  result.scratchBytes = writer.scratchBytes();
  result.flops = 2 * problem->flopsOfOneProduct();
  result.bytes = operandBytes(kernel);
  return result;
}

} // namespace heddle::codegen
