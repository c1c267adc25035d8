// SPDX-License-Identifier: Apache-2.0
// Each distinct kernel on its own, with the operands that it has in the model rounded to f32, so
// that an error is this kernel's and not that of the layers before it.
#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>
#include <memory>
#include <set>

#include "codegen/KernelText.h"
#include "ir/Dialect.h"
#include "ir/KernelForms.h"
#include "ir/LayerPath.h"
#include "ir/interpreter/ErrorBound.h"
#include "ir/interpreter/Interpreter.h"
#include "tools/driver/Tolerances.h"
#include "tools/driver/Values.h"
#include "tools/driver/VerifyParts.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;

namespace heddle::tools {
namespace {

// Of one kernel in float64, which is held some five times over. The largest weight of models that
// people verify, [128256, 4096], is just within it.
constexpr double kLargestOperands = 5e9;

/// Bytes aligned as the kernel ABI asks. Filled with ones, a NaN in every float type: an element
/// that a kernel forgets to write shows.
class AlignedBytes {
public:
  explicit AlignedBytes(size_t size)
      : data_(static_cast<char *>(std::aligned_alloc(64, (size / 64 + 1) * 64)), &std::free) {
    std::fill_n(data_.get(), size, static_cast<char>(0xff));
  }
  explicit AlignedBytes(const std::string &bytes) : AlignedBytes(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), data_.get());
  }
  void *data() const { return data_.get(); }

private:
  std::unique_ptr<char, void (*)(void *)> data_;
};

/// A kernel that no function before had, and where the plan has its code.
struct NewKernel {
  const runtime::proto::Launch *launch;
  runtime::KernelFunction function;     // on a processor, else
  const emulator::KernelObject *module; // on a CUDA device
};

/// The launch by itself, as a plan of its own.
Status runOnDevice(runtime::Device &device, const NewKernel &kernel,
                   const std::vector<void *> &operands) {
  runtime::proto::Plan plan;
  runtime::proto::Launch &launch = *plan.add_launches();
  launch = *kernel.launch;
  for (int i = 0; i < launch.operands_size(); ++i) {
    launch.mutable_operands(i)->set_space(runtime::proto::BufferRef::ARGUMENT);
    launch.mutable_operands(i)->set_index(i);
    launch.mutable_operands(i)->set_offset(0);
  }
  runtime::Entry entry;
  entry.plan = &plan;
  entry.modules = {kernel.module};
  runtime::Bindings bindings;
  bindings.arguments = operands;
  HEDDLE_ASSIGN_OR_RETURN(std::unique_ptr<runtime::Program> program,
                          device.prepare(entry, bindings));
  return program->run(0, 1);
}

StatusOr<std::vector<runtime::Tensor>> runKernel(runtime::Device &device, const NewKernel &kernel,
                                                 const std::vector<runtime::Tensor> &inputs,
                                                 const std::vector<runtime::Tensor> &shapes,
                                                 int pieces) {
  std::vector<AlignedBytes> buffers;
  for (const runtime::Tensor &input : inputs)
    buffers.emplace_back(input.bytes);
  for (const runtime::Tensor &output : shapes)
    buffers.emplace_back(output.bytes.size());
  std::vector<void *> operands;
  for (const AlignedBytes &buffer : buffers)
    operands.push_back(buffer.data());
  if (kernel.module) {
    HEDDLE_RETURN_IF_ERROR(runOnDevice(device, kernel, operands));
  } else {
    AlignedBytes scratch(kernel.launch->scratch_bytes());
    int64_t tasks = kernel.launch->tasks();
    for (int piece = 0; piece < pieces; ++piece)
      kernel.function(operands.data(), tasks * piece / pieces, tasks * (piece + 1) / pieces,
                      scratch.data());
  }
  std::vector<runtime::Tensor> outputs = shapes;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const char *bytes = static_cast<const char *>(buffers[inputs.size() + i].data());
    outputs[i].bytes.assign(bytes, outputs[i].bytes.size());
  }
  return outputs;
}

bool sameBits(const std::vector<runtime::Tensor> &a, const std::vector<runtime::Tensor> &b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto &x, const auto &y) { return x.bytes == y.bytes; });
}

