// SPDX-License-Identifier: Apache-2.0
#include "tests/codegen/KernelCheck.h"

#include <cmath>
#include <cstring>
#include <random>

#include "codegen/cpu/KernelGenerator.h"
#include "ir/interpreter/Interpreter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tests/codegen/GuardedBuffer.h"
#include "tests/codegen/JitHarness.h"
#include "gtest/gtest.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

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

double fromMemory(const Bytes &bytes, ir::ElementKind kind, int64_t i) {
  size_t size = elementBytes(kind);
  if (kind == ir::ElementKind::f64 || kind == ir::ElementKind::f32) {
    double wide;
    float narrow;
    std::memcpy(kind == ir::ElementKind::f64 ? static_cast<void *>(&wide) : &narrow,
                &bytes[i * size], size);
    return kind == ir::ElementKind::f64 ? wide : narrow;
  }
  int64_t value = 0;
  std::memcpy(&value, &bytes[i * size], size);
  return kind == ir::ElementKind::i32 ? static_cast<int32_t>(value) : static_cast<double>(value);
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

class Checker {
public:
  explicit Checker(const KernelExpectation &expectation) : e_(expectation) {}

  void checkTarget(const Target &target) {
    std::string reason;
    auto generated = generateKernel(e_.kernel, target, &reason);
    ASSERT_TRUE(succeeded(generated)) << reason;
    StatusOr<JitKernel> kernel = JitKernel::compile(std::move(*generated), target);
    ASSERT_TRUE(kernel.ok()) << kernel.status();
    std::vector<Bytes> whole = execute(*kernel, 1, false);
    for (size_t output = 0; output < e_.outputs.size(); ++output)
      compare(whole[output], *e_.outputs[output], output);
    EXPECT_EQ(whole, execute(*kernel, 7, false)) << "the bits depend on how tasks are grouped";
    if (!e_.inPlace.empty()) {
      EXPECT_EQ(whole, execute(*kernel, 1, true)) << "wrong in place";
      EXPECT_EQ(whole, execute(*kernel, 3, true)) << "wrong in place";
    }
  }

private:
  std::vector<Bytes> execute(const JitKernel &kernel, int pieces, bool inPlace) {
    std::vector<GuardedBuffer> inputs, outputs;
    std::vector<void *> operands;
    for (const ir::TensorRef &input : e_.inputs)
      inputs.push_back(toMemory(*input));
    for (const ir::TensorRef &output : e_.outputs)
      outputs.emplace_back(output->elements() * elementBytes(output->kind));
    for (GuardedBuffer &input : inputs)
      operands.push_back(input.data());
    for (GuardedBuffer &output : outputs)
      operands.push_back(output.data());
    if (inPlace)
      for (auto [input, output] : e_.inPlace) {
        EXPECT_EQ(inputs[input].size(), outputs[output].size());
        std::memcpy(outputs[output].data(), inputs[input].data(), inputs[input].size());
        operands[input] = operands[inputs.size() + output] = outputs[output].data();
      }
    kernel.run(operands, pieces);
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

  void compare(const Bytes &actual, const ir::Tensor &expected, size_t output) {
    double absolute = e_.absolute;
    if (e_.relativeToLargest) {
      double largest = 0;
      for (double value : expected.floats)
        if (std::isfinite(value))
          largest = std::max(largest, std::abs(value));
      absolute *= largest;
    }
    int wrong = 0;
    for (int64_t i = 0; i < expected.elements() && wrong < 5; ++i) {
      double got = fromMemory(actual, expected.kind, i), want = expected.number(i);
      if (std::isnan(got) && std::isnan(want))
        continue;
      if (got == want || std::abs(got - want) <= absolute + e_.relative * std::abs(want))
        continue;
      ++wrong;
      ADD_FAILURE() << "output " << output << " element " << i << ": got " << got << ", expected "
                    << want;
    }
  }

  const KernelExpectation &e_;
};

/// The text's function returns nothing; lets it return what the kernel yields, and evaluates it.
void evaluateReference(KernelExpectation &e) {
  auto function = e.kernel->getParentOfType<func::FuncOp>();
  function.getBody().front().getTerminator()->setOperands(e.kernel->getResults());
  function.setType(FunctionType::get(e.kernel.getContext(), function.getArgumentTypes(),
                                     e.kernel->getResultTypes()));
  auto results = ir::evaluate(function, e.inputs);
  ASSERT_TRUE(results.ok()) << results.status();
  e.outputs = std::move(*results);
}

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
  for (const std::string &target : runnableTargets()) {
    SCOPED_TRACE(target);
    Checker(expectation).checkTarget(*parseTarget(target));
  }
}

void checkKernel(const KernelCheck &check) {
  OwningOpRef<ModuleOp> module;
  KernelExpectation e;
  e.kernel = parseKernel(check.text, module);
  ASSERT_TRUE(e.kernel);
  e.absolute = check.absolute;
  e.relative = check.relative;
  e.inPlace = check.inPlace;
  for (auto [index, type] : llvm::enumerate(e.kernel->getOperandTypes()))
    e.inputs.push_back(std::make_shared<ir::Tensor>(
        makeInput(check, static_cast<int>(index), cast<RankedTensorType>(type))));
  evaluateReference(e);
  if (!testing::Test::HasFatalFailure())
    checkKernel(e);
}

} // namespace heddle::codegen
