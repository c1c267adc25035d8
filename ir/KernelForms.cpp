// SPDX-License-Identifier: Apache-2.0
#include "ir/KernelForms.h"

#include "ir/Dialect.h"
#include "ir/ShapeRules.h"
#include "ir/ViewChain.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace heddle::ir {
namespace {

int64_t elementsOf(Value value) { return tensorOf(value).getNumElements(); }
int64_t lastAxis(Value value) { return dimsOf(value).empty() ? 1 : dimsOf(value).back(); }

std::string describe(Operation *op) { return op->getName().getStringRef().str(); }

/// The checks of all forms over one body.
class Classifier {
public:
  Classifier(ArrayRef<Operation *> ops, ArrayRef<Value> yields) : yields_(yields) {
    for (Operation *op : ops) {
      members_.insert(op);
      if (!isViewOp(op) && !isa<ConstantOp>(op))
        computed_.push_back(op);
    }
  }

  std::optional<KernelAnatomy> run() {
    Operation *anchor = nullptr;
    for (Operation *op : computed_) {
      if (isElementwiseOp(op) || isa<CausalMaskOp, LengthMaskOp>(op) || isOutputConcat(op))
        continue;
      if (anchor)
        return fail(describe(anchor) + " and " + describe(op) + " in one kernel");
      anchor = op;
    }
    if (!anchor)
      return checkMap() ? std::optional(KernelAnatomy{KernelForm::Map, nullptr}) : std::nullopt;
    KernelForm form = formOf(anchor);
    if (!check(form, anchor))
      return std::nullopt;
    return KernelAnatomy{form, anchor};
  }

  std::string takeReason() { return std::move(reason_); }

private:
  std::nullopt_t fail(std::string reason) {
    if (reason_.empty())
      reason_ = std::move(reason);
    return std::nullopt;
  }
  bool no(std::string reason) {
    fail(std::move(reason));
    return false;
  }

  /// A concat that gathers results of an attention_grad on their way out.
  bool isOutputConcat(Operation *op) {
    return isa<ConcatOp>(op) && llvm::any_of(computed_, llvm::IsaPred<AttentionGradOp>);
  }

  KernelForm formOf(Operation *anchor) {
    if (isa<MatmulOp>(anchor))
      return KernelForm::Gemm;
    if (isa<AttentionOp>(anchor))
      return KernelForm::Attention;
    if (isa<AttentionGradOp>(anchor))
      return KernelForm::AttentionGrad;
    if (isRowOp(anchor))
      return KernelForm::Row;
    if (isColumnReduction(anchor))
      return KernelForm::ColumnReduce;
    return KernelForm::Single;
  }

  bool check(KernelForm form, Operation *anchor) {
    switch (form) {
    case KernelForm::Gemm:
      return checkGemm(cast<MatmulOp>(anchor));
    case KernelForm::Map:
      return checkMap();
    case KernelForm::Row:
    case KernelForm::ColumnReduce:
      return checkRows(anchor, form);
    case KernelForm::Attention:
    case KernelForm::AttentionGrad:
      return checkStored(anchor);
    case KernelForm::Single:
      return checkSingle(anchor);
    }
    llvm_unreachable("unknown form");
  }

  /// The value under the views of `value`.
  Value rootOf(Value value) {
    while (Operation *op = value.getDefiningOp()) {
      if (!isViewOp(op))
        break;
      value = op->getOperand(0);
    }
    return value;
  }
  /// Whether an op of this body computes what `value` is a view of.
  bool isComputed(Value value) {
    Operation *op = rootOf(value).getDefiningOp();
    return op && members_.contains(op) && !isa<ConstantOp>(op);
  }
  /// Whether `value` is an input read as one strided access.
  bool isInput(Value value) {
    if (isComputed(value))
      return no("a view of a computed value is read where an input is needed");
    Operation *op = viewThroughChain(value).root.getDefiningOp();
    if (op && members_.contains(op) && isViewOp(op))
      return no(describe(op) + " is no strided access");
    return true;
  }
  bool isDenseInput(Value value) {
    return isInput(value) && viewThroughChain(value).view.isDense();
  }

  bool allInputs(Operation *op) {
    return llvm::all_of(op->getOperands(), [&](Value operand) { return isInput(operand); });
  }

  /// From `value` down to a computed value there are only reshapes that keep the last axis.
  bool keepsLastAxis(Value value) {
    int64_t last = lastAxis(value);
    while (Operation *op = value.getDefiningOp()) {
      if (!isViewOp(op))
        return true;
      value = op->getOperand(0);
      if (!isa<ReshapeOp>(op) || lastAxis(value) != last)
        return no(describe(op) + " of a computed value moves its last axis");
    }
    return true;
  }
  /// The computed value that `value` renames; value itself where it is computed.
  Value computedUnderReshapes(Value value) {
    while (auto reshape = value.getDefiningOp<ReshapeOp>())
      value = reshape.getX();
    return value;
  }