/// Null for a constant of neither i32 nor f32.
ir::TensorRef valueOf(ir::ConstantOp constant, ArrayRef<int64_t> shape) {
  auto value = dyn_cast<DenseElementsAttr>(constant.getValue());
  if (value && value.getElementType().isInteger(32)) {
    auto elements = value.getValues<int32_t>();
    return std::make_shared<ir::Tensor>(
        ir::Tensor::ofInts(shape.vec(), {elements.begin(), elements.end()}));
  }
  if (value && value.getElementType().isF32()) {
    auto elements = value.getValues<float>();
    return std::make_shared<ir::Tensor>(
        ir::Tensor::ofFloats(shape.vec(), {elements.begin(), elements.end()}));
  }
  return nullptr;
}

ir::TensorRef reshaped(const ir::TensorRef &tensor, RankedTensorType type) {
  if (!tensor)
    return nullptr;
  auto result = std::make_shared<ir::Tensor>(*tensor);
  result->shape = type.getShape().vec();
  return result;
}

class KernelJudge {
public:
  KernelJudge(VerifySubject &subject, VerifyReport &report) : subject_(subject), report_(report) {}

  Status check(func::FuncOp function) {
    const runtime::Entry *entry = subject_.executable->find(function.getName().str());
    if (!entry)
      return absl::OkStatus();
    chooseNew(function, *entry);
    if (chosen_.empty())
      return absl::OkStatus();
    if (std::string reason = tooLarge(subject_.request, function, 1); !reason.empty())
      return checkOnMadeUpValues(function, reason);
    std::vector<ir::TensorRef> arguments = subject_.values.of(function);
    for (auto [argument, tensor] : llvm::zip_equal(function.getArguments(), arguments))
      keep(argument, tensor);
    auto observe = [&](Operation *op, ArrayRef<ir::TensorRef> results) {
      if (op->getParentOp() != function)
        return absl::OkStatus();
      for (auto [value, tensor] : llvm::zip_equal(op->getResults(), results))
        keep(value, tensor);
      auto kernel = chosen_.find(op);
      return kernel == chosen_.end() ? absl::OkStatus()
                                     : checkKernel(cast<ir::KernelOp>(op), kernel->second,
                                                   takeOperands(cast<ir::KernelOp>(op)));
    };
    return ir::evaluate(function, arguments, observe).status();
  }

private:
  void chooseNew(func::FuncOp function, const runtime::Entry &entry) {
    chosen_.clear();
    chosenCount_ = 0;
    kept_.clear();
    entry_ = function.getName().str();
    // A plan has a launch for each kernel, in order.
    int launch = 0;
    for (auto kernel : function.getOps<ir::KernelOp>()) {
      if (seen_.insert(codegen::kernelText(kernel)).second) {
        chosen_[kernel] = {&entry.plan->launches(launch),
                           entry.kernels.empty() ? nullptr : entry.kernels[launch],
                           entry.modules.empty() ? nullptr : entry.modules[launch]};
        ++chosenCount_;
        for (Value input : kernel.getInputs())
          ++kept_[input].usesLeft;
      }
      ++launch;
    }
  }

  /// Of its operands and results in float64.
  static double operandBytes(ir::KernelOp kernel) {
    double elements = 0;
    auto count = [&](Value value) {
      elements += static_cast<double>(cast<RankedTensorType>(value.getType()).getNumElements());
    };
    llvm::for_each(kernel.getInputs(), count);
    llvm::for_each(kernel->getResults(), count);
    return 8 * elements;
  }

  Status checkOnMadeUpValues(func::FuncOp function, const std::string &reason) {
    int checked = 0, large = 0;
    for (auto kernel : function.getOps<ir::KernelOp>()) {
      auto compiled = chosen_.find(kernel);
      if (compiled == chosen_.end())
        continue;
      if (operandBytes(kernel) > kLargestOperands) {
        ++large;
        continue;
      }
      std::vector<ir::TensorRef> operands = madeUpOperands(function, kernel);
      if (operands.size() < kernel.getInputs().size())
        continue;
      HEDDLE_RETURN_IF_ERROR(checkKernel(kernel, compiled->second, operands));
      ++checked;
    }
    std::string rest;
    if (large > 0)
      absl::StrAppend(&rest, "; ", large, " are left out, whose operands are too large in float64");
    if (checked + large < chosenCount_)
      absl::StrAppend(&rest, "; ", chosenCount_ - checked - large,
                      " that compute on indices are left out");
    report_.remarks.push_back(
        absl::StrCat(checked, " kernels that only ", function.getName().str(),
                     " has are compared on values made up, because to evaluate it ", reason, rest));
    return absl::OkStatus();
  }

