// SPDX-License-Identifier: Apache-2.0
#include "tests/codegen/KernelText.h"

#include <cstring>
#include <random>

#include "codegen/cpu/object/LlvmLowering.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace mlir;

namespace heddle::codegen {

std::string tensorText(const std::vector<int64_t> &shape, const std::string &element) {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += std::to_string(size) + "x";
  return text + element + ">";
}

MLIRContext &testContext() {
  static MLIRContext *context = [] {
    auto *result = new MLIRContext(MLIRContext::Threading::DISABLED);
    result->loadDialect<ir::HeddleDialect, func::FuncDialect>();
    loadKernelDialects(*result);
    return result;
  }();
  return *context;
}

ir::KernelOp parseKernel(const KernelText &text, OwningOpRef<ModuleOp> &module) {
  std::string arguments, assignments, inputs, results, yields;
  for (size_t i = 0; i < text.inputs.size(); ++i) {
    std::string comma = i ? ", " : "", number = std::to_string(i);
    arguments += comma + "%arg" + number + ": " + text.inputs[i];
    assignments += comma + "%" + number + " = %arg" + number;
    inputs += comma + text.inputs[i];
  }
  for (size_t i = 0; i < text.results.size(); ++i) {
    results += (i ? ", " : "") + text.results[i];
    yields += (i ? ", " : "") + text.yields[i];
  }
  std::string source = "func.func @f(" + arguments +
                       ") {\n  %r:" + std::to_string(text.results.size()) +
                       " = heddle.kernel \"test\" (" + assignments + ") : (" + inputs + ") -> (" +
                       results + ") {\n" + text.body + "\n    heddle.yield " + yields + " : " +
                       results + "\n  }\n  return\n}\n";
  module = parseSourceString<ModuleOp>(source, &testContext());
  if (!module) {
    ADD_FAILURE() << "does not parse:\n" << source;
    return {};
  }
  ir::KernelOp kernel;
  module->walk([&](ir::KernelOp op) { kernel = op; });
  return kernel;
}

std::vector<float> randomFloats(size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> result(count);
  for (float &x : result)
    x = uniform(generator);
  return result;
}

std::vector<float> floatsOf(const GuardedBuffer &buffer) {
  EXPECT_TRUE(buffer.isIntact()) << "a kernel writes beside its buffer";
  std::vector<float> floats(buffer.size() / sizeof(float));
  std::memcpy(floats.data(), buffer.data(), buffer.size());
  return floats;
}

} // namespace heddle::codegen