  bool yieldsComputed(llvm::function_ref<bool(Value)> allowed) {
    for (Value yield : yields_) {
      Value value = computedUnderReshapes(yield);
      if (!isComputed(value) || isViewOp(value.getDefiningOp()))
        return no("yields a value that it does not compute");
      if (!allowed(value))
        return no("yields " + describe(value.getDefiningOp()) + " of another shape");
    }
    return true;
  }

  bool isFull(Value value, int64_t elements, int64_t last) {
    return elementsOf(value) == elements && lastAxis(value) == last;
  }

  bool checkGemm(MatmulOp matmul) {
    if (!allInputs(matmul))
      return false;
    Value y = matmul.getY();
    if (dimsOf(matmul.getB()).size() > 2 && computed_.size() > 1)
      return no("elementwise ops on a batched matmul");
    const int64_t elements = elementsOf(y), last = lastAxis(y);
    for (Operation *op : computed_) {
      if (op == matmul)
        continue;
      if (!isElementwiseOp(op))
        return no(describe(op) + " behind a matmul");
      if (!isFull(op->getResult(0), elements, last))
        return no(describe(op) + " of another shape than the matmul");
      for (Value operand : op->getOperands()) {
        if (isComputed(operand)) {
          if (!keepsLastAxis(operand))
            return false;
          continue;
        }
        if (isRandomState(op, operand))
          continue;
        bool shaped = isFull(operand, elements, last) || isFull(operand, last, last) ||
                      elementsOf(operand) == 1;
        if (!shaped)
          return no(describe(op) + " reads an operand that broadcasts along rows");
        if (!isDenseInput(operand) && !isSplat(operand))
          return no(describe(op) + " reads a strided operand");
      }
    }
    return yieldsComputed([&](Value value) { return isFull(value, elements, last); });
  }

  static bool isRandomState(Operation *op, Value operand) {
    auto dropout = dyn_cast<DropoutOp>(op);
    return dropout && operand == dropout.getRng();
  }
  bool isSplat(Value value) {
    auto constant = rootOf(value).getDefiningOp<ConstantOp>();
    return constant && isa<SplatElementsAttr>(constant.getValue());
  }

  bool checkMap() {
    if (yields_.empty())
      return no("yields nothing");
    ArrayRef<int64_t> shape = dimsOf(underConcludingReshape(yields_.front()));
    for (Value yield : yields_) {
      Value value = underConcludingReshape(yield);
      if (dimsOf(value) != shape)
        return no("yields of different shapes");
      if (isComputed(value) ? isViewOp(value.getDefiningOp()) : !isInput(value))
        return no("yields a view of a computed value");
    }
    for (Operation *op : computed_) {
      if (!broadcastsTo(dimsOf(op->getResult(0)), shape))
        return no(describe(op) + " of another shape than the result");
      for (Value operand : op->getOperands()) {
        if (isRandomState(op, operand) || isa<LengthMaskOp>(op))
          continue;
        if (isComputed(operand) ? isViewOp(operand.getDefiningOp()) : !isInput(operand))
          return no(describe(op) + " reads a view of a computed value");
      }
      // A random element is the one of its own linear index, so it cannot be broadcast.
      if (isa<DropoutOp>(op) && dimsOf(op->getResult(0)) != shape)
        return no("dropout of another shape than the result");
    }
    return true;
  }
  /// A reshape at the end costs nothing: the result is stored in order.
  Value underConcludingReshape(Value yield) {
    Value value = computedUnderReshapes(yield);
    // Views of inputs may hold reshapes that are part of the strided access.
    return isComputed(yield) || !isReadable(yield) ? value : yield;
  }
  bool isReadable(Value value) {
    Operation *op = viewThroughChain(value).root.getDefiningOp();
    return !(op && members_.contains(op) && isViewOp(op));
  }

  /// Row ops and column reductions: everything is [rows, C] of the anchor's first operand.
  bool checkRows(Operation *anchor, KernelForm form) {
    Value x = anchor->getOperand(0);
    const int64_t elements = elementsOf(x);
    const int64_t last = form == KernelForm::ColumnReduce ? reducedColumns(anchor) : lastAxis(x);
    auto isFullHere = [&](Value value) {
      return elementsOf(value) == elements &&
             (form == KernelForm::ColumnReduce || lastAxis(value) == last);
    };
    bool afterAnchor = false;
    for (Operation *op : computed_) {
      if (op == anchor) {
        afterAnchor = true;
        if (!checkAnchorOperands(anchor))
          return false;
        continue;
      }
      if (!isElementwiseOp(op))
        return no(describe(op) + " in the kernel of " + describe(anchor));
      if (form == KernelForm::ColumnReduce && afterAnchor)
        return no(describe(op) + " behind a reduction");
      if (!isFullHere(op->getResult(0)))
        return no(describe(op) + " of another shape than the rows of " + describe(anchor));
      if (!checkRowOperands(op, elements, last))
        return false;
    }
    return yieldsComputed([&](Value value) {
      bool ofAnchor = value.getDefiningOp() == anchor;
      return ofAnchor || (form == KernelForm::Row && isFullHere(value));
    });
  }

