// SPDX-License-Identifier: Apache-2.0
#include "ir/interpreter/Interpreter.h"

#include "ir/Conventions.h"
#include "ir/interpreter/BlockEvaluation.h"

using namespace mlir;

namespace heddle::ir {

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
  return BlockEvaluation<double>(observer).run(function.getBody().front(), arguments);
}

} // namespace heddle::ir
