// SPDX-License-Identifier: Apache-2.0
// Every kernel of whole models, as the pipeline forms them, on the values that the interpreter has
// there.
#include <random>
#include <set>

#include "codegen/KernelText.h"
#include "codegen/cpu/object/LlvmLowering.h"
#include "frontend/Builder.h"
#include "ir/Conventions.h"
#include "ir/LayerPath.h"
#include "ir/interpreter/Interpreter.h"
#include "passes/Pipelines.h"
#include "passes/autodiff/Gradients.h"
#include "runtime/io/Textproto.h"
#include "tests/codegen/KernelCheck.h"
#include "gtest/gtest.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

constexpr int64_t kBatch = 2, kLength = 13;

/// Values that mean something for the argument of that name.
ir::Tensor argumentOf(StringRef kind, StringRef name, RankedTensorType type) {
  std::mt19937_64 random(std::hash<std::string>()(name.str()));
  ir::Tensor value =
      ir::Tensor::zeros(*ir::elementKindOf(type.getElementType()), type.getShape().vec());
  auto below = [&](int64_t limit) { return static_cast<int64_t>(random() % limit); };
  for (double &x : value.floats)
    x = static_cast<float>(std::uniform_real_distribution<double>(-0.5, 0.5)(random));
  for (int64_t &x : value.ints)
    x = name == "attention_mask"                               ? below(4) != 0
        : name == "targets" && below(4) == 0                   ? -100
        : name.starts_with("position") || name == "last_index" ? below(kLength)
                                                               : below(29);
  if (name == "rng")
    value.ints = {7, 3, 1};
  if (name == "hyper")
    value.floats = {0.01, 0.1, 0.9, 0.1, 0.99, 0.01, 1e-8, 0.1, 0.01};
  if (name == "grad_clip")
    value.floats = {0.5};
  if (kind == ir::kKindState && name.starts_with(ir::kAdamV))
    for (double &x : value.floats)
      x = x * x;
  return value;
}

class ModelChecker {
public:
  explicit ModelChecker(const std::string &definition) {
    DialectRegistry registry;
    passes::registerGradients(registry);
    registry.insert<ir::HeddleDialect, func::FuncDialect>();
    context_.appendDialectRegistry(registry);
    context_.loadAllAvailableDialects();
    loadKernelDialects(context_);
    frontend::proto::ModelDef model;
    Status parsed = runtime::parseTextproto(definition, "test", model);
    EXPECT_TRUE(parsed.ok()) << parsed;
    auto module = frontend::buildModule(
        context_, model,
        {.batch = kBatch, .seq = kLength, .entries = frontend::entriesOf(model, true)});
    EXPECT_TRUE(module.ok()) << module.status();
    if (module.ok())
      module_ = std::move(*module);
  }

  void check() {
    passes::PipelineOptions options = passes::PipelineOptions::of(*module_, /*training=*/true);
    options.gradient = true;
    options.maxLogitsBytes = 64 * 29 * 4 / 4;
    passes::RunHooks hooks;
    hooks.stopAfter = "kernels";
    ASSERT_TRUE(succeeded(passes::runStages(*module_, passes::compileStages(options), hooks)));
    for (auto function : module_->getOps<func::FuncOp>())
      checkFunction(function);
    EXPECT_GT(seen_.size(), 20u);
  }

private:
  void checkFunction(func::FuncOp function) {
    SCOPED_TRACE(function.getName().str());
    llvm::DenseMap<Value, ir::TensorRef> values;
    std::vector<ir::TensorRef> arguments;
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      arguments.push_back(std::make_shared<ir::Tensor>(
          argumentOf(ir::argumentKind(function, i), ir::argumentName(function, i),
                     cast<RankedTensorType>(function.getArgumentTypes()[i]))));
      values[function.getArgument(i)] = arguments.back();
    }
    auto results =
        ir::evaluate(function, arguments, [&](Operation *op, ArrayRef<ir::TensorRef> outputs) {
          for (auto [result, tensor] : llvm::zip_equal(op->getResults(), outputs))
            values[result] = tensor;
          if (auto kernel = dyn_cast<ir::KernelOp>(op))
            checkOnce(kernel, values);
          return absl::OkStatus();
        });
    ASSERT_TRUE(results.ok()) << results.status();
  }

  void checkOnce(ir::KernelOp kernel, const llvm::DenseMap<Value, ir::TensorRef> &values) {
    std::string text = kernelText(kernel);
    if (!seen_.insert(text).second)
      return;
    SCOPED_TRACE(ir::layerPath(kernel.getLoc()) + "\n" + text);
    KernelExpectation e;
    e.kernel = kernel;
    for (Value input : kernel.getInputs())
      e.inputs.push_back(values.lookup(input));
    checkKernel(e);
  }

  MLIRContext context_{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> module_;
  std::set<std::string> seen_;
};

TEST(WholeModel, Gpt2WithDropout) {
  ModelChecker(R"(
    name: "gpt" vocab_size: 29 max_positions: 13 layers: 2 width: 24
    attention { heads: 3 } ffn { activation: GELU_TANH }
    dropout { embedding: 0.1 attention: 0.1 residual: 0.2 })")
      .check();
}

TEST(WholeModel, Llama) {
  ModelChecker(R"(
    name: "llama" vocab_size: 29 max_positions: 13 layers: 2 width: 32
    positions { rotary {} } norm { kind: RMS_NORM } bias: false weight_layout: OUT_IN
    attention { heads: 4 kv_heads: 2 fused_qkv: false }
    ffn { gated: true activation: SILU hidden: 40 } head { tied: false })")
      .check();
}

} // namespace
} // namespace heddle::codegen
