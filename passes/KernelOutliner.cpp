// SPDX-License-Identifier: Apache-2.0
#include "passes/KernelOutliner.h"

#include "ir/KernelForms.h"
#include "ir/ViewChain.h"
#include "mlir/IR/IRMapping.h"
#include "passes/KernelNames.h"
#include "passes/Matching.h"
#include "passes/Recomputed.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {
namespace {

bool isSplatConstant(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  return constant && isa<SplatElementsAttr>(constant.getValue());
}

/// Builds one kernel at a builder's insertion point: clones ops into its body, pulling in views and
/// splat constants, and making inputs of everything else.
class KernelBuilder {
public:
  /// `topLevel` gives a dense value at the top level of the function for one outside of the kernel.
  KernelBuilder(OpBuilder &builder, llvm::function_ref<Value(Value)> topLevel)
      : builder_(builder), inner_(builder.getContext()), topLevel_(topLevel) {
    inner_.setInsertionPointToEnd(body_.get());
  }

  /// For the kernel of a matmul, whose epilogue reads dense operands only.
  void readDense() { readsDense_ = true; }

  /// Puts an op of the kernel's cluster into the body.
  void addMember(Operation *op) {
    clone(op);
    computed_.insert(op->result_begin(), op->result_end());
  }

  /// The value in the body that stands for `value` of the function.
  Value inside(Value value) {
    if (Value known = inside_.lookup(value))
      return known;
    Operation *op = value.getDefiningOp();
    if (isSplatConstant(value)) {
      clone(op);
    } else if (!op || !isViewOp(op)) {
      inside_[value] = input(topLevel_(value));
    } else if (Value root = rootUnderViews(value);
               computed_.contains(root) || isSplatConstant(root)) {
      inside(op->getOperand(0));
      clone(op);
    } else {
      viewInput(value);
    }
    return inside_.lookup(value);
  }

  /// Closes the kernel; `yields` are values of the function that were cloned or can be read.
  KernelOp finish(Location loc, ArrayRef<Value> yields) {
    SmallVector<Value> results;
    SmallVector<Type> types;
    for (Value value : yields) {
      results.push_back(inside(value));
      types.push_back(value.getType());
    }
    YieldOp::create(inner_, loc, results);
    auto kernel = KernelOp::create(builder_, loc, types, inputs_.getArrayRef(),
                                   builder_.getStringAttr("kernel"), DenseI64ArrayAttr());
    kernel.getBody().push_back(body_.release());
    kernel.setName(kernelName(kernel));
    return kernel;
  }

private:
  void clone(Operation *op) {
    IRMapping mapping;
    for (Value operand : op->getOperands())
      mapping.map(operand, isBufferOperand(op, operand) || isStridedInEpilogue(op, operand)
                               ? input(topLevel_(operand))
                               : inside(operand));
    Operation *copy = inner_.clone(*op, mapping);
    copy->removeAttr(kRecomputedAttr);
    for (auto [from, to] : llvm::zip_equal(op->getResults(), copy->getResults()))
      inside_[from] = to;
  }

  /// Ops with loops of their own read tensors from buffers, some in one layout only; only
  /// elementwise ops, and numbers, take a splat constant as it is.
  static bool isBufferOperand(Operation *op, Value operand) {
    if (!isReadInPlace(op, operand))
      return true;
    return isSplatConstant(operand) && !isElementwiseOp(op) && !isViewOp(op) &&
           tensorOf(operand).getRank() > 0 && isa<FloatType>(elementOf(operand));
  }

  /// Dense when the cluster was formed, but an attention has been asked to store it transposed.
  bool isStridedInEpilogue(Operation *op, Value operand) {
    Value root = rootUnderViews(operand);
    return readsDense_ && isElementwiseOp(op) && root != operand && !computed_.contains(root) &&
           !isSplatConstant(root) && !viewThroughChain(operand).view.isDense();
  }

  /// A strided access: what is contiguous about it stays at the top level, where it costs nothing
  /// and keeps the body the same for all pieces of a tensor; the rest is done by the kernel.
  void viewInput(Value value) {
    Value root = viewThroughChain(value).root;
    SmallVector<Operation *> chain; // from the root on
    for (Value at = value; at != root; at = at.getDefiningOp()->getOperand(0))
      chain.push_back(at.getDefiningOp());
    Value base = root;
    while (!chain.empty() && isContiguousAlias(chain.back()))
      base = chain.pop_back_val()->getResult(0);
    inside_[base] = input(topLevel_(base));
    while (!chain.empty())
      clone(chain.pop_back_val());
  }

  Value input(Value topLevel) {
    if (inputs_.insert(topLevel))
      body_->addArgument(topLevel.getType(), topLevel.getLoc());
    auto position = llvm::find(inputs_, topLevel) - inputs_.begin();
    return body_->getArgument(position);
  }