  /// Fewer than the kernel has where one of them cannot be made up.
  std::vector<ir::TensorRef> madeUpOperands(func::FuncOp function, ir::KernelOp kernel) {
    std::vector<ir::TensorRef> operands;
    for (auto [index, input] : llvm::enumerate(kernel.getInputs())) {
      ir::TensorRef value;
      if (auto result = dyn_cast<OpResult>(input); result && isLogSumExp(kernel, index))
        value = computed(function, result);
      if (!value)
        value = madeUp(function, input);
      if (value)
        operands.push_back(std::move(value));
    }
    return operands;
  }

  /// Whether attention's gradient divides by what comes in there: made up, it has no bound.
  static bool isLogSumExp(ir::KernelOp kernel, size_t input) {
    Value argument = kernel.getBody().front().getArgument(static_cast<unsigned>(input));
    while (argument.hasOneUse() && isa<ir::ReshapeOp>(*argument.user_begin()))
      argument = argument.user_begin()->getResult(0);
    return llvm::any_of(argument.getUsers(), [&](Operation *user) {
      auto gradient = dyn_cast<ir::AttentionGradOp>(user);
      return gradient && gradient.getLse() == argument;
    });
  }

  /// What only makes sense as it is computed (lengths, positions, a log-sum-exp). Null where that
  /// does not work out.
  ir::TensorRef computed(func::FuncOp function, OpResult value) {
    auto kernel = dyn_cast<ir::KernelOp>(value.getOwner());
    if (!kernel)
      return nullptr;
    std::vector<ir::TensorRef> operands = madeUpOperands(function, kernel);
    if (operands.size() < kernel.getInputs().size())
      return nullptr;
    auto alone = codegen::parseKernelText(codegen::kernelText(kernel), *kernel.getContext());
    if (!alone.ok())
      return nullptr;
    auto results = ir::evaluate(*(*alone)->getOps<func::FuncOp>().begin(), operands);
    return results.ok() ? (*results)[value.getResultNumber()] : nullptr;
  }

  /// Null where that cannot be.
  ir::TensorRef madeUp(func::FuncOp function, Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    while (auto reshape = value.getDefiningOp<ir::ReshapeOp>())
      value = reshape.getX();
    if (auto argument = dyn_cast<BlockArgument>(value))
      return reshaped(subject_.values.of(function, argument.getArgNumber()), type);
    if (auto constant = value.getDefiningOp<ir::ConstantOp>())
      return valueOf(constant, type.getShape());
    if (!type.getElementType().isF32())
      return reshaped(computed(function, cast<OpResult>(value)), type);
    return subject_.values.ofName(absl::StrCat("value ", runtime::shapeText(type.getShape())),
                                  type.getShape().vec());
  }

  void keep(Value value, const ir::TensorRef &tensor) {
    if (auto wanted = kept_.find(value); wanted != kept_.end())
      wanted->second.tensor = tensor;
  }

  std::vector<ir::TensorRef> takeOperands(ir::KernelOp kernel) {
    std::vector<ir::TensorRef> operands;
    for (Value input : kernel.getInputs()) {
      Kept &kept = kept_[input];
      operands.push_back(roundedToF32(kept.tensor));
      if (--kept.usesLeft == 0)
        kept.tensor = nullptr;
    }
    return operands;
  }

