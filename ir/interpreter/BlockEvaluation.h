// SPDX-License-Identifier: Apache-2.0
// Runs the evaluators of a block in order, over any kind of number. Internal to the interpreter.

#ifndef HEDDLE_IR_INTERPRETER_BLOCKEVALUATION_H
#define HEDDLE_IR_INTERPRETER_BLOCKEVALUATION_H

#include "ir/LayerPath.h"
#include "ir/interpreter/Evaluators.h"
#include "ir/interpreter/Interpreter.h"
#include "llvm/ADT/DenseMap.h"

namespace heddle::ir {

template <typename Number>
using ObserverOf =
    std::function<absl::Status(mlir::Operation *, llvm::ArrayRef<TensorRefOf<Number>>)>;

/// One argument per argument of the function, with its kind and shape; one block.
absl::Status checkArguments(mlir::func::FuncOp function, llvm::ArrayRef<TensorRef> arguments);

/// Every op of the dialect but heddle.kernel.
template <typename Number> const EvaluatorTable<Number> &evaluators() {
  static const EvaluatorTable<Number> table = [] {
    EvaluatorTable<Number> result;
    addElementwiseEvaluators(result);
    addShapeEvaluators(result);
    addReductionEvaluators(result);
    addNormEvaluators(result);
    addMatmulEvaluators(result);
    addEmbeddingEvaluators(result);
    addAttentionEvaluators(result);
    addFfnEvaluators(result);
    addLossEvaluators(result);
    addOptimizerEvaluators(result);
    return result;
  }();
  return table;
}

/// `status` with the op and its layer in front.
inline absl::Status atOp(mlir::Operation *op, const absl::Status &status) {
  std::string where = op->getName().getStringRef().str();
  if (std::string path = layerPath(op->getLoc()); !path.empty())
    where += " (" + path + ")";
  return absl::Status(status.code(), where + ": " + std::string(status.message()));
}

template <typename Number> absl::StatusOr<TensorOf<Number>> zerosOf(mlir::Type type) {
  auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape())
    return absl::InvalidArgumentError("a value is no tensor of static shape");
  absl::StatusOr<ElementKind> kind = elementKindOf(tensor.getElementType());
  if (!kind.ok())
    return kind.status();
  return TensorOf<Number>::zeros(*kind, tensor.getShape().vec());
}

/// Where an op reads an integer that is undecided as an index, a length or a mask, nothing is known
/// of its results.
template <typename Number>
void forgetUndecided(mlir::Operation *, llvm::ArrayRef<TensorRefOf<Number>>, Outputs<Number>) {}
template <>
inline void forgetUndecided(mlir::Operation *op, llvm::ArrayRef<TensorRefOf<Bounded>> operands,
                            Outputs<Bounded> results) {
  // These pass it on, element by element.
  if (mlir::isa<CompareOp, LogicalAndOp, CastOp, SelectOp, ReshapeOp, TransposeOp, BroadcastOp,
                SliceOp, ConcatOp, PadOp>(op))
    return;
  if (llvm::all_of(operands, [](const auto &operand) { return operand->undecided.empty(); }))
    return;
  for (TensorOf<Bounded> &result : results) {
    for (Bounded &number : result.floats)
      number.error = std::numeric_limits<double>::infinity();
    result.undecided.assign(result.ints.size(), 1);
  }
}

/// Evaluates one block. Values are dropped after their last use, so that peak memory follows the
/// graph's and not the sum of all it computes.
template <typename Number> class BlockEvaluation {
public:
  using Ref = TensorRefOf<Number>;

  explicit BlockEvaluation(const ObserverOf<Number> &observer) : observer_(observer) {}

  absl::StatusOr<std::vector<Ref>> run(mlir::Block &block, llvm::ArrayRef<Ref> arguments) {
    for (auto [argument, tensor] : llvm::zip_equal(block.getArguments(), arguments))
      define(argument, tensor);
    for (mlir::Operation &op : block.without_terminator()) {
      llvm::SmallVector<Ref> operands = use(&op);
      absl::StatusOr<std::vector<Ref>> results = runOp(&op, operands);
      if (!results.ok())
        return results.status();
      if (observer_)
        if (absl::Status status = observer_(&op, *results); !status.ok())
          return status;
      for (auto [value, tensor] : llvm::zip_equal(op.getResults(), *results))
        define(value, std::move(tensor));
    }
    llvm::SmallVector<Ref> results = use(block.getTerminator());
    return std::vector<Ref>(results.begin(), results.end());
  }

private:
  struct Binding {
    Ref tensor;
    int64_t usesLeft;
  };

  void define(mlir::Value value, Ref tensor) {
    int64_t uses = std::distance(value.use_begin(), value.use_end());
    if (uses > 0)
      bindings_[value] = {std::move(tensor), uses};
  }

  llvm::SmallVector<Ref> use(mlir::Operation *op) {
    llvm::SmallVector<Ref> operands;
    for (mlir::Value value : op->getOperands()) {
      Binding &binding = bindings_.find(value)->second;
      operands.push_back(binding.tensor);
      if (--binding.usesLeft == 0)
        bindings_.erase(value);
    }
    return operands;
  }

  absl::StatusOr<std::vector<Ref>> runOp(mlir::Operation *op, llvm::ArrayRef<Ref> operands) {
    if (auto kernel = mlir::dyn_cast<KernelOp>(op))
      return BlockEvaluation(observer_).run(kernel.getBody().front(), operands);
    const Evaluator<Number> *evaluator = evaluators<Number>().find(op->getName().getStringRef());
    if (!evaluator)
      return atOp(op, absl::UnimplementedError("the interpreter has no evaluator for this op"));
    llvm::SmallVector<TensorOf<Number>> results;
    for (mlir::Type type : op->getResultTypes()) {
      absl::StatusOr<TensorOf<Number>> zeros = zerosOf<Number>(type);
      if (!zeros.ok())
        return atOp(op, zeros.status());
      results.push_back(std::move(*zeros));
    }
    if (absl::Status status = (*evaluator)(op, Inputs<Number>(op, operands), results); !status.ok())
      return atOp(op, status);
    forgetUndecided<Number>(op, operands, results);
    std::vector<Ref> shared;
    for (TensorOf<Number> &tensor : results)
      shared.push_back(std::make_shared<const TensorOf<Number>>(std::move(tensor)));
    return shared;
  }

  const ObserverOf<Number> &observer_;
  llvm::DenseMap<mlir::Value, Binding> bindings_;
};

} // namespace heddle::ir

#endif // HEDDLE_IR_INTERPRETER_BLOCKEVALUATION_H
