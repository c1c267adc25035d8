// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "codegen/cpu/Attention.h"
#include "codegen/cpu/AttentionShell.h"
#include "codegen/cpu/MathEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

/// Writes one attention_grad kernel. A task is a group: k, v of one head and the query heads that
/// share them. Blocks of keys outside, blocks of queries inside; per pair of blocks, with P the
/// weights recomputed from lse and delta = rowsum(do * o):
///   S = q k^T, dP = do v^T, P = exp(S - lse), dS = P (dP - delta),
///   dv += P^T do, dk += dS^T q, dq += dS k.
/// q, do and dq of all rows lie in scratch, padded per head to whole blocks. Padded rows have q =
/// do = 0 and no weights, so they add nothing.
/// The gradient of a bias is the sum of dS over the axes that the bias is repeated along. Where
/// those are batches or heads, one task does all that add to the same numbers, one after the other.
class AttentionGradWriter : public AttentionShell {
public:
  AttentionGradWriter(ImplicitLocOpBuilder &b, const Target &target, ir::KernelOp kernel,
                      const AttentionProblem &problem)
      : AttentionShell(b, target, kernel, problem) {
    keyBlock_ = std::max<int64_t>(32, width_);
    queryBlock_ = std::min<int64_t>(32, roundUp(p_.queries, tile_.rows));
    paddedQueries_ = roundUp(p_.queries, queryBlock_);
    layOutScratch();
  }

  void write() {
    emitLoadRows();
    emitPrepareRows();
    packK_ = emitPacker("pack_k", p_.k);
    packV_ = emitPacker("pack_v", p_.v);
    emitProducts();
    if (!p_.keyMask)
      emitGradients("score_gradients", false);
    emitGradients("masked_score_gradients", true);
    emitKernelEntry("attention_grad", [&](Value begin, Value end) {
      forLoop(b_, begin, end, 1, [&](Value task) { emitTask(task); });
    });
  }

  int64_t tasks() const { return (joinsBatches() ? 1 : p_.batches) * groupsApart(); }

private:
  bool joinsBatches() const { return p_.dBias && p_.dBias->batch == 0; }
  bool joinsGroups() const { return p_.dBias && p_.dBias->head == 0; }
  int64_t groupsApart() const { return joinsGroups() ? 1 : p_.groups; }

  void emitTask(Value task) {
    Value batch = divIndex(b_, task, groupsApart()), group = remIndex(b_, task, groupsApart());
    if (p_.dBias)
      clearBiasGradient({batch, group});
    auto forEach = [&](bool joined, Value own, int64_t count, auto body) {
      if (joined)
        forLoop(b_, index(0), index(count), 1, body);
      else
        body(own);
    };
    forEach(joinsBatches(), batch, p_.batches, [&](Value eachBatch) {
      forEach(joinsGroups(), group, p_.groups,
              [&](Value eachGroup) { emitGroup({eachBatch, eachGroup}); });
    });
  }

  /// Zeroes what the groups of a task add up.
  void clearBiasGradient(GroupPlace place) {
    const HeadsView &view = *p_.dBias;
    Value group = groupOffset(b_, p_, view, place, true);
    const int64_t heads = view.head == 0 ? 1 : p_.headsPerGroup();
    const int64_t rows = view.row == 0 ? 1 : p_.queries, columns = view.column == 0 ? 1 : p_.keys;
    forLoop(b_, index(0), index(heads), 1, [&](Value head) {
      forLoop(b_, index(0), index(rows), 1, [&](Value row) {
        Value from = viewOffset(view, group, head, row);
        forLoop(b_, index(0), index(columns), lanes_, [&](Value column) {
          storeVector(b_, splat(b_, lanes_, 0), operands_[view.operand], addIndex(b_, from, column),
                      prefixMask(b_, lanes_, subIndex(b_, index(columns), column)));
        });
      });
    });
  }

