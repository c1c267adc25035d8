// SPDX-License-Identifier: Apache-2.0
#include "passes/CopyInsertion.h"

#include "ir/Conventions.h"
#include "passes/InPlace.h"
#include "passes/Storage.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {
namespace {

/// Builds a kernel of one op (or of none: a copy of its operand).
Value buildKernel(OpBuilder &builder, Location loc, StringRef name, ValueRange inputs, Type type,
                  llvm::function_ref<Value(OpBuilder &, ValueRange)> body) {
  auto kernel = KernelOp::create(builder, loc, TypeRange{type}, inputs, builder.getStringAttr(name),
                                 DenseI64ArrayAttr());
  Region &region = kernel.getBody();
  Block *block = region.empty() ? &region.emplaceBlock() : &region.front();
  block->clear();
  for (Value input : inputs)
    block->addArgument(input.getType(), loc);
  OpBuilder inside = OpBuilder::atBlockEnd(block);
  YieldOp::create(inside, loc, body(inside, block->getArguments()));
  return kernel.getResult(0);
}

Value buildCopy(OpBuilder &builder, Location loc, Value value) {
  return buildKernel(builder, loc, "copy", value, value.getType(),
                     [](OpBuilder &, ValueRange inputs) { return inputs[0]; });
}

class CopyInsertion {
public:
  explicit CopyInsertion(func::FuncOp function)
      : function_(function), block_(function.getBody().front()),
        return_(cast<func::ReturnOp>(block_.getTerminator())) {
    for (unsigned i = 0; i < function_.getNumArguments(); ++i)
      argumentOf_.try_emplace(argumentName(function_, i), i);
  }

  FailureOr<ResultPlacement> run() {
    if (failed(checkOps()))
      return failure();
    for (auto concat : llvm::make_early_inc_range(block_.getOps<ConcatOp>()))
      settleConcat(concat);
    for (unsigned i = 0; i < return_.getNumOperands(); ++i)
      if (!newValueOf(i))
        settleOutput(i);
    saveOldValues();
    for (unsigned i = 0; i < return_.getNumOperands(); ++i)
      if (std::optional<unsigned> argument = newValueOf(i))
        if (failed(settleNewValue(i, *argument)))
          return failure();
    return std::move(placement_);
  }

private:
  LogicalResult checkOps() {
    for (Operation &op : block_) {
      if (isa<KernelOp, ReshapeOp, ConstantOp, func::ReturnOp>(op))
        continue;
      if (auto slice = dyn_cast<SliceOp>(op); slice && leadingSliceOffset(slice))
        continue;
      if (auto concat = dyn_cast<ConcatOp>(op); concat && leadingConcatOffset(concat, 0))
        continue;
      return op.emitOpError("is in no kernel and renames no contiguous memory; "
                            "heddle-form-kernels must run before heddle-plan-memory");
    }
    return success();
  }

  /// The argument whose new value result `index` of the function is.
  std::optional<unsigned> newValueOf(unsigned index) {
    StringRef kind = resultKind(function_, index);
    if (kind != kKindParam && kind != kKindState)
      return std::nullopt;
    // A state that comes from nowhere (the first caches of a prompt) is an output like others.
    auto argument = argumentOf_.find(resultName(function_, index));
    if (argument == argumentOf_.end())
      return std::nullopt;
    return argument->second;
  }

  /// Whether `value` can be given memory of a special kind: all of a kernel result or concat, and
  /// not promised elsewhere.
  bool isFree(Value value) {
    Value root = storageOf(value).root;
    return isWholeRoot(value) && isa_and_nonnull<KernelOp, ConcatOp>(root.getDefiningOp()) &&
           !claimed_.contains(root);
  }

  void settleConcat(ConcatOp concat) {
    OpBuilder builder(concat);
    llvm::DenseSet<Value> seen;
    auto canMove = [&](Value part) {
      return isFree(part) && seen.insert(storageOf(part).root).second;
    };
    SmallVector<bool> movable = llvm::map_to_vector(concat.getParts(), canMove);
    if (llvm::none_of(movable, [](bool b) { return b; })) {
      Value joined = buildKernel(
          builder, concat.getLoc(), "concat", concat.getParts(), concat.getY().getType(),
          [&](OpBuilder &b, ValueRange parts) {
            return ConcatOp::create(b, concat.getLoc(), parts, concat.getAxis()).getResult();
          });
      concat.getY().replaceAllUsesWith(joined);
      concat.erase();
      return;
    }
    for (unsigned i = 0; i < movable.size(); ++i) {
      if (!movable[i])
        concat->setOperand(i, buildCopy(builder, concat.getLoc(), concat->getOperand(i)));
      claimed_.insert(storageOf(concat->getOperand(i)).root);
    }
  }

