// SPDX-License-Identifier: Apache-2.0
#include "ir/LayerPath.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "passes/autodiff/Adjoints.h"
#include "passes/autodiff/Gradients.h"
#include "passes/autodiff/Rules.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {
namespace {

using autodiff::Adjoints;

bool isFloat(Value value) { return isa<FloatType>(autodiff::typeOf(value).getElementType()); }

/// The values on a way from `wrt` to the loss: those that gradients flow through.
class Activity {
public:
  Activity(Value loss, ArrayRef<Value> wrt) {
    llvm::DenseSet<Value> varied(wrt.begin(), wrt.end()), useful = {loss};
    Block *block = loss.getParentBlock();
    for (Operation &op : *block)
      if (llvm::any_of(op.getOperands(), [&](Value v) { return varied.contains(v); }))
        for (Value result : op.getResults())
          if (isFloat(result))
            varied.insert(result);
    for (Operation &op : llvm::reverse(*block))
      if (llvm::any_of(op.getResults(), [&](Value v) { return useful.contains(v); }))
        for (Value operand : op.getOperands())
          useful.insert(operand);
    for (Value value : varied)
      if (useful.contains(value))
        active_.insert(value);
  }

  bool isActive(Value value) const { return active_.contains(value); }
  bool hasActiveResult(Operation &op) const {
    return llvm::any_of(op.getResults(), [&](Value v) { return isActive(v); });
  }

private:
  llvm::DenseSet<Value> active_;
};

/// Whether gradients must flow through the parts of `op` because its own rule, if any, does not
/// cover the operands and results that take part.
bool needsDecomposition(Operation &op, const Activity &activity) {
  if (!isa<DecomposableOpInterface>(op) || !activity.hasActiveResult(op))
    return false;
  if (!isa<DifferentiableOpInterface>(op))
    return true;
  // Rules of composite ops take the gradient of the main result only, not of what was saved.
  return llvm::any_of(op.getResults().drop_front(), [&](Value v) { return activity.isActive(v); });
}

void replaceByDecomposition(DecomposableOpInterface op) {
  OpBuilder builder(op);
  SmallVector<Value> values = op.decompose(builder);
  for (auto [result, value] : llvm::zip_equal(op->getResults(), values))
    if (value)
      result.replaceAllUsesWith(value);
  op->erase();
}

/// Decomposes until every op that gradients flow through is covered. A part may be composite
/// itself, and may change what is active.
void decomposeUncovered(Value &loss, ArrayRef<Value> wrt) {
  Block *block = loss.getParentBlock();
  for (bool changed = true; changed;) {
    changed = false;
    Activity activity(loss, wrt);
    for (Operation &op : llvm::make_early_inc_range(*block)) {
      if (!needsDecomposition(op, activity))
        continue;
      auto result = dyn_cast<OpResult>(loss);
      const bool holdsLoss = result && result.getOwner() == &op;
      if (holdsLoss) {
        // Keep the loss findable: it has a use of its own while its op is replaced.
        OpBuilder builder(&op);
        builder.setInsertionPointAfter(&op);
        auto holder = ReshapeOp::create(builder, op.getLoc(), loss.getType(), loss);
        replaceByDecomposition(cast<DecomposableOpInterface>(op));
        loss = holder.getX();
        holder.erase();
      } else {
        replaceByDecomposition(cast<DecomposableOpInterface>(op));
      }
      changed = true;
    }
  }
}

LogicalResult differentiateOp(Operation &op, OpBuilder &builder, const Activity &activity,
                              Adjoints &adjoints) {
  SmallVector<Value> dresults;
  for (Value result : op.getResults())
    dresults.push_back(activity.isActive(result) ? adjoints.take(builder, result) : Value());
  if (llvm::none_of(dresults, [](Value v) { return bool(v); }))
    return success();
  auto rule = dyn_cast<DifferentiableOpInterface>(op);
  if (!rule) {
    std::string layer = layerPath(op.getLoc());
    InFlightDiagnostic error = op.emitOpError("has no gradient rule");
    if (!layer.empty())
      error << " (layer " << layer << ")";
    return error;
  }
  SmallVector<Value> doperands = rule.differentiate(builder, dresults);
  for (auto [operand, doperand] : llvm::zip_equal(op.getOperands(), doperands))
    if (doperand && activity.isActive(operand))
      adjoints.add(operand, doperand);
  return success();
}

/// Rules build gradients for all operands; those that nobody asked for go again.
void eraseUnused(Operation *lastForward, Operation *terminator, ArrayRef<Value> kept) {
  llvm::DenseSet<Operation *> roots;
  for (Value value : kept)
    if (value)
      roots.insert(value.getDefiningOp());
  for (Operation *op = terminator->getPrevNode(); op != lastForward;) {
    Operation *previous = op->getPrevNode();
    if (!roots.contains(op) && isOpTriviallyDead(op))
      op->erase();
    op = previous;
  }
}

} // namespace

FailureOr<SmallVector<Value>> differentiate(Value loss, ArrayRef<Value> wrt, Value seed) {
  Block *block = loss.getParentBlock();
  Operation *terminator = block->getTerminator();
  if (autodiff::typeOf(loss).getRank() != 0 || !isFloat(loss))
    return emitError(loss.getLoc(), "the loss must be a scalar tensor of floating point, found ")
           << loss.getType();
  decomposeUncovered(loss, wrt);

  Activity activity(loss, wrt);
  Operation *lastForward = terminator->getPrevNode();
  OpBuilder builder(terminator);
  if (!seed)
    seed = autodiff::scalar(builder, loss.getLoc(), loss, 1.0);
  Adjoints adjoints;
  adjoints.add(loss, seed);

  SmallVector<Operation *> forward;
  for (Operation *op = lastForward; op; op = op->getPrevNode())
    forward.push_back(op);
  for (Operation *op : forward)
    if (activity.hasActiveResult(*op) && failed(differentiateOp(*op, builder, activity, adjoints)))
      return failure();

  SmallVector<Value> gradients;
  for (Value value : wrt)
    gradients.push_back(activity.isActive(value) ? adjoints.take(builder, value) : Value());
  eraseUnused(lastForward, terminator, gradients);
  return gradients;
}

} // namespace heddle::passes