  /// Adds score gradients of row `row` of the group, from key `key` on.
  void addToBiasGradient(GroupPlace place, Value row, Value key, Value gradients) {
    const HeadsView &view = *p_.dBias;
    Value memory = operands_[view.operand];
    Value to = addIndex(b_, groupOffset(b_, p_, view, place, true), rowOffset(b_, p_, view, row));
    Value mask = prefixMask(b_, lanes_, subIndex(b_, index(p_.keys), key));
    if (view.column == 0) { // lanes behind the last key hold anything
      Value real = arith::SelectOp::create(b_, mask, gradients, splat(b_, lanes_, 0));
      Value sum = arith::AddFOp::create(b_, loadScalar(b_, memory, to), sumOfLanes(b_, real));
      storeScalar(b_, sum, memory, to);
      return;
    }
    to = addIndex(b_, to, key);
    Value sum = arith::AddFOp::create(b_, loadVector(b_, lanes_, memory, to, mask), gradients);
    storeVector(b_, sum, memory, to, mask);
  }

  void layOutScratch() {
    int64_t rows = p_.headsPerGroup() * paddedQueries_, keys = roundUp(p_.keys, keyBlock_);
    q_ = scratch_.take(rows * qStride_);
    dO_ = scratch_.take(rows * oStride_);
    dq_ = scratch_.take(rows * qStride_);
    lse_ = scratch_.take(rows);
    delta_ = scratch_.take(rows);
    kPanels_ = scratch_.take(keys * p_.headSize);
    vPanels_ = scratch_.take(keys * p_.valueSize);
    dk_ = scratch_.take(keyBlock_ * qStride_);
    dv_ = scratch_.take(keyBlock_ * oStride_);
    weights_ = scratch_.take(queryBlock_ * keyBlock_);
    gradients_ = scratch_.take(queryBlock_ * keyBlock_);
  }

  /// body(head of the group, query, padded row) for every query row of a group, padded ones last in
  /// each head.
  void forEachRow(const std::function<void(Value, Value, Value)> &body,
                  const std::function<void(Value)> &padded) {
    forLoop(b_, index(0), index(p_.headsPerGroup()), 1, [&](Value head) {
      Value first = mulIndex(b_, head, paddedQueries_);
      forLoop(b_, index(0), index(p_.queries), 1,
              [&](Value query) { body(head, query, addIndex(b_, first, query)); });
      if (paddedQueries_ > p_.queries && padded)
        forLoop(b_, index(p_.queries), index(paddedQueries_), 1,
                [&](Value query) { padded(addIndex(b_, first, query)); });
    });
  }

  Value viewOffset(const HeadsView &view, Value groupOffset, Value head, Value query) {
    return addIndex(b_, groupOffset,
                    addIndex(b_, mulIndex(b_, head, view.head), mulIndex(b_, query, view.row)));
  }

  /// (qOffset, dOOffset): copies q times the scale and do into scratch, zeroes dq.
  void emitLoadRows() {
    loadRows_ = emitFunction("load_rows", 2, [&](auto arguments) {
      Value zeros = splat(b_, lanes_, 0), scale = splat(b_, lanes_, p_.scale);
      auto copy = [&](const HeadsView &view, Value from, int64_t region, Value row, int64_t stride,
                      int64_t size, bool scaled) {
        for (int64_t d = 0; d < size; d += lanes_) {
          Value x = loadVector(b_, lanes_, operands_[view.operand], addIndex(b_, from, d),
                               prefixMask(b_, lanes_, size - d));
          if (scaled)
            x = arith::MulFOp::create(b_, x, scale);
          storeVector(b_, x, memory_, addIndex(b_, mulIndex(b_, row, stride), region + d));
        }
      };
      auto clear = [&](int64_t region, Value row, int64_t stride) {
        for (int64_t d = 0; d < stride; d += lanes_)
          storeVector(b_, zeros, memory_, addIndex(b_, mulIndex(b_, row, stride), region + d));
      };
      forEachRow(
          [&](Value head, Value query, Value row) {
            copy(p_.q, viewOffset(p_.q, arguments[0], head, query), q_, row, qStride_, p_.headSize,
                 true);
            copy(p_.dO, viewOffset(p_.dO, arguments[1], head, query), dO_, row, oStride_,
                 p_.valueSize, false);
            clear(dq_, row, qStride_);
          },
          [&](Value row) {
            clear(q_, row, qStride_);
            clear(dO_, row, oStride_);
          });
    });
  }

