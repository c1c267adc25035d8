// SPDX-License-Identifier: Apache-2.0
// One evaluator per op, registered by family, over each kind of number (Numbers.h). Internal to the
// interpreter.

#ifndef HEDDLE_IR_INTERPRETER_EVALUATORS_H
#define HEDDLE_IR_INTERPRETER_EVALUATORS_H

#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "ir/Dialect.h"
#include "ir/interpreter/Numbers.h"
#include "ir/interpreter/Philox.h"
#include "ir/interpreter/Tensor.h"

namespace heddle::ir {

/// The operands of the op that is being evaluated.
template <typename Number> class Inputs {
public:
  Inputs(mlir::Operation *op, llvm::ArrayRef<TensorRefOf<Number>> tensors)
      : op_(op), tensors_(tensors) {}

  /// The tensor of an operand.
  const TensorOf<Number> &operator[](mlir::Value operand) const {
    const TensorOf<Number> *tensor = find(operand);
    assert(tensor && "not an operand of this op");
    return *tensor;
  }

  /// Null for the null value of an absent optional operand.
  const TensorOf<Number> *find(mlir::Value operand) const {
    for (auto [index, candidate] : llvm::enumerate(op_->getOperands()))
      if (candidate == operand)
        return tensors_[index].get();
    return nullptr;
  }

private:
  mlir::Operation *op_;
  llvm::ArrayRef<TensorRefOf<Number>> tensors_;
};

/// The results, zeros of the right kind and shape when the evaluator gets them.
template <typename Number> using Outputs = llvm::MutableArrayRef<TensorOf<Number>>;

template <typename Number>
using Evaluator =
    std::function<absl::Status(mlir::Operation *, const Inputs<Number> &, Outputs<Number>)>;

template <typename Number> class EvaluatorTable {
public:
  template <typename Op>
  void add(absl::Status (*evaluator)(Op, const Inputs<Number> &, Outputs<Number>)) {
    table_[Op::getOperationName().str()] =
        [evaluator](mlir::Operation *op, const Inputs<Number> &in, Outputs<Number> out) {
          return evaluator(mlir::cast<Op>(op), in, out);
        };
  }

  /// Null where no evaluator is known.
  const Evaluator<Number> *find(llvm::StringRef name) const {
    auto entry = table_.find(name.str());
    return entry == table_.end() ? nullptr : &entry->second;
  }

private:
  std::map<std::string, Evaluator<Number>> table_;
};

template <typename Number> void addElementwiseEvaluators(EvaluatorTable<Number> &table);
template <typename Number> void addShapeEvaluators(EvaluatorTable<Number> &table);
template <typename Number> void addReductionEvaluators(EvaluatorTable<Number> &table);
template <typename Number> void addNormEvaluators(EvaluatorTable<Number> &table);
template <typename Number> void addMatmulEvaluators(EvaluatorTable<Number> &table);
template <typename Number> void addEmbeddingEvaluators(EvaluatorTable<Number> &table);
template <typename Number> void addAttentionEvaluators(EvaluatorTable<Number> &table);
template <typename Number> void addFfnEvaluators(EvaluatorTable<Number> &table);
template <typename Number> void addLossEvaluators(EvaluatorTable<Number> &table);
template <typename Number> void addOptimizerEvaluators(EvaluatorTable<Number> &table);

/// The stream of a dropout whose state is i64[3]: seed, step, micro_batch.
template <typename Number> DropoutStream dropoutStream(const TensorOf<Number> &rng, int64_t rngId) {
  return {static_cast<uint64_t>(rng.ints[0]), static_cast<uint32_t>(rng.ints[1]),
          static_cast<uint32_t>(rng.ints[2]), static_cast<uint32_t>(rngId)};
}

// Maths that more than one family needs.

template <typename Number> Number reluOf(Number x) { return maxOf(x, Number(0.0)); }
template <typename Number> Number siluOf(Number x) { return x * sigmoidOf(x); }
double geluOf(double x, bool tanhApproximation);
Single geluOf(Single x, bool tanhApproximation);
Bounded geluOf(Bounded x, bool tanhApproximation);

/// y [m, n] += a [m, k] * b [k, n], or with the axes of a or b swapped in memory.
template <typename Number>
void multiply(const Number *a, const Number *b, SumOf<Number> *y, int64_t m, int64_t n, int64_t k,
              bool transposeA, bool transposeB);

} // namespace heddle::ir

#endif // HEDDLE_IR_INTERPRETER_EVALUATORS_H
