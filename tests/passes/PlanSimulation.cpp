// SPDX-License-Identifier: Apache-2.0
#include "tests/passes/PlanSimulation.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "ir/BufferAssignment.h"
#include "ir/interpreter/Interpreter.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {
namespace {

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Bytes, each of which holds the whole number of the element that starts there.
class Memory {
public:
  void store(const BufferRef &at, const Tensor &tensor, int64_t elementBytes) {
    std::vector<double> &bytes = buffers_[{static_cast<int>(at.space), at.index}];
    bytes.resize(std::max<size_t>(bytes.size(), at.byteOffset + tensor.elements() * elementBytes),
                 kUnwritten);
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      std::fill_n(bytes.begin() + at.byteOffset + i * elementBytes, elementBytes, kUnwritten);
      bytes[at.byteOffset + i * elementBytes] = tensor.number(i);
    }
  }

  Tensor load(const BufferRef &at, RankedTensorType type, int64_t elementBytes) {
    std::vector<double> &bytes = buffers_[{static_cast<int>(at.space), at.index}];
    Tensor tensor = Tensor::zeros(*elementKindOf(type.getElementType()), type.getShape().vec());
    bytes.resize(std::max<size_t>(bytes.size(), at.byteOffset + tensor.elements() * elementBytes),
                 kUnwritten);
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      double number = bytes[at.byteOffset + i * elementBytes];
      if (tensor.isFloat())
        tensor.floats[i] = number;
      else
        tensor.ints[i] = number == number ? static_cast<int64_t>(number) : -1;
    }
    return tensor;
  }

  int64_t arenaSize() {
    return static_cast<int64_t>(buffers_[{static_cast<int>(BufferRef::Space::Arena), 0}].size());
  }

private:
  static constexpr double kUnwritten = std::numeric_limits<double>::quiet_NaN();
  std::map<std::pair<int, int64_t>, std::vector<double>> buffers_;
};

int64_t elementBytes(RankedTensorType type) {
  return byteSize(RankedTensorType::get({1}, type.getElementType()));
}

/// A function that does what `op` does to its operands.
func::FuncOp functionOf(Operation *op) {
  OpBuilder builder(op->getContext());
  auto function =
      func::FuncOp::create(builder, op->getLoc(), "op",
                           builder.getFunctionType(op->getOperandTypes(), op->getResultTypes()));
  builder.setInsertionPointToEnd(function.addEntryBlock());
  Operation *copy = builder.clone(*op);
  copy->setOperands(function.getArguments());
  func::ReturnOp::create(builder, op->getLoc(), copy->getResults());
  return function;
}

void launch(Operation *op, const BufferAssignment &buffers, Memory &memory) {
  std::vector<TensorRef> operands;
  for (Value operand : op->getOperands())
    operands.push_back(std::make_shared<Tensor>(
        memory.load(buffers.lookup(operand), typeOf(operand), elementBytes(typeOf(operand)))));
  OwningOpRef<func::FuncOp> function = functionOf(op);
  absl::StatusOr<std::vector<TensorRef>> results = evaluate(*function, operands);
  ASSERT_TRUE(results.ok()) << results.status();
  for (auto [result, tensor] : llvm::zip_equal(op->getResults(), *results))
    memory.store(buffers.lookup(result), *tensor, elementBytes(typeOf(result)));
}

} // namespace

void wrapEachOp(func::FuncOp function) {
  for (Operation &op : llvm::make_early_inc_range(function.getBody().front())) {
    if (isa<func::ReturnOp, ReshapeOp>(op))
      continue;
    if (auto slice = dyn_cast<SliceOp>(op); slice && leadingSliceOffset(slice))
      continue;
    if (auto concat = dyn_cast<ConcatOp>(op); concat && leadingConcatOffset(concat, 0))
      continue;
    OpBuilder builder(&op);
    auto kernel =
        KernelOp::create(builder, op.getLoc(), op.getResultTypes(), op.getOperands(),
                         builder.getStringAttr(op.getName().stripDialect()), DenseI64ArrayAttr());
    Region &region = kernel.getBody();
    Block *body = region.empty() ? &region.emplaceBlock() : &region.front();
    body->clear();
    for (Value operand : op.getOperands())
      body->addArgument(operand.getType(), op.getLoc());
    op.replaceAllUsesWith(kernel->getResults());
    op.remove();
    body->push_back(&op);
    op.setOperands(body->getArguments());
    builder.setInsertionPointToEnd(body);
    YieldOp::create(builder, op.getLoc(), op.getResults());
  }
}

std::vector<TensorRef> simulatePlan(func::FuncOp planned, const std::vector<TensorRef> &arguments) {
  BufferAssignment buffers(planned);
  Memory memory;
  for (BlockArgument argument : planned.getArguments())
    memory.store(buffers.lookup(argument), *arguments[argument.getArgNumber()],
                 elementBytes(typeOf(argument)));
  for (Operation &op : planned.getBody().front())
    if (isa<KernelOp, ConstantOp>(op))
      launch(&op, buffers, memory);
  EXPECT_LE(memory.arenaSize(), planned->getAttrOfType<IntegerAttr>("heddle.arena_bytes").getInt());
  std::vector<TensorRef> results;
  for (Value result : planned.getBody().front().getTerminator()->getOperands())
    results.push_back(std::make_shared<Tensor>(
        memory.load(buffers.lookup(result), typeOf(result), elementBytes(typeOf(result)))));
  return results;
}

} // namespace heddle::passes