  /// (oOffset, lseOffset): delta and lse by padded row. A row that sees no key has lse = -infinity;
  /// a huge one in its place gives it zero weights.
  void emitPrepareRows() {
    prepareRows_ = emitFunction("prepare_rows", 2, [&](auto arguments) {
      forEachRow(
          [&](Value head, Value query, Value row) {
            Value from = viewOffset(*p_.o, arguments[0], head, query);
            Value sum = splat(b_, lanes_, 0);
            for (int64_t e = 0; e < p_.valueSize; e += lanes_) {
              Value o = loadVector(b_, lanes_, operands_[p_.o->operand], addIndex(b_, from, e),
                                   prefixMask(b_, lanes_, p_.valueSize - e));
              Value dO = loadVector(b_, lanes_, memory_,
                                    addIndex(b_, mulIndex(b_, row, oStride_), dO_ + e));
              sum = multiplyAdd(b_, target_.hasFma(), o, dO, sum);
            }
            storeScalar(b_, sumOfLanes(b_, sum), memory_, at(delta_, row));
            Value place =
                addIndex(b_, arguments[1], addIndex(b_, mulIndex(b_, head, p_.queries), query));
            Value lse = loadScalar(b_, operands_[*p_.lse], place);
            Value none =
                arith::CmpFOp::create(b_, arith::CmpFPredicate::OEQ, lse,
                                      constantFloat(b_, -std::numeric_limits<double>::infinity()));
            lse = arith::SelectOp::create(b_, none, constantFloat(b_, 3e38), lse);
            storeScalar(b_, lse, memory_, at(lse_, row));
          },
          [&](Value row) {
            storeScalar(b_, constantFloat(b_, 0), memory_, at(delta_, row));
            storeScalar(b_, constantFloat(b_, 3e38), memory_, at(lse_, row));
          });
    });
  }

  /// rows of q or do times panels of k or v: [queryBlock, keyBlock].
  func::FuncOp emitScoreProduct(StringRef name, int64_t size, int64_t stride) {
    BlockProductSpec spec;
    spec.name = name;
    spec.tile = tile_;
    spec.rowTiles = queryBlock_ / tile_.rows;
    spec.vectors = keyBlock_ / lanes_;
    spec.a = spec.b = spec.c = scratch_.type(b_);
    spec.aRowStride = stride;
    spec.bKStride = width_;
    spec.bPanelStride = width_ * size;
    spec.cRowStride = keyBlock_;
    return emitBlockProduct(b_, target_, spec);
  }
  /// Weights or their gradients, transposed, times rows of do or q: [keyBlock, size].
  func::FuncOp emitKeyProduct(StringRef name, int64_t stride) {
    BlockProductSpec spec;
    spec.name = name;
    spec.tile = tile_;
    spec.rowTiles = keyBlock_ / tile_.rows;
    spec.vectors = stride / lanes_;
    spec.a = spec.b = spec.c = scratch_.type(b_);
    spec.aRowStride = 1;
    spec.aKStride = keyBlock_;
    spec.bKStride = spec.cRowStride = stride;
    spec.bPanelStride = width_;
    spec.accumulate = true;
    return emitBlockProduct(b_, target_, spec);
  }
  void emitProducts() {
    bool sameSize = p_.headSize == p_.valueSize;
    scoreProduct_ = emitScoreProduct("q_times_k", p_.headSize, qStride_);
    weightProduct_ =
        sameSize ? scoreProduct_ : emitScoreProduct("do_times_v", p_.valueSize, oStride_);
    dkProduct_ = emitKeyProduct("gradients_times_q", qStride_);
    dvProduct_ = sameSize ? dkProduct_ : emitKeyProduct("weights_times_do", oStride_);
    BlockProductSpec spec;
    spec.name = "gradients_times_k";
    spec.tile = tile_;
    spec.rowTiles = queryBlock_ / tile_.rows;
    spec.vectors = qStride_ / lanes_;
    spec.bTailLanes = p_.headSize % lanes_;
    spec.a = spec.c = scratch_.type(b_);
    spec.b = cast<MemRefType>(operandTypes_[p_.k.operand]);
    spec.aRowStride = keyBlock_;
    spec.bKStride = p_.k.row;
    spec.bPanelStride = width_;
    spec.cRowStride = qStride_;
    spec.accumulate = true;
    dqProduct_ = emitBlockProduct(b_, target_, spec);
  }

