// SPDX-License-Identifier: Apache-2.0
#include "tests/codegen/KernelCheck.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>

#include "codegen/cpu/KernelGenerator.h"
#include "ir/interpreter/ErrorBound.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tests/codegen/CudaKernelRun.h"
#include "tests/codegen/GuardedBuffer.h"
#include "tests/codegen/JitHarness.h"
#include "gtest/gtest.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

/// As "error-bound" in tools/driver/Tolerances.cpp.
constexpr double kLargestRatio = 2;
/// Of float64 to that of f32.
constexpr double kUnitOfF64 = 0x1p-29;

using Bytes = std::vector<char>;

ir::ElementKind kindOf(Type type) {
  return *ir::elementKindOf(cast<RankedTensorType>(type).getElementType());
}

size_t elementBytes(ir::ElementKind kind) {
  switch (kind) {
  case ir::ElementKind::i1:
    return 1;
  case ir::ElementKind::i64:
  case ir::ElementKind::f64:
    return 8;
  default:
    return 4;
  }
}

GuardedBuffer toMemory(const ir::Tensor &tensor) {
  size_t size = elementBytes(tensor.kind);
  GuardedBuffer buffer(tensor.elements() * size);
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    char *to = buffer.data() + i * size;
    if (tensor.kind == ir::ElementKind::f64) {
      std::memcpy(to, &tensor.floats[i], 8);
    } else if (tensor.isFloat()) {
      float value = static_cast<float>(tensor.floats[i]);
      std::memcpy(to, &value, 4);
    } else {
      std::memcpy(to, &tensor.ints[i], size); // little endian
    }
  }
  return buffer;
}

Bytes contentOf(const GuardedBuffer &buffer) {
  return {buffer.data(), buffer.data() + buffer.size()};
}

ir::Tensor fromMemory(const Bytes &bytes, const ir::Tensor &like) {
  ir::Tensor tensor = ir::Tensor::zeros(like.kind, like.shape);
  size_t size = elementBytes(like.kind);
  for (int64_t i = 0; i < like.elements(); ++i) {
    const char *from = &bytes[i * size];
    if (like.kind == ir::ElementKind::f64) {
      std::memcpy(&tensor.floats[i], from, 8);
    } else if (like.isFloat()) {
      float value;
      std::memcpy(&value, from, 4);
      tensor.floats[i] = value;
    } else {
      std::memcpy(&tensor.ints[i], from, size); // little endian
      if (like.kind == ir::ElementKind::i32)
        tensor.ints[i] = static_cast<int32_t>(tensor.ints[i]);
    }
  }
  return tensor;
}

ir::Tensor makeInput(const KernelCheck &check, int index, RankedTensorType type) {
  ir::Tensor tensor = ir::Tensor::zeros(kindOf(type), type.getShape().vec());
  std::mt19937 generator(1 + index);
  auto given = check.given.find(index);
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    if (tensor.isFloat()) {
      float value = std::uniform_real_distribution<float>(-1, 1)(generator);
      tensor.floats[i] = given == check.given.end() ? value : static_cast<float>(given->second[i]);
    } else {
      int64_t bound = tensor.kind == ir::ElementKind::i1 ? 2 : check.integerBound;
      int64_t value = std::uniform_int_distribution<int64_t>(0, bound - 1)(generator);
      tensor.ints[i] = given == check.given.end() ? value : static_cast<int64_t>(given->second[i]);
    }
  }
  return tensor;
}

/// What a device would hold.
ir::TensorRef roundedToF32(const ir::Tensor &from) {
  auto to = std::make_shared<ir::Tensor>(from);
  if (from.kind == ir::ElementKind::f32)
    for (double &value : to->floats)
      value = static_cast<float>(value);
  return to;
}

/// A kernel with all that it is held against.
struct Expectation : KernelExpectation {
  std::vector<ir::TensorRef> outputs, bounds;
};

/// Runs the kernel on buffers: inputs, then outputs.
using Run = std::function<void(const std::vector<KernelBuffer> &)>;

class Checker {
public:
  explicit Checker(const Expectation &expectation) : e_(expectation) {}

  void checkCpu(const Target &target) {
    std::string reason;
    auto generated = generateKernel(e_.kernel, target, &reason);
    ASSERT_TRUE(succeeded(generated)) << reason;
    StatusOr<JitKernel> kernel = JitKernel::compile(std::move(*generated), target);
    ASSERT_TRUE(kernel.ok()) << kernel.status();
    auto inPieces = [&](int pieces) -> Run {
      return [&kernel, pieces](const std::vector<KernelBuffer> &buffers) {
        std::vector<void *> operands;
        for (const KernelBuffer &buffer : buffers)
          operands.push_back(buffer.data);
        kernel->run(operands, pieces);
      };
    };
    std::vector<Bytes> whole = compareAll(inPieces(1));
    EXPECT_EQ(whole, execute(inPieces(7), false)) << "the bits depend on how tasks are grouped";
    if (!e_.inPlace.empty()) {
      EXPECT_EQ(whole, execute(inPieces(1), true)) << "wrong in place";
      EXPECT_EQ(whole, execute(inPieces(3), true)) << "wrong in place";
    }
  }

