// SPDX-License-Identifier: Apache-2.0
#include "codegen/PlanWriter.h"

#include <limits>

#include "ir/BufferAssignment.h"
#include "ir/Conventions.h"
#include "ir/Dialect.h"
#include "ir/InputFacts.h"
#include "ir/LayerPath.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

using runtime::proto::BufferRef;
using runtime::proto::DataType;
using runtime::proto::Plan;

StatusOr<DataType> dataType(Type type) {
  if (type.isF32())
    return runtime::proto::F32;
  if (type.isF64())
    return runtime::proto::F64;
  if (type.isBF16())
    return runtime::proto::BF16;
  if (type.isF16())
    return runtime::proto::F16;
  if (type.isInteger(1))
    return runtime::proto::I1;
  if (type.isInteger(32))
    return runtime::proto::I32;
  if (type.isInteger(64))
    return runtime::proto::I64;
  return absl::InternalError("a tensor in the plan has an element type that no buffer holds");
}

Status describe(Type type, StringRef kind, StringRef name, runtime::proto::Value &value) {
  auto tensor = cast<RankedTensorType>(type);
  value.set_name(name.str());
  value.set_kind(kind.str());
  HEDDLE_ASSIGN_OR_RETURN(DataType element, dataType(tensor.getElementType()));
  value.set_dtype(element);
  for (int64_t size : tensor.getShape())
    value.add_shape(size);
  return absl::OkStatus();
}

/// What an optional input is when the caller leaves it out.
runtime::proto::Value::Default defaultFor(StringRef name) {
  if (name == "attention_mask" || name == "decoder_attention_mask")
    return runtime::proto::Value::ALL_ONES;
  if (name == "position_ids")
    return runtime::proto::Value::POSITIONS;
  if (name == "token_type_ids")
    return runtime::proto::Value::ZERO;
  return runtime::proto::Value::REQUIRED;
}

Status describeSignature(func::FuncOp function, Plan &plan) {
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    runtime::proto::Value &value = *plan.add_arguments();
    StringRef name = ir::argumentName(function, i);
    HEDDLE_RETURN_IF_ERROR(
        describe(function.getArgument(i).getType(), ir::argumentKind(function, i), name, value));
    value.set_default_value(defaultFor(name));
    value.set_end(ir::inputFact(function, i, ir::kEndAttr).value_or(0));
    auto padding = ir::inputFact(function, i, ir::kPaddingAttr);
    if (padding && value.default_value() == runtime::proto::Value::POSITIONS) {
      value.set_default_value(runtime::proto::Value::TOKEN_POSITIONS);
      value.set_padding_id(*padding);
    }
  }
  for (unsigned i = 0; i < function.getNumResults(); ++i) {
    StringRef name = ir::resultName(function, i), kind = ir::resultKind(function, i);
    HEDDLE_RETURN_IF_ERROR(describe(function.getResultTypes()[i], kind, name, *plan.add_results()));
  }
  return absl::OkStatus();
}

void fill(const ir::BufferRef &from, BufferRef &to) {
  switch (from.space) {
  case ir::BufferRef::Space::Arena:
    to.set_space(BufferRef::ARENA);
    break;
  case ir::BufferRef::Space::Argument:
    to.set_space(BufferRef::ARGUMENT);
    break;
  case ir::BufferRef::Space::Result:
    to.set_space(BufferRef::RESULT);
    break;
  case ir::BufferRef::Space::Constant:
    to.set_space(BufferRef::CONSTANT);
    break;
  }
  to.set_index(static_cast<int>(from.index));
  to.set_offset(static_cast<uint64_t>(from.byteOffset));
}

Status describeOperand(Type type, BufferRef &to) {
  auto tensor = cast<RankedTensorType>(type);
  HEDDLE_ASSIGN_OR_RETURN(DataType element, dataType(tensor.getElementType()));
  to.set_dtype(element);
  to.set_elements(static_cast<uint64_t>(tensor.getNumElements()));
  return absl::OkStatus();
}