  Value copyForReturn(unsigned index) {
    OpBuilder builder(return_);
    Value value = return_.getOperand(index), copied;
    Operation *producer = value.getDefiningOp();
    if (auto kernel = dyn_cast_or_null<KernelOp>(producer);
        kernel && kernel.getInputs().empty() && kernel->getNumResults() == 1)
      copied = builder.clone(*kernel)->getResult(0); // writing is cheaper than copying
    else if (auto constant = dyn_cast_or_null<ConstantOp>(producer);
             constant && isa<SplatElementsAttr>(constant.getValue()))
      copied =
          buildKernel(builder, value.getLoc(), "fill", {}, value.getType(),
                      [&](OpBuilder &b, ValueRange) { return b.clone(*constant)->getResult(0); });
    else
      copied = buildCopy(builder, value.getLoc(), value);
    return_.setOperand(index, copied);
    if (producer && isa<ConstantOp>(producer) && producer->use_empty())
      producer->erase();
    return copied;
  }

  void settleOutput(unsigned index) {
    if (!isFree(return_.getOperand(index)))
      copyForReturn(index);
    Value root = storageOf(return_.getOperand(index)).root;
    claimed_.insert(root);
    placement_.resultOf[root] = index;
  }

  /// Where the new value of one argument is the old value of another that is written too (two
  /// states that change places), the old value is copied before anything is written.
  void saveOldValues() {
    llvm::DenseSet<Value> written;
    for (unsigned i = 0; i < return_.getNumOperands(); ++i)
      if (std::optional<unsigned> argument = newValueOf(i))
        written.insert(function_.getArgument(*argument));
    for (unsigned i = 0; i < return_.getNumOperands(); ++i) {
      std::optional<unsigned> argument = newValueOf(i);
      Value value = return_.getOperand(i), root = storageOf(value).root;
      if (!argument || !written.contains(root) || root == function_.getArgument(*argument))
        continue;
      OpBuilder builder = OpBuilder::atBlockBegin(&block_);
      SmallVector<Operation *> views; // of the argument, so they may stand first
      for (Value window = value; window != root; window = views.back()->getOperand(0))
        views.push_back(window.getDefiningOp());
      for (Operation *view : llvm::reverse(views)) {
        view->moveBefore(&block_, builder.getInsertionPoint());
        builder.setInsertionPointAfter(view);
      }
      return_.setOperand(i, buildCopy(builder, value.getLoc(), value));
    }
  }

  LogicalResult settleNewValue(unsigned index, unsigned argument) {
    Value value = return_.getOperand(index);
    if (isWholeRoot(value) && storageOf(value).root == function_.getArgument(argument))
      return success();
    if (!isFree(value) || !canOverwrite(storageOf(value).root, argument)) {
      Value copied = copyForReturn(index);
      if (!canOverwrite(copied, argument))
        return function_.emitError("the new value of '")
               << argumentName(function_, argument)
               << "' cannot be written over the old one, which is read later";
    }
    Value root = storageOf(return_.getOperand(index)).root;
    claimed_.insert(root);
    placement_.argumentOf[root] = argument;
    return success();
  }

  bool canOverwrite(Value root, unsigned argument) {
    auto kernel = root.getDefiningOp<KernelOp>();
    if (!kernel)
      return false;
    if (isReadBeforeOrInPlace(argument, kernel, cast<OpResult>(root).getResultNumber()))
      return true;
    // What reads nothing can be made last.
    if (!kernel.getInputs().empty() || !llvm::all_of(kernel->getUsers(), [&](Operation *user) {
          return user == return_.getOperation();
        }))
      return false;
    kernel->moveBefore(return_);
    return isReadBeforeOrInPlace(argument, kernel, cast<OpResult>(root).getResultNumber());
  }

  /// Whether every read of the argument comes before `kernel`, or is one of `kernel`'s that allows
  /// result `result` to lie in the same memory.
  bool isReadBeforeOrInPlace(unsigned argument, KernelOp kernel, unsigned result) {
    SmallVector<Value> windows = {function_.getArgument(argument)};
    for (size_t i = 0; i < windows.size(); ++i) {
      for (OpOperand &use : windows[i].getUses()) {
        Operation *user = use.getOwner();
        if (isa<ReshapeOp, SliceOp>(user)) {
          windows.push_back(user->getResult(0));
        } else if (user == kernel.getOperation()) {
          if (!isWholeRoot(use.get()) || !mayShareBuffer(kernel, use.getOperandNumber(), result))
            return false;
        } else if (!user->isBeforeInBlock(kernel)) {
          return false;
        }
      }
    }
    return true;
  }

  func::FuncOp function_;
  Block &block_;
  func::ReturnOp return_;
  llvm::StringMap<unsigned> argumentOf_; // by name; a training step has hundreds
  llvm::DenseSet<Value> claimed_;
  ResultPlacement placement_;
};

} // namespace

FailureOr<ResultPlacement> insertCopies(func::FuncOp function) {
  return CopyInsertion(function).run();
}

} // namespace heddle::passes
