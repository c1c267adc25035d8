// SPDX-License-Identifier: Apache-2.0
// heddle-expand-composites: ffn and global_norm by their decompositions, losses by blocks of
// tokens.
#include "ir/EntryCheck.h"
#include "ir/TensorBuilder.h"
#include "passes/FusionReport.h"
#include "passes/Matching.h"
#include "passes/Passes.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {

#define GEN_PASS_DEF_EXPANDCOMPOSITESPASS
#include "passes/Passes.h.inc"

namespace {

constexpr int64_t kMinBlockRows = 64;
// Each block has ops of its own: beyond this many, blocks grow instead.
constexpr int64_t kMaxBlocks = 4096;

/// Rows of a block whose logits take at most `maxBytes`. All blocks have as many where the rows can
/// be dealt so without doubling the blocks, since equal blocks share their kernels; else the last
/// has fewer, but is no sliver.
int64_t rowsPerBlock(int64_t rows, int64_t bytesPerRow, int64_t maxBytes) {
  int64_t most = std::max({kMinBlockRows, maxBytes / std::max<int64_t>(bytesPerRow, 1),
                           (rows + kMaxBlocks - 1) / kMaxBlocks});
  if (most >= rows)
    return rows;
  int64_t fewest = (rows + most - 1) / most;
  for (int64_t blocks = fewest; blocks < 2 * fewest; ++blocks)
    if (rows % blocks == 0)
      return rows / blocks;
  return (rows + fewest - 1) / fewest;
}

/// One head product with its loss, block by block. LinearCrossEntropyOp and -TrainOp.
template <typename Op> class BlockedLoss {
public:
  BlockedLoss(OpBuilder &builder, Op op) : b_(builder, op.getLoc()), op_(op) {
    count_ = b_.template make<CountTargetsOp>(
        RankedTensorType::get({}, statisticsType(elementOf(op.getX()))), op.getTargets(),
        op.getIgnoreIndexAttr());
    if constexpr (kTrains)
      dlosses_ = b_.div(op.getDloss(), count_);
  }

  SmallVector<Value> run(int64_t blockRows) {
    int64_t rows = dimsOf(op_.getX())[0];
    for (int64_t first = 0; first < rows; first += blockRows)
      addBlock(first, std::min(blockRows, rows - first));
    Value loss = b_.div(b_.sumLast(concat(losses_)), count_);
    if constexpr (kTrains) {
      SmallVector<Value> results{loss, concat(dx_), dw_};
      if (op_.getBias())
        results.push_back(dbias_);
      return results;
    } else {
      return {loss, concat(lse_)};
    }
  }

private:
  static constexpr bool kTrains = std::is_same_v<Op, LinearCrossEntropyTrainOp>;

  void addBlock(int64_t first, int64_t count) {
    Value x = rows(op_.getX(), first, count), targets = rows(op_.getTargets(), first, count);
    Value logits = b_.matmul(x, op_.getW(), false, op_.getTransposeW());
    if (op_.getBias())
      logits = b_.add(logits, op_.getBias());
    auto entropy = CrossEntropyOp::create(b_.builder(), b_.location(), logits, targets,
                                          op_.getIgnoreIndexAttr(), op_.getLabelSmoothingAttr());
    losses_.push_back(entropy.getLosses());
    lse_.push_back(entropy.getLse());
    if constexpr (kTrains)
      addGradients(x, targets, logits, entropy.getLse());
  }

  void addGradients(Value x, Value targets, Value logits, Value lse) {
    Value dlogits = b_.template make<CrossEntropyGradOp>(
        logits, targets, lse, dlosses_, op_.getIgnoreIndexAttr(), op_.getLabelSmoothingAttr());
    dx_.push_back(b_.matmul(dlogits, op_.getW(), false, !op_.getTransposeW()));
    addTo(dw_, op_.getTransposeW() ? b_.matmul(dlogits, x, true, false)
                                   : b_.matmul(x, dlogits, true, false));
    if (op_.getBias())
      addTo(dbias_, b_.template make<SumOp>(dlogits, ArrayRef<int64_t>{0}));
  }

  void addTo(Value &total, Value part) { total = total ? b_.add(part, total) : part; }

  Value rows(Value value, int64_t first, int64_t count) {
    ArrayRef<int64_t> dims = dimsOf(value);
    if (dims.front() == count)
      return value;
    SmallVector<int64_t> offsets(dims.size(), 0), sizes(dims);
    offsets.front() = first;
    sizes.front() = count;
    return b_.template make<SliceOp>(value, offsets, sizes);
  }

  Value concat(ArrayRef<Value> parts) {
    return parts.size() == 1 ? parts[0] : b_.template make<ConcatOp>(parts, int64_t{0});
  }

  TensorBuilder b_;
  Op op_;
  Value count_, dlosses_, dw_, dbias_;
  SmallVector<Value> losses_, lse_, dx_;
};

struct ExpandCompositesPass : impl::ExpandCompositesPassBase<ExpandCompositesPass> {
  using ExpandCompositesPassBase::ExpandCompositesPassBase;

  void runOnOperation() override {
    if (failed(checkEntry(getOperation())))
      return signalPassFailure();
    SmallVector<Operation *> composites;
    getOperation().walk([&](Operation *op) {
      if (isa<FfnOp, GlobalNormOp, LinearCrossEntropyOp, LinearCrossEntropyTrainOp>(op) ||
          (decomposeAttention && isa<AttentionOp>(op)))
        composites.push_back(op);
    });
    for (Operation *op : composites) {
      OpBuilder builder(op);
      replace(op, expand(builder, op));
    }
  }

private:
  SmallVector<Value> expand(OpBuilder &builder, Operation *op) {
    if (auto loss = dyn_cast<LinearCrossEntropyOp>(op))
      return BlockedLoss(builder, loss).run(blockRows(loss.getX(), loss.getW()));
    if (auto loss = dyn_cast<LinearCrossEntropyTrainOp>(op))
      return BlockedLoss(builder, loss).run(blockRows(loss.getX(), loss.getW()));
    if (isa<AttentionOp>(op))
      reportMissed(op, "attention", "attention is written out in primitive ops",
                   "leave out decompose-attention");
    return cast<DecomposableOpInterface>(op).decompose(builder);
  }

  int64_t blockRows(Value x, Value w) {
    int64_t vocabulary = tensorOf(w).getNumElements() / dimsOf(x)[1];
    return rowsPerBlock(dimsOf(x)[0], vocabulary * elementOf(x).getIntOrFloatBitWidth() / 8,
                        maxLogitsBytes);
  }

  static void replace(Operation *op, ArrayRef<Value> values) {
    for (auto [result, value] : llvm::zip_equal(op->getResults(), values))
      if (value)
        result.replaceAllUsesWith(value);
    op->erase();
  }
};

} // namespace
} // namespace heddle::passes