  /// (padded row, row of the group, firstKey, batch, group, biasOffset, length): weights and score
  /// gradients of a pair of blocks in place of scores and dP.
  void emitGradients(StringRef name, bool masked) {
    gradientsOf_[masked] = emitFunction(name, 7, [&](auto arguments) {
      GroupPlace place{arguments[3], arguments[4]};
      MathEmitter math(b_, lanes_, target_.hasFma());
      forLoop(b_, index(0), index(queryBlock_), 1, [&](Value i) {
        Value padded = addIndex(b_, arguments[0], i);
        Value row = minIndex(b_, addIndex(b_, arguments[1], i), index(p_.rowsPerGroup() - 1));
        Value lse = broadcast(b_, lanes_, loadScalar(b_, memory_, at(lse_, padded)));
        Value delta = broadcast(b_, lanes_, loadScalar(b_, memory_, at(delta_, padded)));
        Value line = mulIndex(b_, i, keyBlock_);
        forLoop(b_, index(0), index(keyBlock_), lanes_, [&](Value column) {
          Value key = addIndex(b_, arguments[2], column), where = addIndex(b_, line, column);
          Value scores = loadVector(b_, lanes_, memory_, at(weights_, where));
          Value dP = loadVector(b_, lanes_, memory_, at(gradients_, where));
          ScoreVector vector{scores, place.batch,  row,
                             key,    arguments[5], p_.lengths ? Value(arguments[6]) : Value()};
          Value slope;
          scores = biasAndCap(b_, target_, p_, operands_, vector, &slope);
          if (masked)
            scores = arith::SelectOp::create(
                b_, visibleLanes(b_, target_, p_, operands_, vector), scores,
                splat(b_, lanes_, -std::numeric_limits<double>::infinity()));
          Value weights = math.expFlushed(math.sub(scores, lse)), dropped = weights;
          if (p_.dropout > 0) {
            Value kept = keptLanes(b_, target_, p_, operands_, place, row, key);
            Value factor = arith::SelectOp::create(
                b_, kept, splat(b_, lanes_, 1 / (1 - p_.dropout)), splat(b_, lanes_, 0));
            dropped = math.mul(weights, factor);
            dP = math.mul(dP, factor);
          }
          Value dS = math.mul(weights, math.sub(dP, delta));
          if (slope)
            dS = math.mul(dS, slope);
          storeVector(b_, dropped, memory_, at(weights_, where));
          storeVector(b_, dS, memory_, at(gradients_, where));
          if (p_.dBias)
            addToBiasGradient(place, row, key, dS);
        });
      });
    });
  }

  void clearBlock(int64_t region, int64_t elements) {
    forLoop(b_, index(0), index(elements), lanes_,
            [&](Value i) { storeVector(b_, splat(b_, lanes_, 0), memory_, at(region, i)); });
  }

