// SPDX-License-Identifier: Apache-2.0
// heddle-form-kernels: which op goes into which kernel. Clusters keeps it legal, KernelOutliner
// writes the kernels.
#include "ir/EntryCheck.h"
#include "ir/KernelForms.h"
#include "ir/ViewChain.h"
#include "passes/KernelOutliner.h"
#include "passes/Matching.h"
#include "passes/Passes.h"
#include "passes/Recomputed.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {

#define GEN_PASS_DEF_FORMKERNELSPASS
#include "passes/Passes.h.inc"

namespace {

//===- Before: forms that kernels like
//--------------------------------------------------------------

/// add(x, embedding_grad(ids, dy)) scatters onto x.
void scatterOntoSums(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block)) {
    auto add = dyn_cast<AddOp>(op);
    if (!add)
      continue;
    for (auto [scattered, init] :
         {std::pair(add.getLhs(), add.getRhs()), std::pair(add.getRhs(), add.getLhs())}) {
      auto grad = scattered.getDefiningOp<EmbeddingGradOp>();
      if (!grad || grad.getInit() || !grad->hasOneUse() || init.getType() != add.getType())
        continue;
      OpBuilder builder(add);
      Value sum = EmbeddingGradOp::create(builder, grad.getLoc(), add.getType(), grad.getIds(),
                                          grad.getDy(), init);
      add.getY().replaceAllUsesWith(sum);
      add.erase();
      grad.erase();
      break;
    }
  }
}

/// A log-sum-exp is stored as it is, heads along their last axis.
bool attentionStoresTransposed(Value result, TransposeOp transpose) {
  const bool isLse =
      isa<AttentionOp>(result.getDefiningOp()) && cast<OpResult>(result).getResultNumber() == 1;
  return !isLse && transpose.getPermutation().back() + 1 ==
                       static_cast<int64_t>(transpose.getPermutation().size());
}

/// Where a result of attention is transposed, its other readers read it through the inverse, so
/// that it is stored once, transposed.
void storeTransposedOnly(Value result) {
  if (result.hasOneUse())
    return;
  TransposeOp transpose;
  for (Operation *user : usersInOrder(result))
    if (auto candidate = dyn_cast<TransposeOp>(user);
        candidate && attentionStoresTransposed(result, candidate)) {
      transpose = candidate;
      break;
    }
  if (!transpose)
    return;
  transpose->moveAfter(result.getDefiningOp());
  OpBuilder builder(transpose->getContext());
  builder.setInsertionPointAfter(transpose);
  SmallVector<int64_t> inverse(transpose.getPermutation().size());
  for (auto [position, axis] : llvm::enumerate(transpose.getPermutation()))
    inverse[axis] = position;
  Value back = TransposeOp::create(builder, transpose.getLoc(), transpose.getY(), inverse);
  result.replaceAllUsesExcept(back, transpose);
}

//===- The policy
//-----------------------------------------------------------------------------------

class Former {
public:
  explicit Former(Block &block) : clusters_(block) {
    for (Operation &op : block)
      if (clusters_.of(&op) >= 0)
        ops_.push_back(&op);
  }

  const Clusters &run() {
    // Backwards, so that a running sum of products is added to by each, not all by the first.
    std::reverse(ops_.begin(), ops_.end());
    forEach([](Operation *op) { return isa<MatmulOp>(op); }, &Former::growEpilogue);
    std::reverse(ops_.begin(), ops_.end());
    forEach([](Operation *op) { return isa<AttentionOp, AttentionGradOp>(op); },
            &Former::absorbOutputViews);
    forEach(isRowOp, &Former::growRow);
    forEach(isColumnReduction, &Former::growSoleProducers);
    forEach(
        [](Operation *op) { return isElementwiseOp(op) || isa<CausalMaskOp, LengthMaskOp>(op); },
        &Former::joinMaps);
    return clusters_;
  }

private:
  using Step = void (Former::*)(Operation *);

  /// Each op of a kind that no kernel has taken yet.
  void forEach(llvm::function_ref<bool(Operation *)> kind, Step step) {
    for (Operation *op : ops_)
      if (kind(op) && clusters_.isAlone(clusters_.of(op)))
        (this->*step)(op);
  }

  bool isFree(Operation *op) {
    return op && clusters_.of(op) >= 0 && isElementwiseOp(op) &&
           clusters_.isAlone(clusters_.of(op)) && !op->hasAttr(kRecomputedAttr);
  }

  /// Takes elementwise readers, nearest first, as long as the kernel stays legal.
  void growEpilogue(Operation *anchor) {
    const int cluster = clusters_.of(anchor);
    llvm::SmallVector<Operation *> pending = readers(anchor);
    while (!pending.empty()) {
      auto first = llvm::min_element(pending, [&](Operation *a, Operation *b) {
        return clusters_.position(a) < clusters_.position(b);
      });
      Operation *op = *first;
      pending.erase(first);
      if (!isFree(op) || !clusters_.merge(cluster, clusters_.of(op)))
        continue;
      for (Operation *reader : readers(op))
        if (!llvm::is_contained(pending, reader))
          pending.push_back(reader);
    }
  }

  /// The ops that read a result, through views as well.
  SmallVector<Operation *> readers(Operation *op) {
    SmallVector<Operation *> result;
    SmallVector<Value> pending(op->getResults());
    while (!pending.empty())
      for (Operation *user : pending.pop_back_val().getUsers()) {
        if (isViewOp(user) && clusters_.of(user) < 0)
          pending.push_back(user->getResult(0));
        else if (!llvm::is_contained(result, user))
          result.push_back(user);
      }
    return result;
  }

