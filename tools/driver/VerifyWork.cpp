// SPDX-License-Identifier: Apache-2.0
// How much work an evaluation in the interpreter is.
#include "ir/Dialect.h"
#include "tools/driver/VerifyParts.h"

using namespace mlir;

namespace heddle::tools {
namespace {

// What one function may take, as often as it is evaluated: a minute or two.
constexpr double kLargestWork = 1e11;

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }
double sizeOf(Value value) { return static_cast<double>(typeOf(value).getNumElements()); }
/// Extent of an axis counted from the last (1).
double extent(Value value, int64_t fromLast) {
  RankedTensorType type = typeOf(value);
  return static_cast<double>(type.getDimSize(type.getRank() - fromLast));
}

double workOf(Operation *op) {
  if (auto matmul = dyn_cast<ir::MatmulOp>(op))
    return 2 * sizeOf(matmul.getY()) * extent(matmul.getA(), matmul.getTransposeA() ? 2 : 1);
  if (auto attention = dyn_cast<ir::AttentionOp>(op))
    return 4 * sizeOf(attention.getQ()) * extent(attention.getK(), 2);
  if (auto gradient = dyn_cast<ir::AttentionGradOp>(op))
    return 10 * sizeOf(gradient.getQ()) * extent(gradient.getK(), 2);
  if (auto ffn = dyn_cast<ir::FfnOp>(op))
    return (ffn.getWGate() ? 6 : 4) * sizeOf(ffn.getHidden()) * extent(ffn.getX(), 1);
  if (auto loss = dyn_cast<ir::LinearCrossEntropyOp>(op))
    return 2 * sizeOf(loss.getW()) * sizeOf(loss.getTargets());
  if (auto loss = dyn_cast<ir::LinearCrossEntropyTrainOp>(op))
    return 6 * sizeOf(loss.getW()) * sizeOf(loss.getTargets());
  double work = 0;
  for (Value result : op->getResults())
    work += 4 * sizeOf(result);
  return work;
}

} // namespace

double evaluationWork(func::FuncOp function) {
  double work = 0;
  function.walk([&](Operation *op) {
    if (!isa<func::FuncOp, func::ReturnOp, ir::KernelOp, ir::YieldOp>(op))
      work += workOf(op);
  });
  return work;
}

double evaluationBytes(func::FuncOp function) {
  double elements = 0;
  for (Type type : function.getArgumentTypes())
    elements += static_cast<double>(cast<RankedTensorType>(type).getNumElements());
  for (Type type : function.getResultTypes())
    elements += static_cast<double>(cast<RankedTensorType>(type).getNumElements());
  return 8 * elements;
}

std::string tooLarge(const VerifyRequest &request, func::FuncOp function, int times) {
  double work = evaluationWork(function) * times, bytes = evaluationBytes(function);
  if (work > kLargestWork)
    return absl::StrCat("would take ", static_cast<int64_t>(work / 1e9),
                        " billion operations in float64");
  if (bytes > request.largestBytes)
    return absl::StrCat("would take ", static_cast<int64_t>(bytes / 1e6), " MB in float64");
  return "";
}

} // namespace heddle::tools