  void storeRow(const HeadsView &view, Value to, Value from, int64_t size, Value factor) {
    for (int64_t d = 0; d < size; d += lanes_) {
      Value x = loadVector(b_, lanes_, memory_, addIndex(b_, from, d));
      if (factor)
        x = arith::MulFOp::create(b_, x, factor);
      storeVector(b_, x, operands_[view.operand], addIndex(b_, to, d),
                  prefixMask(b_, lanes_, size - d));
    }
  }

  void storeKeyBlock(const std::optional<HeadsView> &view, GroupPlace place, Value firstKey,
                     Value count, int64_t region, int64_t stride, int64_t size) {
    if (!view)
      return;
    Value to =
        addIndex(b_, groupOffset(b_, p_, *view, place, false), mulIndex(b_, firstKey, view->row));
    forLoop(b_, index(0), count, 1, [&](Value j) {
      storeRow(*view, addIndex(b_, to, mulIndex(b_, j, view->row)),
               at(region, mulIndex(b_, j, stride)), size, {});
    });
  }

  void emitGroup(GroupPlace place) {
    Value kOffset = groupOffset(b_, p_, p_.k, place, false);
    pack(packK_, p_.k, kOffset, kPanels_, p_.headSize);
    pack(packV_, p_.v, groupOffset(b_, p_, p_.v, place, false), vPanels_, p_.valueSize);
    callFunction(loadRows_,
                 {groupOffset(b_, p_, p_.q, place, true), groupOffset(b_, p_, p_.dO, place, true)});
    Value group = addIndex(b_, mulIndex(b_, place.batch, p_.groups), place.group);
    callFunction(prepareRows_,
                 {groupOffset(b_, p_, *p_.o, place, true), mulIndex(b_, group, p_.rowsPerGroup())});
    Value length = loadLength(b_, p_, operands_, place.batch);
    forLoop(b_, index(0), index(p_.keys), keyBlock_, [&](Value firstKey) {
      Value count = minIndex(b_, index(keyBlock_), subIndex(b_, index(p_.keys), firstKey));
      clearBlock(dk_, keyBlock_ * qStride_);
      clearBlock(dv_, keyBlock_ * oStride_);
      forLoop(b_, index(0), index(p_.headsPerGroup()), 1,
              [&](Value head) { emitHead(place, head, firstKey, count, kOffset, length); });
      storeKeyBlock(p_.dk, place, firstKey, count, dk_, qStride_, p_.headSize);
      storeKeyBlock(p_.dv, place, firstKey, count, dv_, oStride_, p_.valueSize);
    });
    if (!p_.dq)
      return;
    Value dqOffset = groupOffset(b_, p_, *p_.dq, place, true);
    forEachRow(
        [&](Value head, Value query, Value row) {
          storeRow(*p_.dq, viewOffset(*p_.dq, dqOffset, head, query),
                   at(dq_, mulIndex(b_, row, qStride_)), p_.headSize, splat(b_, lanes_, p_.scale));
        },
        {});
  }