  void growRow(Operation *anchor) {
    growProducers(anchor, /*soleReaders=*/false);
    growEpilogue(anchor);
  }
  void growSoleProducers(Operation *anchor) { growProducers(anchor, /*soleReaders=*/true); }

  /// Takes elementwise producers, and theirs. With `soleReaders` only those whose value no other
  /// kernel reads: storing it would cost more than it saves.
  void growProducers(Operation *anchor, bool soleReaders) {
    const int cluster = clusters_.of(anchor);
    SmallVector<Operation *> pending{anchor};
    while (!pending.empty())
      for (Value operand : pending.pop_back_val()->getOperands()) {
        Operation *producer = rootUnderViews(operand).getDefiningOp();
        if (!isFree(producer) || clusters_.of(producer) == cluster)
          continue;
        if (soleReaders && !llvm::all_of(readers(producer), [&](Operation *reader) {
              return clusters_.of(reader) == cluster;
            }))
          continue;
        if (clusters_.merge(cluster, clusters_.of(producer)))
          pending.push_back(producer);
      }
  }

  /// Joins the maps that make this op's operands.
  void joinMaps(Operation *op) {
    int cluster = clusters_.of(op);
    for (Value operand : op->getOperands()) {
      Operation *producer = rootUnderViews(operand).getDefiningOp();
      int other = producer ? clusters_.of(producer) : -1;
      if (other >= 0 && other != cluster && isMap(other) && clusters_.merge(other, cluster))
        cluster = other;
    }
  }
  bool isMap(int cluster) {
    return llvm::all_of(clusters_.members(cluster), [](Operation *op) {
      return isElementwiseOp(op) || isa<CausalMaskOp, LengthMaskOp>(op);
    });
  }

  /// What only moves the results on their way to memory is done while storing them.
  void absorbOutputViews(Operation *anchor) {
    SmallVector<SmallVector<Operation *>> chains;
    for (OpResult result : anchor->getResults())
      chains.push_back(outputChain(result));
    // A concat is stored into only when all of its parts come from here: dq, dk and dv.
    for (auto &chain : chains)
      if (!chain.empty() && isa<ConcatOp>(chain.back()))
        if (!isa<AttentionGradOp>(anchor) || !allPartsFrom(cast<ConcatOp>(chain.back()), chains))
          chain = cutBeforeConcat(chain);
    llvm::SetVector<Operation *> views;
    for (auto &chain : chains)
      views.insert(chain.begin(), chain.end());
    SmallVector<Operation *> ordered(views.getArrayRef());
    llvm::sort(ordered, [&](Operation *a, Operation *b) {
      return clusters_.position(a) < clusters_.position(b);
    });
    clusters_.addViews(clusters_.of(anchor), ordered);
  }

  /// The transposes, reshapes and at most one concat that follow, each the only reader, up to the
  /// last that moves elements.
  static SmallVector<Operation *> outputChain(OpResult value) {
    SmallVector<Operation *> chain;
    size_t moving = 0;
    Value end = value;
    while (end.hasOneUse()) {
      Operation *user = *end.user_begin();
      if (!isa<ReshapeOp, TransposeOp, ConcatOp>(user) || isLeadingConcat(user))
        break;
      if (!attentionStore(value, user->getResult(0)))
        break;
      chain.push_back(user);
      end = user->getResult(0);
      if (!isa<ReshapeOp>(user))
        moving = chain.size();
      if (isa<ConcatOp>(user))
        break;
    }
    chain.resize(moving);
    return chain;
  }

  static bool allPartsFrom(ConcatOp concat, ArrayRef<SmallVector<Operation *>> chains) {
    size_t fromHere = llvm::count_if(chains, [&](const SmallVector<Operation *> &chain) {
      return !chain.empty() && chain.back() == concat;
    });
    return fromHere == concat.getParts().size();
  }

  static SmallVector<Operation *> cutBeforeConcat(ArrayRef<Operation *> chain) {
    while (!chain.empty() && !isa<TransposeOp>(chain.back()))
      chain = chain.drop_back();
    return SmallVector<Operation *>(chain);
  }

  Clusters clusters_;
  SmallVector<Operation *> ops_;
};

struct FormKernelsPass : impl::FormKernelsPassBase<FormKernelsPass> {
  using FormKernelsPassBase::FormKernelsPassBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (failed(checkEntry(function)) || failed(checkBody(function)))
      return signalPassFailure();
    if (function.isExternal())
      return;
    Block &block = function.getBody().front();
    scatterOntoSums(block);
    for (Operation &op : llvm::make_early_inc_range(block))
      if (isa<AttentionOp, AttentionGradOp>(op))
        for (Value result : op.getResults())
          storeTransposedOnly(result);
    Former former(block);
    if (failed(outlineKernels(function, former.run())))
      signalPassFailure();
  }

private:
  static LogicalResult checkBody(func::FuncOp function) {
    if (function.isExternal())
      return success();
    for (Operation &op : function.getBody().front().without_terminator()) {
      if (isa<KernelOp>(op))
        return op.emitOpError("cannot be part of a kernel");
      if (isa<FfnOp, LinearCrossEntropyOp, LinearCrossEntropyTrainOp>(op))
        return op.emitOpError("is no kernel; run heddle-expand-composites first");
    }
    return success();
  }
};

} // namespace
} // namespace heddle::passes
