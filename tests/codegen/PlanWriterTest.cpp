// SPDX-License-Identifier: Apache-2.0
// From a planned function to launches over buffers, and the text that tells kernels apart.
#include "codegen/PlanWriter.h"

#include <cstring>

#include "codegen/KernelCompiler.h"
#include "codegen/KernelText.h"
#include "ir/Dialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "tests/codegen/KernelText.h"
#include "gmock/gmock.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

using runtime::proto::BufferRef;
using runtime::proto::Value;

const char *kPlanned = R"(
func.func @step(%w: tensor<2x4xf32> {heddle.kind = "param", heddle.name = "w"},
                %mask: tensor<2x4xi32> {heddle.kind = "input", heddle.name = "attention_mask"},
                %at: tensor<2x4xi32> {heddle.kind = "input", heddle.name = "position_ids"},
                %x: tensor<2x4xf32> {heddle.kind = "input", heddle.name = "x"})
    -> (tensor<1x4xf32> {heddle.kind = "output", heddle.name = "y"},
        tensor<2x4xf32> {heddle.kind = "param", heddle.name = "w"},
        tensor<2x4xf32> {heddle.kind = "output", heddle.name = "z"})
    attributes {heddle.arena_bytes = 128 : i64, heddle.max_live_bytes = 64 : i64} {
  %same = heddle.constant dense<2.5> : tensor<3xf32>
  %bits = heddle.constant dense<[true, false, true]> : tensor<3xi1>
  %a = heddle.kernel "first" (%p = %x, %q = %same, %r = %bits) : (tensor<2x4xf32>, tensor<3xf32>, tensor<3xi1>) -> tensor<2x4xf32> attributes {offsets = array<i64: 64>} {
    %o = heddle.exp %p : tensor<2x4xf32>
    heddle.yield %o : tensor<2x4xf32>
  } loc("decoder.layers.1.ffn")
  %row = heddle.slice %a {offsets = array<i64: 1, 0>, sizes = array<i64: 1, 4>} : (tensor<2x4xf32>) -> tensor<1x4xf32>
  %y = heddle.kernel "second" (%p = %row) : (tensor<1x4xf32>) -> tensor<1x4xf32> attributes {offsets = array<i64: -1>} {
    %o = heddle.neg %p : tensor<1x4xf32>
    heddle.yield %o : tensor<1x4xf32>
  }
  %v = heddle.kernel "third" (%p = %w) : (tensor<2x4xf32>) -> tensor<2x4xf32> attributes {heddle.arguments = array<i64: 0>, offsets = array<i64: -1>} {
    %o = heddle.neg %p : tensor<2x4xf32>
    heddle.yield %o : tensor<2x4xf32>
  }
  %whole = heddle.kernel "fourth" (%p = %x) : (tensor<2x4xf32>) -> tensor<2x4xf32> attributes {offsets = array<i64: -1>} {
    %o = heddle.tanh %p : tensor<2x4xf32>
    heddle.yield %o : tensor<2x4xf32>
  }
  %z = heddle.slice %whole {offsets = array<i64: 0, 0>, sizes = array<i64: 2, 4>} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return %y, %v, %z : tensor<1x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
}
)";

class PlanWriterTest : public testing::Test {
protected:
  void SetUp() override {
    module_ = parseSourceString<ModuleOp>(kPlanned, &testContext());
    ASSERT_TRUE(module_);
    auto function = *module_->getOps<func::FuncOp>().begin();
    CompiledKernels kernels;
    kernels.classes = KernelClasses(*module_);
    for (ir::KernelOp kernel : kernels.classes.firsts())
      kernels.kernels.push_back({("f." + kernel.getName()).str(), 7, 4096, 10, 20});
    auto plan = writePlan(function, kernels);
    ASSERT_TRUE(plan.ok()) << plan.status();
    plan_ = *plan;
  }

  const BufferRef &operand(int launch, int index) { return plan_.launches(launch).operands(index); }

  void expectRef(const BufferRef &ref, BufferRef::Space space, int index, uint64_t offset,
                 uint64_t elements) {
    EXPECT_EQ(ref.space(), space);
    EXPECT_EQ(ref.index(), index);
    EXPECT_EQ(ref.offset(), offset);
    EXPECT_EQ(ref.elements(), elements);
  }

  OwningOpRef<ModuleOp> module_;
  runtime::proto::Plan plan_;
};