  /// The blocks of one head's queries that see any of the keys [firstKey, firstKey + count).
  void emitHead(GroupPlace place, Value head, Value firstKey, Value count, Value kOffset,
                Value length) {
    int64_t shift = p_.keys - p_.queries;
    Value low = index(0), high = index(p_.queries), end = addIndex(b_, firstKey, count);
    if (p_.causal)
      low = maxIndex(b_, low, addIndex(b_, firstKey, -shift));
    if (p_.window)
      high = maxIndex(b_, low, minIndex(b_, high, addIndex(b_, end, *p_.window - 1 - shift)));
    if (length)
      high = arith::SelectOp::create(b_, lessThan(b_, firstKey, length), high, low);
    low = mulIndex(b_, divIndex(b_, low, queryBlock_), queryBlock_);
    forLoop(b_, low, high, queryBlock_, [&](Value query) {
      Value row = addIndex(b_, mulIndex(b_, head, paddedQueries_), query);
      Value qRow = at(q_, mulIndex(b_, row, qStride_)), oRow = at(dO_, mulIndex(b_, row, oStride_));
      Value dqRow = at(dq_, mulIndex(b_, row, qStride_));
      auto panels = [&](int64_t region, int64_t size) {
        return at(region, mulIndex(b_, firstKey, size));
      };
      Value weights = index(weights_), gradients = index(gradients_);
      call(b_, scoreProduct_,
           {memory_, memory_, memory_, qRow, panels(kPanels_, p_.headSize), weights,
            index(p_.headSize)});
      call(b_, weightProduct_,
           {memory_, memory_, memory_, oRow, panels(vPanels_, p_.valueSize), gradients,
            index(p_.valueSize)});
      emitScoreGradients(place, head, query, row, firstKey, end, length);
      call(b_, dvProduct_,
           {memory_, memory_, memory_, weights, oRow, index(dv_), index(queryBlock_)});
      call(b_, dkProduct_,
           {memory_, memory_, memory_, gradients, qRow, index(dk_), index(queryBlock_)});
      call(b_, dqProduct_,
           {memory_, operands_[p_.k.operand], memory_, gradients,
            addIndex(b_, kOffset, mulIndex(b_, firstKey, p_.k.row)), dqRow, count});
    });
  }

  void emitScoreGradients(GroupPlace place, Value head, Value query, Value paddedRow,
                          Value firstKey, Value end, Value length) {
    Value zero = index(0);
    Value biasOffset = p_.bias ? groupOffset(b_, p_, *p_.bias, place, true) : zero;
    Value row = addIndex(b_, mulIndex(b_, head, p_.queries), query);
    SmallVector<Value> arguments(
        {paddedRow, row, firstKey, place.batch, place.group, biasOffset, length ? length : zero});
    if (p_.keyMask) {
      callFunction(gradientsOf_[1], arguments);
      return;
    }
    // Whether each row of the block sees each key of the block.
    Value last = minIndex(b_, addIndex(b_, query, queryBlock_ - 1), index(p_.queries - 1));
    Value some = lessThan(b_, visibleKeys(b_, p_, query, length).high, end);
    if (p_.window)
      some = arith::OrIOp::create(b_, some,
                                  lessThan(b_, firstKey, visibleKeys(b_, p_, last, length).low));
    ifThen(
        b_, some, [&] { callFunction(gradientsOf_[1], arguments); },
        [&] { callFunction(gradientsOf_[0], arguments); });
  }

  int64_t keyBlock_ = 0, queryBlock_ = 0, paddedQueries_ = 0;
  // Regions of scratch.
  int64_t q_ = 0, dO_ = 0, dq_ = 0, lse_ = 0, delta_ = 0, kPanels_ = 0, vPanels_ = 0, dk_ = 0,
          dv_ = 0, weights_ = 0, gradients_ = 0;
  func::FuncOp loadRows_, prepareRows_, scoreProduct_, weightProduct_, dkProduct_, dvProduct_,
      dqProduct_, gradientsOf_[2];
  Packer packK_, packV_;
};

} // namespace

FailureOr<GeneratedKernel> generateAttentionGrad(ir::KernelOp kernel, const Target &target,
                                                 std::string *reason) {
  FailureOr<AttentionProblem> problem = matchAttentionGrad(kernel, reason);
  if (failed(problem))
    return failure();
  GeneratedKernel result;
  result.module = ModuleOp::create(UnknownLoc::get(kernel.getContext()));
  ImplicitLocOpBuilder b(result.module->getLoc(), kernel.getContext());
  b.setInsertionPointToEnd(result.module->getBody());
  AttentionGradWriter writer(b, target, kernel, *problem);
  writer.write();
  result.entry = "attention_grad";
  result.tasks = writer.tasks();
  result.scratchBytes = writer.scratchBytes();
  result.flops = 5 * problem->flopsOfOneProduct();
  result.bytes = operandBytes(kernel);
  return result;
}

} // namespace heddle::codegen
