// SPDX-License-Identifier: Apache-2.0
// heddle-plan-memory: decides where each result of a kernel is stored. The layout itself is
// MemoryPlanner's; which results must lie in memory of the caller is CopyInsertion's; which
// operands a kernel may overwrite is InPlace's. What is decided here is written into the IR as
// ir/BufferAssignment.h reads it.
#include "ir/EntryCheck.h"
#include "passes/CopyInsertion.h"
#include "passes/InPlace.h"
#include "passes/MemoryPlanner.h"
#include "passes/Passes.h"
#include "passes/Storage.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {

#define GEN_PASS_DEF_PLANMEMORYPASS
#include "passes/Passes.h.inc"

namespace {

/// The planner's view of a function: time is an op's position in the block, values are storage
/// roots.
class FunctionMemory {
public:
  FunctionMemory(func::FuncOp function, const ResultPlacement &placement)
      : function_(function), placement_(placement) {
    for (Operation &op : function_.getBody().front())
      time_[&op] = static_cast<int>(time_.size());
  }

  void plan() {
    addRoots();
    placeConcatParts();
    for (auto kernel : function_.getOps<KernelOp>())
      reuseDyingOperands(kernel);
    planner_.solve();
    writeAttributes();
  }

private:
  static bool isRoot(Operation &op) { return isa<KernelOp, ConcatOp>(op); }

  /// The last op that reads the memory of each root. Renaming reads nothing.
  void computeLastReads() {
    for (Operation &op : function_.getBody().front()) {
      if (!isa<KernelOp, func::ReturnOp>(op))
        continue;
      for (Value operand : op.getOperands()) {
        int &last = lastRead_.try_emplace(storageOf(operand).root, 0).first->second;
        last = std::max(last, time_[&op]);
      }
    }
  }

  void addRoots() {
    computeLastReads();
    // Buffers of arguments may only be written when the caller expects a new value there, and only
    // until that value is written.
    std::vector<int> overwrittenAt(function_.getNumArguments(), 0);
    for (auto [value, argument] : placement_.argumentOf)
      overwrittenAt[argument] = time_[value.getDefiningOp()];
    for (BlockArgument argument : function_.getArguments()) {
      id_[argument] = planner_.addExternal(byteSizeOf(argument), 0, lastRead_.lookup(argument));
      planner_.reserve(id_[argument], overwrittenAt[argument.getArgNumber()]);
    }
    for (Operation &op : function_.getBody().front()) {
      if (!isRoot(op))
        continue;
      for (Value result : op.getResults()) {
        const int first = time_[&op], last = std::max(first, lastRead_.lookup(result));
        const bool callers =
            placement_.argumentOf.contains(result) || placement_.resultOf.contains(result);
        id_[result] = callers ? planner_.addExternal(byteSizeOf(result), first, last)
                              : planner_.addValue(byteSizeOf(result), first, last);
        if (callers)
          planner_.reserve(id_[result], 0);
      }
    }
  }

  void placeConcatParts() {
    // Outer concats come later; the inner one's buffer, filled or not, then moves as a whole.
    for (auto concat : function_.getOps<ConcatOp>())
      for (auto [number, part] : llvm::enumerate(concat.getParts())) {
        bool placed = planner_.placeInside(id_[storageOf(part).root], id_[concat.getY()],
                                           *leadingConcatOffset(concat, number));
        assert(placed && "insertCopies made parts free to move");
        (void)placed;
      }
  }

  void reuseDyingOperands(KernelOp kernel) {
    for (OpResult result : kernel->getResults())
      for (auto [input, operand] : llvm::enumerate(kernel.getInputs()))
        if (mayTakeOver(kernel, result, input) &&
            planner_.reuse(id_[result], id_[storageOf(operand).root]))
          break;
  }

  bool mayTakeOver(KernelOp kernel, OpResult result, unsigned input) {
    Value root = storageOf(kernel.getInputs()[input]).root;
    if (!id_.contains(root))
      return false; // a constant
    for (OpResult other : kernel->getResults())
      if (other != result && planner_.sameBuffer(id_[other], id_[root]))
        return false;
    for (auto [number, operand] : llvm::enumerate(kernel.getInputs())) {
      Value otherRoot = storageOf(operand).root;
      if (!id_.contains(otherRoot) || !planner_.sameBuffer(id_[otherRoot], id_[root]))
        continue;
      if (!isWholeRoot(operand) || !mayShareBuffer(kernel, number, result.getResultNumber()))
        return false;
    }
    return true;
  }

  int64_t argumentHolding(Value result) {
    if (auto found = placement_.argumentOf.find(result); found != placement_.argumentOf.end())
      return found->second;
    const int owner = planner_.externalOwner(id_[result]);
    for (BlockArgument argument : function_.getArguments())
      if (id_[argument] == owner)
        return argument.getArgNumber();
    return -1;
  }

  void writeAttributes() {
    Builder builder(function_.getContext());
    for (auto kernel : function_.getOps<KernelOp>()) {
      SmallVector<int64_t> offsets, arguments;
      for (Value result : kernel->getResults()) {
        const int id = id_[result];
        offsets.push_back(planner_.externalOwner(id) < 0 ? planner_.offset(id) : -1);
        arguments.push_back(argumentHolding(result));
      }
      kernel.setOffsets(offsets);
      kernel->removeAttr(kArgumentsAttr);
      if (llvm::any_of(arguments, [](int64_t argument) { return argument >= 0; }))
        kernel->setAttr(kArgumentsAttr, builder.getDenseI64ArrayAttr(arguments));
    }
    function_->setAttr("heddle.arena_bytes", builder.getI64IntegerAttr(planner_.arenaBytes()));
    function_->setAttr("heddle.max_live_bytes", builder.getI64IntegerAttr(planner_.maxLiveBytes()));
  }

  func::FuncOp function_;
  const ResultPlacement &placement_;
  MemoryPlanner planner_;
  llvm::DenseMap<Operation *, int> time_;
  llvm::DenseMap<Value, int> lastRead_, id_;
};

struct PlanMemoryPass : impl::PlanMemoryPassBase<PlanMemoryPass> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (failed(checkEntry(function)))
      return signalPassFailure();
    if (function.isExternal())
      return;
    FailureOr<ResultPlacement> placement = insertCopies(function);
    if (failed(placement))
      return signalPassFailure();
    FunctionMemory(function, *placement).plan();
  }
};

} // namespace
} // namespace heddle::passes