TEST_F(PlanWriterTest, SignatureAndDefaults) {
  EXPECT_EQ(plan_.entry(), "step");
  EXPECT_EQ(plan_.arena_bytes(), 128u);
  EXPECT_EQ(plan_.max_live_bytes(), 64u);
  ASSERT_EQ(plan_.arguments_size(), 4);
  EXPECT_EQ(plan_.arguments(0).kind(), "param");
  EXPECT_EQ(plan_.arguments(0).default_value(), Value::REQUIRED);
  EXPECT_EQ(plan_.arguments(1).default_value(), Value::ALL_ONES);
  EXPECT_EQ(plan_.arguments(1).dtype(), runtime::proto::I32);
  EXPECT_EQ(plan_.arguments(2).default_value(), Value::POSITIONS);
  EXPECT_EQ(plan_.arguments(3).default_value(), Value::REQUIRED);
  EXPECT_THAT(plan_.arguments(3).shape(), testing::ElementsAre(2, 4));
  // The new value of w lies in w's buffer.
  EXPECT_THAT(plan_.result_alias(), testing::ElementsAre(-1, 0, -1));
}

TEST_F(PlanWriterTest, ConstantsAreWrittenOut) {
  ASSERT_EQ(plan_.constants_size(), 2);
  std::vector<float> same(3);
  ASSERT_EQ(plan_.constants(0).size(), sizeof(float) * 3) << "every element of a splat";
  std::memcpy(same.data(), plan_.constants(0).data(), plan_.constants(0).size());
  EXPECT_THAT(same, testing::Each(2.5f));
  EXPECT_EQ(plan_.constants(1), std::string("\1\0\1", 3));
}

TEST_F(PlanWriterTest, LaunchesOverBuffers) {
  ASSERT_EQ(plan_.launches_size(), 4);
  const runtime::proto::Launch &first = plan_.launches(0);
  EXPECT_EQ(first.kernel(), "f.first");
  EXPECT_EQ(first.layer(), "decoder.layers.1.ffn");
  EXPECT_EQ(first.tasks(), 7);
  EXPECT_EQ(first.scratch_bytes(), 4096u);
  EXPECT_EQ(first.outputs(), 1);
  ASSERT_EQ(first.operands_size(), 4);
  expectRef(operand(0, 0), BufferRef::ARGUMENT, 3, 0, 8);
  expectRef(operand(0, 1), BufferRef::CONSTANT, 0, 0, 3);
  expectRef(operand(0, 2), BufferRef::CONSTANT, 1, 0, 3);
  expectRef(operand(0, 3), BufferRef::ARENA, 0, 64, 8);
  // The second row begins four floats into the arena's buffer.
  expectRef(operand(1, 0), BufferRef::ARENA, 0, 64 + 16, 4);
  expectRef(operand(1, 1), BufferRef::RESULT, 0, 0, 4);
  expectRef(operand(2, 0), BufferRef::ARGUMENT, 0, 0, 8);
  expectRef(operand(2, 1), BufferRef::ARGUMENT, 0, 0, 8);
  // A slice of everything is one more name of it.
  expectRef(operand(3, 1), BufferRef::RESULT, 2, 0, 8);
}

TEST(KernelTextTest, SaysWhatIsComputedAndNotWhere) {
  auto textOf = [](const std::string &attributes, const std::string &kernelAttributes,
                   const std::string &location) {
    std::string t = "tensor<8xf32>";
    auto module = parseSourceString<ModuleOp>(
        "func.func @f(%x: " + t +
            ", %r: tensor<3xi64>) {\n  %y = heddle.kernel \"k\" (%a = %x, "
            "%b = %r) : (" +
            t + ", tensor<3xi64>) -> " + t + kernelAttributes +
            " {\n    %o = heddle.dropout %a, %b {" + attributes + "} : (" + t +
            ", tensor<3xi64>) -> " + t + "\n    heddle.yield %o : " + t + "\n  }" + location +
            "\n  return\n}",
        &testContext());
    EXPECT_TRUE(module);
    return module ? kernelText(kernelOf(*module)) : "";
  };
  std::string text = textOf("p = 0.5 : f64, rng_id = 1 : i64", "", "");
  EXPECT_EQ(text, textOf("p = 0.5 : f64, rng_id = 1 : i64",
                         " attributes {offsets = array<i64: 64>}", " loc(\"decoder.layers.3\")"));
  EXPECT_NE(text, textOf("p = 0.5 : f64, rng_id = 2 : i64", "", ""));
  EXPECT_NE(text, textOf("p = 0.25 : f64, rng_id = 1 : i64", "", ""));
  MLIRContext &context = testContext();
  auto back = parseKernelText(text, context);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(kernelText(kernelOf(**back)), text);
}

} // namespace
} // namespace heddle::codegen
