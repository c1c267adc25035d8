// SPDX-License-Identifier: Apache-2.0
// One evaluator per op, registered by family. Internal to the interpreter.

#ifndef HEDDLE_IR_INTERPRETER_EVALUATORS_H
#define HEDDLE_IR_INTERPRETER_EVALUATORS_H

#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "ir/Dialect.h"
#include "ir/interpreter/Philox.h"
#include "ir/interpreter/Tensor.h"

namespace heddle::ir {

/// The operands of the op that is being evaluated.
class Inputs {
public:
  Inputs(mlir::Operation *op, llvm::ArrayRef<TensorRef> tensors) : op_(op), tensors_(tensors) {}

  /// The tensor of an operand.
  const Tensor &operator[](mlir::Value operand) const {
    const Tensor *tensor = find(operand);
    assert(tensor && "not an operand of this op");
    return *tensor;
  }

  /// Null for the null value of an absent optional operand.
  const Tensor *find(mlir::Value operand) const {
    for (auto [index, candidate] : llvm::enumerate(op_->getOperands()))
      if (candidate == operand)
        return tensors_[index].get();
    return nullptr;
  }

private:
  mlir::Operation *op_;
  llvm::ArrayRef<TensorRef> tensors_;
};

/// The results, zeros of the right kind and shape when the evaluator gets them.
using Outputs = llvm::MutableArrayRef<Tensor>;

using Evaluator = std::function<absl::Status(mlir::Operation *, const Inputs &, Outputs)>;

class EvaluatorTable {
public:
  template <typename Op> void add(absl::Status (*evaluator)(Op, const Inputs &, Outputs)) {
    table_[Op::getOperationName().str()] = [evaluator](mlir::Operation *op, const Inputs &in,
                                                       Outputs out) {
      return evaluator(mlir::cast<Op>(op), in, out);
    };
  }

  /// Null where no evaluator is known.
  const Evaluator *find(llvm::StringRef name) const {
    auto entry = table_.find(name.str());
    return entry == table_.end() ? nullptr : &entry->second;
  }

private:
  std::map<std::string, Evaluator> table_;
};

void addElementwiseEvaluators(EvaluatorTable &table);
void addShapeEvaluators(EvaluatorTable &table);
void addReductionEvaluators(EvaluatorTable &table);
void addNormEvaluators(EvaluatorTable &table);
void addMatmulEvaluators(EvaluatorTable &table);
void addEmbeddingEvaluators(EvaluatorTable &table);
void addAttentionEvaluators(EvaluatorTable &table);
void addFfnEvaluators(EvaluatorTable &table);
void addLossEvaluators(EvaluatorTable &table);
void addOptimizerEvaluators(EvaluatorTable &table);

/// The stream of a dropout whose state is i64[3]: seed, step, micro_batch.
DropoutStream dropoutStream(const Tensor &rng, int64_t rngId);

// Maths that more than one family needs.

double reluOf(double x);
double sigmoidOf(double x);
double geluOf(double x, bool tanhApproximation);
double geluSlope(double x, bool tanhApproximation);

/// The larger one, NaN if either is.
double maxOf(double a, double b);

/// y [m, n] += a [m, k] * b [k, n], or with the axes of a or b swapped in memory.
void multiply(const double *a, const double *b, double *y, int64_t m, int64_t n, int64_t k,
              bool transposeA, bool transposeB);

} // namespace heddle::ir

#endif // HEDDLE_IR_INTERPRETER_EVALUATORS_H