  Status checkKernel(ir::KernelOp kernel, const NewKernel &compiled,
                     const std::vector<ir::TensorRef> &operands) {
    HEDDLE_ASSIGN_OR_RETURN(
        OwningOpRef<ModuleOp> alone,
        codegen::parseKernelText(codegen::kernelText(kernel), *kernel.getContext()));
    auto body = *alone->getOps<func::FuncOp>().begin();
    HEDDLE_ASSIGN_OR_RETURN(std::vector<ir::TensorRef> expected, ir::evaluate(body, operands));

    std::vector<runtime::Tensor> inputs, shapes;
    for (const ir::TensorRef &operand : operands)
      inputs.push_back(toRuntime(*operand));
    for (const ir::TensorRef &result : expected)
      shapes.push_back(toRuntime(*result));
    auto run = [&](int pieces) {
      return runKernel(subject_.session->device(), compiled, inputs, shapes, pieces);
    };
    HEDDLE_ASSIGN_OR_RETURN(std::vector<runtime::Tensor> actual, run(1));
    HEDDLE_ASSIGN_OR_RETURN(VerifyCheck worst, compareResults(kernel, actual, expected));
    if (!worst.ok()) {
      HEDDLE_ASSIGN_OR_RETURN(double share, shareOfRounding(body, operands, actual));
      worst.error = std::min(worst.error, share * worst.bound);
    }
    report_.checks.push_back(std::move(worst));
    if (compiled.module || compiled.launch->tasks() < 2)
      return absl::OkStatus();
    HEDDLE_ASSIGN_OR_RETURN(std::vector<runtime::Tensor> split, run(3));
    if (!sameBits(actual, split))
      report_.checks.push_back({"kernel split over threads", describe(kernel), 1, 0});
    return absl::OkStatus();
  }

  StatusOr<VerifyCheck> compareResults(ir::KernelOp kernel,
                                       const std::vector<runtime::Tensor> &actual,
                                       const std::vector<ir::TensorRef> &expected) {
    auto anatomy = ir::classifyKernel(kernel);
    std::string form = anatomy ? ir::kernelFormName(anatomy->form).str() : "of no form";
    VerifyCheck worst{"kernel " + form, describe(kernel), 0,
                      toleranceFor("kernel", form, "f32").bound};
    // The gradients by q, k and v are sums of the same terms: where those of one cancel to nothing
    // (a query with one key), its rounding is still that of the terms.
    double leastScale = 0;
    if (anatomy && anatomy->form == ir::KernelForm::AttentionGrad)
      for (const ir::TensorRef &result : expected)
        leastScale = std::max(leastScale, largestMagnitude(*result));
    for (size_t i = 0; i < actual.size(); ++i) {
      HEDDLE_ASSIGN_OR_RETURN(ir::TensorRef widened, toReference(actual[i]));
      worst.error = std::max(worst.error, compare(*widened, *expected[i], leastScale).relative);
    }
    return worst;
  }

  /// The largest error over what rounding may come to, or infinity where that is not known. Sums
  /// that cancel to nothing (the gradient of a bias that shifts all logits of a row) have no
  /// magnitude that their error could be relative to.
  StatusOr<double> shareOfRounding(func::FuncOp body, const std::vector<ir::TensorRef> &operands,
                                   const std::vector<runtime::Tensor> &actual) {
    HEDDLE_ASSIGN_OR_RETURN(std::vector<ir::BoundedResult> bounded,
                            ir::evaluateWithBound(body, operands));
    double largest = 0;
    for (size_t i = 0; i < actual.size(); ++i) {
      HEDDLE_ASSIGN_OR_RETURN(ir::TensorRef widened, toReference(actual[i]));
      const ir::BoundCheck check = ir::checkWithin(*widened, bounded[i]);
      if (check.undecided > 0)
        return std::numeric_limits<double>::infinity();
      largest = std::max(largest, check.ratio);
    }
    return largest / toleranceFor("error-bound", "*", "f32").bound;
  }

  std::string describe(ir::KernelOp kernel) const {
    std::string layer = ir::layerPath(kernel.getLoc());
    return absl::StrCat(kernel.getName().str(), " (", layer, layer.empty() ? "" : ", ", entry_,
                        ")");
  }

  struct Kept {
    ir::TensorRef tensor;
    int usesLeft = 0;
  };

  VerifySubject &subject_;
  VerifyReport &report_;
  std::set<std::string> seen_; // texts
  std::string entry_;
  int chosenCount_ = 0;
  // Of the function at hand: looked up only, never iterated.
  llvm::DenseMap<Operation *, NewKernel> chosen_;
  llvm::DenseMap<Value, Kept> kept_;
};

} // namespace

Status checkKernels(VerifySubject &subject, VerifyReport &report) {
  KernelJudge judge(subject, report);
  for (auto function : subject.compilation.module().getOps<func::FuncOp>())
    HEDDLE_RETURN_IF_ERROR(judge.check(function));
  return absl::OkStatus();
}

} // namespace heddle::tools
