// SPDX-License-Identifier: Apache-2.0
#include "ir/interpreter/Interpreter.h"

#include "ir/Conventions.h"
#include "ir/LayerPath.h"
#include "ir/interpreter/Evaluators.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;

namespace heddle::ir {
namespace {

const EvaluatorTable &evaluators() {
  static const EvaluatorTable table = [] {
    EvaluatorTable result;
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
absl::Status atOp(Operation *op, const absl::Status &status) {
  std::string where = op->getName().getStringRef().str();
  if (std::string path = layerPath(op->getLoc()); !path.empty())
    where += " (" + path + ")";
  return absl::Status(status.code(), where + ": " + std::string(status.message()));
}

absl::StatusOr<Tensor> zerosOf(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape())
    return absl::InvalidArgumentError("a value is no tensor of static shape");
  absl::StatusOr<ElementKind> kind = elementKindOf(tensor.getElementType());
  if (!kind.ok())
    return kind.status();
  return Tensor::zeros(*kind, tensor.getShape().vec());
}

/// Evaluates one block. Values are dropped after their last use, so that peak memory follows the
/// graph's and not the sum of all it computes.
class BlockEvaluation {
public:
  explicit BlockEvaluation(const Observer &observer) : observer_(observer) {}

  absl::StatusOr<std::vector<TensorRef>> run(Block &block, ArrayRef<TensorRef> arguments) {
    for (auto [argument, tensor] : llvm::zip_equal(block.getArguments(), arguments))
      define(argument, tensor);
    for (Operation &op : block.without_terminator()) {
      SmallVector<TensorRef> operands = use(&op);
      absl::StatusOr<std::vector<TensorRef>> results = runOp(&op, operands);
      if (!results.ok())
        return results.status();
      if (observer_)
        if (absl::Status status = observer_(&op, *results); !status.ok())
          return status;
      for (auto [value, tensor] : llvm::zip_equal(op.getResults(), *results))
        define(value, std::move(tensor));
    }
    SmallVector<TensorRef> results = use(block.getTerminator());
    return std::vector<TensorRef>(results.begin(), results.end());
  }

private:
  struct Binding {
    TensorRef tensor;
    int64_t usesLeft;
  };

  void define(Value value, TensorRef tensor) {
    int64_t uses = std::distance(value.use_begin(), value.use_end());
    if (uses > 0)
      bindings_[value] = {std::move(tensor), uses};
  }

  SmallVector<TensorRef> use(Operation *op) {
    SmallVector<TensorRef> operands;
    for (Value value : op->getOperands()) {
      Binding &binding = bindings_.find(value)->second;
      operands.push_back(binding.tensor);
      if (--binding.usesLeft == 0)
        bindings_.erase(value);
    }
    return operands;
  }

  absl::StatusOr<std::vector<TensorRef>> runOp(Operation *op, ArrayRef<TensorRef> operands) {
    if (auto kernel = dyn_cast<KernelOp>(op))
      return BlockEvaluation(observer_).run(kernel.getBody().front(), operands);
    const Evaluator *evaluator = evaluators().find(op->getName().getStringRef());
    if (!evaluator)
      return atOp(op, absl::UnimplementedError("the interpreter has no evaluator for this op"));
    SmallVector<Tensor> results;
    for (Type type : op->getResultTypes()) {
      absl::StatusOr<Tensor> zeros = zerosOf(type);
      if (!zeros.ok())
        return atOp(op, zeros.status());
      results.push_back(std::move(*zeros));
    }
    if (absl::Status status = (*evaluator)(op, Inputs(op, operands), results); !status.ok())
      return atOp(op, status);
    std::vector<TensorRef> shared;
    for (Tensor &tensor : results)
      shared.push_back(std::make_shared<const Tensor>(std::move(tensor)));
    return shared;
  }

  const Observer &observer_;
  llvm::DenseMap<Value, Binding> bindings_;
};

absl::Status checkArguments(func::FuncOp function, ArrayRef<TensorRef> arguments) {
  std::string name = function.getSymName().str();
  if (function.getBody().getBlocks().size() != 1)
    return absl::InvalidArgumentError("@" + name + " has no single block to evaluate");
  if (arguments.size() != function.getNumArguments())
    return absl::InvalidArgumentError("@" + name + " takes " +
                                      std::to_string(function.getNumArguments()) +
                                      " arguments, found " + std::to_string(arguments.size()));
  for (auto [index, type] : llvm::enumerate(function.getArgumentTypes())) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor)
      return absl::InvalidArgumentError("argument " + std::to_string(index) + " of @" + name +
                                        " is no tensor");
    absl::StatusOr<ElementKind> kind = elementKindOf(tensor.getElementType());
    if (!kind.ok())
      return kind.status();
    Tensor expected;
    expected.kind = *kind;
    expected.shape = tensor.getShape().vec();
    const Tensor &found = *arguments[index];
    if (expected.kind == found.kind && expected.shape == found.shape)
      continue;
    return absl::InvalidArgumentError(
        "argument " + std::to_string(index) + " (" + argumentName(function, index).str() +
        ") of @" + name + " is " + found.describe() + ", expected " + expected.describe());
  }
  return absl::OkStatus();
}

} // namespace

absl::StatusOr<ElementKind> elementKindOf(Type element) {
  if (element.isF32())
    return ElementKind::f32;
  if (element.isF64())
    return ElementKind::f64;
  if (element.isBF16())
    return ElementKind::bf16;
  if (element.isF16())
    return ElementKind::f16;
  if (element.isInteger(32))
    return ElementKind::i32;
  if (element.isInteger(64))
    return ElementKind::i64;
  if (element.isInteger(1))
    return ElementKind::i1;
  return absl::InvalidArgumentError("an element type that the dialect does not have");
}

absl::StatusOr<std::vector<TensorRef>>
evaluate(func::FuncOp function, ArrayRef<TensorRef> arguments, const Observer &observer) {
  if (absl::Status status = checkArguments(function, arguments); !status.ok())
    return status;
  return BlockEvaluation(observer).run(function.getBody().front(), arguments);
}

} // namespace heddle::ir