  std::unique_ptr<Block> body_ = std::make_unique<Block>();
  OpBuilder &builder_;
  OpBuilder inner_; // at the end of the body
  llvm::function_ref<Value(Value)> topLevel_;
  llvm::SetVector<Value> inputs_;
  DenseMap<Value, Value> inside_;
  DenseSet<Value> computed_;
  bool readsDense_ = false;
};

class Outliner {
public:
  Outliner(func::FuncOp function, const Clusters &clusters)
      : block_(function.getBody().front()), builder_(block_.getTerminator()), clusters_(clusters) {
    for (Operation &op : block_.without_terminator())
      old_.push_back(&op);
  }

  LogicalResult run() {
    // Uses change while kernels are made.
    SmallVector<std::pair<int, SmallVector<Value>>> work;
    for (int cluster : clusters_.inOrder())
      work.emplace_back(cluster, clusters_.yields(cluster));
    for (auto &[cluster, yields] : work)
      if (!yields.empty() && failed(emitCluster(clusters_.members(cluster), yields)))
        return failure();
    for (OpOperand &operand : block_.getTerminator()->getOpOperands())
      operand.set(returned(operand.get()));
    eraseOld();
    return success();
  }

private:
  LogicalResult emitCluster(ArrayRef<Operation *> members, ArrayRef<Value> yields) {
    KernelBuilder kernel = newKernel();
    if (llvm::any_of(members, llvm::IsaPred<MatmulOp>))
      kernel.readDense();
    for (Operation *op : members)
      kernel.addMember(op);
    std::optional<KernelOp> made = check(kernel.finish(locationOf(members), yields));
    if (!made)
      return failure();
    for (auto [from, to] : llvm::zip_equal(yields, made->getOutputs())) {
      // Readers find the kernel in place of the ops it was made of; the ops themselves go.
      Value old = from;
      old.replaceAllUsesWith(to);
    }
    return success();
  }

  KernelBuilder newKernel() { return KernelBuilder(builder_, toTopLevel_); }

  static std::optional<KernelOp> check(KernelOp kernel) {
    std::string reason;
    if (isLegalKernel(kernel, &reason))
      return kernel;
    kernel.emitOpError("was formed with no legal body: ") << reason;
    return std::nullopt;
  }

  /// The location of what the kernel is about; elementwise ops give theirs when there is nothing
  /// else.
  static Location locationOf(ArrayRef<Operation *> members) {
    for (Operation *op : members)
      if (!isElementwiseOp(op) && !isViewOp(op))
        return op->getLoc();
    return members.front()->getLoc();
  }

  /// A dense value at the top level with the elements of `value`.
  Value topLevel(Value value) {
    if (Value known = topLevel_.lookup(value))
      return known;
    Value made = makeTopLevel(value);
    topLevel_[value] = made;
    return made;
  }

  Value makeTopLevel(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || isa<KernelOp>(op))
      return value;
    if (isSplatConstant(value))
      return copy(value);
    if (isa<ConstantOp>(op)) {
      Operation *moved = op->clone();
      block_.push_front(moved);
      return moved->getResult(0);
    }
    if (isLeadingConcat(op) || isContiguousPiece(value)) {
      IRMapping mapping;
      for (Value operand : op->getOperands())
        mapping.map(operand, topLevel(operand));
      return builder_.clone(*op, mapping)->getResult(0);
    }
    return copy(value);
  }

  /// Whether all views down to the root, the nearest value that has to be dense, are contiguous.
  static bool isContiguousPiece(Value value) {
    Value root = viewThroughChain(value).root;
    for (; value != root; value = value.getDefiningOp()->getOperand(0))
      if (!isContiguousAlias(value.getDefiningOp()))
        return false;
    return true;
  }

  /// A kernel that writes `value`, a view or a splat constant, into a buffer of its own.
  Value copy(Value value) {
    return newKernel().finish(value.getLoc(), {value}).getOutputs().front();
  }

  /// Each returned constant gets a buffer of its own, since each result is one.
  Value returned(Value value) { return isSplatConstant(value) ? copy(value) : topLevel(value); }

  void eraseOld() {
    for (Operation *op : llvm::reverse(old_)) {
      op->dropAllUses();
      op->erase();
    }
  }

  Block &block_;
  OpBuilder builder_;
  const Clusters &clusters_;
  SmallVector<Operation *> old_;
  DenseMap<Value, Value> topLevel_;
  // Kernels under construction refer to it.
  std::function<Value(Value)> toTopLevel_ = [this](Value value) { return topLevel(value); };
};

} // namespace

LogicalResult outlineKernels(func::FuncOp function, const Clusters &clusters) {
  return Outliner(function, clusters).run();
}

} // namespace heddle::passes