  void checkEmulated() {
    std::unique_ptr<CudaKernelRun> kernel = CudaKernelRun::compile(e_.kernel);
    ASSERT_TRUE(kernel);
    auto ordered = [&](uint64_t seed) -> Run {
      return [&kernel, seed](const std::vector<KernelBuffer> &b) { kernel->run(b, seed); };
    };
    std::vector<Bytes> whole = compareAll(ordered(0));
    EXPECT_EQ(whole, execute(ordered(1), !e_.inPlace.empty()))
        << "wrong in another order, in place";
  }

private:
  std::vector<Bytes> compareAll(const Run &run) {
    std::vector<Bytes> results = execute(run, false);
    for (size_t output = 0; output < e_.outputs.size(); ++output)
      compare(results[output], {e_.outputs[output], e_.bounds[output]}, output);
    return results;
  }

  std::vector<Bytes> execute(const Run &run, bool inPlace) {
    std::vector<GuardedBuffer> inputs, outputs;
    for (const ir::TensorRef &input : e_.inputs)
      inputs.push_back(toMemory(*input));
    for (const ir::TensorRef &output : e_.outputs)
      outputs.emplace_back(output->elements() * elementBytes(output->kind));
    std::vector<KernelBuffer> operands;
    for (std::vector<GuardedBuffer> *buffers : {&inputs, &outputs})
      for (GuardedBuffer &buffer : *buffers)
        operands.push_back({buffer.data(), buffer.size()});
    if (inPlace)
      for (auto [input, output] : e_.inPlace) {
        EXPECT_EQ(inputs[input].size(), outputs[output].size());
        std::memcpy(outputs[output].data(), inputs[input].data(), inputs[input].size());
        operands[input] = operands[inputs.size() + output];
      }
    run(operands);
    for (size_t i = 0; i < inputs.size(); ++i) {
      EXPECT_TRUE(inputs[i].isIntact()) << "written beside input " << i;
      EXPECT_EQ(contentOf(inputs[i]), contentOf(toMemory(*e_.inputs[i]))) << "input " << i;
    }
    std::vector<Bytes> results;
    for (size_t i = 0; i < outputs.size(); ++i) {
      EXPECT_TRUE(outputs[i].isIntact()) << "written beside output " << i;
      results.push_back(contentOf(outputs[i]));
    }
    return results;
  }

  void compare(const Bytes &bytes, const ir::BoundedResult &expected, size_t output) {
    const ir::Tensor &value = *expected.value;
    ir::Tensor actual = fromMemory(bytes, value);
    ir::BoundCheck check = ir::checkWithin(actual, expected);
    double unit = value.kind == ir::ElementKind::f64 ? kUnitOfF64 : 1;
    EXPECT_LE(check.ratio, kLargestRatio * unit)
        << "output " << output << " element " << check.element << ": got "
        << actual.number(check.element) << ", expected " << value.number(check.element)
        << " within " << kLargestRatio * unit * expected.bound->floats[check.element];
    EXPECT_TRUE(check.undecided == 0 || check.undecided < value.elements())
        << "output " << output << " is not compared at all";
  }

  const Expectation &e_;
};

} // namespace

std::vector<std::string> runnableTargets() {
  std::vector<std::string> names = {"cpu:scalar"};
  Isa host = hostTarget().isa();
  if (host != Isa::Scalar)
    names.push_back("cpu:avx2");
  if (host == Isa::Avx512)
    names.push_back("cpu:avx512");
  return names;
}

void checkKernel(const KernelExpectation &expectation) {
  Expectation e{expectation, {}, {}};
  for (ir::TensorRef &input : e.inputs)
    input = roundedToF32(*input);
  auto results = ir::evaluateWithBound(e.kernel, e.inputs);
  ASSERT_TRUE(results.ok()) << results.status();
  for (const ir::BoundedResult &result : *results) {
    e.outputs.push_back(result.value);
    e.bounds.push_back(result.bound);
  }
  const char *chosen = std::getenv("HEDDLE_KERNEL_TARGET");
  if (chosen && std::string_view(chosen) == "cuda:emulated")
    return Checker(e).checkEmulated();
  for (const std::string &target : runnableTargets()) {
    SCOPED_TRACE(target);
    Checker(e).checkCpu(*parseTarget(target));
  }
}

void checkKernel(const KernelCheck &check) {
  OwningOpRef<ModuleOp> module;
  KernelExpectation e;
  e.kernel = parseKernel(check.text, module);
  ASSERT_TRUE(e.kernel);
  e.inPlace = check.inPlace;
  for (auto [index, type] : llvm::enumerate(e.kernel->getOperandTypes()))
    e.inputs.push_back(std::make_shared<ir::Tensor>(
        makeInput(check, static_cast<int>(index), cast<RankedTensorType>(type))));
  checkKernel(e);
}

} // namespace heddle::codegen