bool holds(ir::ConstantOp constant, double value) {
  auto elements = dyn_cast<DenseFPElementsAttr>(constant.getValue());
  return elements && elements.isSplat() &&
         elements.getSplatValue<APFloat>().convertToDouble() == value;
}

/// What messages say of a kernel when a value is not finite.
void describeOps(ir::KernelOp kernel, runtime::proto::Launch &launch) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  llvm::StringSet<> seen;
  kernel.getBody().walk([&](Operation *op) {
    if (auto constant = dyn_cast<ir::ConstantOp>(op)) {
      if (holds(constant, -kInfinity))
        launch.set_makes_minus_infinity(true);
      if (holds(constant, kInfinity))
        launch.set_makes_infinity(true);
    } else if (!op->hasTrait<OpTrait::IsTerminator>() &&
               seen.insert(op->getName().getStringRef()).second) {
      launch.add_ops(op->getName().getStringRef().str());
    }
    if (isa<ir::AttentionOp>(op))
      launch.set_makes_minus_infinity(true);
  });
}

/// The elements as they lie in memory, i1 as a byte each.
std::string rawBytes(DenseElementsAttr value) {
  std::string bytes;
  if (value.getElementType().isInteger(1)) {
    for (bool element : value.getValues<bool>())
      bytes.push_back(element ? 1 : 0);
    return bytes;
  }
  ArrayRef<char> raw = value.getRawData();
  for (int64_t i = 0, copies = value.isSplat() ? value.getNumElements() : 1; i < copies; ++i)
    bytes.append(raw.data(), raw.size());
  return bytes;
}

} // namespace

StatusOr<Plan> writePlan(func::FuncOp function, const CompiledKernels &kernels) {
  Plan plan;
  plan.set_entry(function.getName().str());
  HEDDLE_RETURN_IF_ERROR(describeSignature(function, plan));
  if (auto bytes = function->getAttrOfType<IntegerAttr>("heddle.arena_bytes"))
    plan.set_arena_bytes(bytes.getInt());
  if (auto bytes = function->getAttrOfType<IntegerAttr>("heddle.max_live_bytes"))
    plan.set_max_live_bytes(bytes.getInt());
  ir::BufferAssignment buffers(function);
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    plan.add_result_alias(static_cast<int>(buffers.aliasedArgument(i)));
  for (ir::ConstantOp constant : buffers.constants())
    plan.add_constants(rawBytes(cast<DenseElementsAttr>(constant.getValue())));
  for (ir::KernelOp kernel : function.getOps<ir::KernelOp>()) {
    const CompiledKernel &compiled = kernels.kernels.at(kernels.classes.classOf(kernel));
    runtime::proto::Launch &launch = *plan.add_launches();
    launch.set_kernel(compiled.symbol);
    launch.set_tasks(compiled.tasks);
    launch.set_scratch_bytes(compiled.scratchBytes);
    *launch.mutable_grid() = {compiled.grid.begin(), compiled.grid.end()};
    launch.set_workspace_bytes(compiled.workspaceBytes);
    launch.set_flops(compiled.flops);
    launch.set_bytes(compiled.bytes);
    launch.set_layer(ir::layerPath(kernel.getLoc()));
    launch.set_outputs(static_cast<int>(kernel.getOutputs().size()));
    describeOps(kernel, launch);
    for (ValueRange group : {ValueRange(kernel.getInputs()), ValueRange(kernel.getOutputs())})
      for (Value operand : group) {
        BufferRef &ref = *launch.add_operands();
        fill(buffers.lookup(operand), ref);
        HEDDLE_RETURN_IF_ERROR(describeOperand(operand.getType(), ref));
      }
    for (unsigned o = 0; o < kernel.getOutputs().size(); ++o)
      for (int64_t size : cast<RankedTensorType>(kernel.getOutputs()[o].getType()).getShape())
        launch.mutable_operands(static_cast<int>(kernel.getInputs().size() + o))->add_shape(size);
  }
  return plan;
}

} // namespace heddle::codegen