  /// What an elementwise op of a row kernel may read.
  bool checkRowOperands(Operation *op, int64_t elements, int64_t last) {
    for (Value operand : op->getOperands()) {
      if (isRandomState(op, operand))
        continue;
      if (isComputed(operand)) {
        if (!keepsLastAxis(operand))
          return false;
        if (elementsOf(operand) != elements || isStatistic(rootOf(operand)))
          return no(describe(op) + " reads a statistic of the row");
        continue;
      }
      bool full = elementsOf(operand) == elements && lastAxis(operand) == last;
      bool row = isFull(operand, last, last);
      bool column = isFull(operand, elements / last, 1);
      if (!full && !row && !column && elementsOf(operand) != 1)
        return no(describe(op) + " reads an operand that broadcasts along other axes");
      if (!isInput(operand))
        return false;
    }
    return true;
  }

  /// Whether a row op gives one number per row here, even where a row has but one element.
  static bool isStatistic(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || !isRowOp(op))
      return false;
    return isa<SumOp, MaxOp, CrossEntropyOp>(op) || cast<OpResult>(value).getResultNumber() > 0;
  }

  /// Whether the anchor reads operand `number` row by row, so that the body may compute it; the
  /// others are statistics, parameters and targets.
  static bool isRowOperand(Operation *anchor, unsigned number) {
    if (number == 0)
      return true;
    return number == 1 && isa<LayerNormGradOp, RmsNormGradOp, LayerNormParamGradOp,
                              RmsNormParamGradOp, SoftmaxGradOp>(anchor);
  }

  /// The anchor reads full values that the body computes, and inputs.
  bool checkAnchorOperands(Operation *anchor) {
    for (OpOperand &operand : anchor->getOpOperands()) {
      if (!isComputed(operand.get())) {
        if (!isInput(operand.get()))
          return false;
      } else if (!isRowOperand(anchor, operand.getOperandNumber())) {
        return no(describe(anchor) + " reads a computed value besides its rows");
      } else if (!keepsLastAxis(operand.get())) {
        return false;
      }
    }
    return true;
  }

  /// The size of the innermost axis, which no column reduction sums over.
  static int64_t reducedColumns(Operation *anchor) { return lastAxis(anchor->getOperand(0)); }

  bool checkStored(Operation *anchor) {
    if (!allInputs(anchor))
      return false;
    for (Operation *op : computed_)
      if (op != anchor && !isa<ConcatOp>(op))
        return no(describe(op) + " in the kernel of " + describe(anchor));
    for (Value result : anchor->getResults()) {
      if (llvm::is_contained(yields_, result) || result.use_empty())
        continue;
      bool stored = llvm::any_of(yields_, [&](Value yield) { return isStored(result, yield); });
      // Before kernels are formed, other readers of a result are no concern of this one.
      bool readHere =
          llvm::any_of(result.getUsers(), [&](Operation *user) { return members_.contains(user); });
      if (!stored && readHere)
        return no("a result of " + describe(anchor) + " is stored in no strided way");
    }
    for (Value yield : yields_)
      if (!isStoredResult(anchor, yield))
        return no("yields a value that is no result of " + describe(anchor));
    return true;
  }
  bool isStoredResult(Operation *anchor, Value yield) {
    return llvm::any_of(anchor->getResults(),
                        [&](Value result) { return result == yield || isStored(result, yield); });
  }
  static bool isStored(Value result, Value yield) {
    return attentionStore(cast<OpResult>(result), yield).has_value();
  }

  bool checkSingle(Operation *anchor) {
    if (computed_.size() > 1)
      return no(describe(anchor) + " stands alone in a kernel");
    return allInputs(anchor) &&
           yieldsComputed([&](Value value) { return value.getDefiningOp() == anchor; });
  }

  llvm::SmallDenseSet<Operation *> members_;
  SmallVector<Operation *> computed_;
  ArrayRef<Value> yields_;
  std::string reason_;
};

} // namespace

std::optional<KernelAnatomy> classifyKernelBody(ArrayRef<Operation *> ops, ArrayRef<Value> yields,
                                                std::string *reason) {
  Classifier classifier(ops, yields);
  std::optional<KernelAnatomy> anatomy = classifier.run();
  if (!anatomy && reason)
    *reason = classifier.takeReason();
  return anatomy;
}

std::optional<KernelAnatomy> classifyKernel(KernelOp kernel, std::string *reason) {
  Block &body = kernel.getBody().front();
  SmallVector<Operation *> ops;
  for (Operation &op : body.without_terminator())
    ops.push_back(&op);
  SmallVector<Value> yields(body.getTerminator()->getOperands());
  return classifyKernelBody(ops, yields, reason);
}

bool isLegalKernel(KernelOp kernel, std::string *reason) {
  return classifyKernel(kernel, reason).has_value();
}

} // namespace heddle::ir
