// SPDX-License-Identifier: Apache-2.0
// Passes change how something is computed, never what: each function of the text tests is evaluated
// in float64 before and after its pass, on random inputs.

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <random>
#include <sstream>

#include "ir/interpreter/Interpreter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "passes/Passes.h"
#include "tests/passes/TinyTransformer.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {
namespace {

struct Case {
  std::string file;     // in tests/passes
  std::string pipeline; // as on the command line
};

std::string readFile(const std::string &name) {
  std::ifstream in(std::string(std::getenv("HEDDLE_SOURCE_DIR")) + "/tests/passes/" + name);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The parts between "// -----" lines.
std::vector<std::string> splitInput(const std::string &text) {
  const std::string mark = "// -----";
  std::vector<std::string> parts;
  for (size_t from = 0; from != std::string::npos;) {
    size_t at = text.find(mark, from);
    parts.push_back(text.substr(from, at - from));
    from = at == std::string::npos ? at : at + mark.size();
  }
  return parts;
}

/// Numbers that are valid wherever the tests use the type: as ids, targets, lengths and masks.
TensorRef randomValue(RankedTensorType type, std::mt19937_64 &random) {
  Tensor value = Tensor::zeros(*elementKindOf(type.getElementType()), type.getShape().vec());
  int64_t below = value.kind == ElementKind::i1 ? 2 : 3;
  for (int64_t &element : value.ints)
    element = static_cast<int64_t>(random() % below);
  for (double &element : value.floats)
    element = std::uniform_real_distribution<double>(-1, 1)(random);
  return std::make_shared<Tensor>(std::move(value));
}

std::vector<TensorRef> randomArguments(func::FuncOp function, unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<TensorRef> values;
  for (Type type : function.getArgumentTypes())
    values.push_back(randomValue(cast<RankedTensorType>(type), random));
  return values;
}

void expectEqual(const Tensor &before, const Tensor &after, const std::string &what) {
  ASSERT_EQ(before.shape, after.shape) << what;
  for (int64_t i = 0; i < before.elements(); ++i) {
    double a = before.number(i), b = after.number(i);
    if (a == b)
      continue; // infinities too
    ASSERT_NEAR(a, b, 1e-12 * std::max(1.0, std::abs(a))) << what << ", element " << i;
  }
}

class PassEquivalence : public testing::TestWithParam<Case> {};

TEST_P(PassEquivalence, KeepsTheMeaning) {
  registerPasses();
  MLIRContext &context = testContext();
  int functions = 0;
  for (const std::string &text : splitInput(readFile(GetParam().file))) {
    OwningOpRef<ModuleOp> before = parseSourceString<ModuleOp>(text, &context);
    ASSERT_TRUE(before) << text;
    OwningOpRef<ModuleOp> after = before->clone();
    PassManager manager(&context);
    ASSERT_TRUE(succeeded(parsePassPipeline(GetParam().pipeline, manager)));
    ASSERT_TRUE(succeeded(manager.run(*after)));
    for (auto function : before->getOps<func::FuncOp>()) {
      auto changed = after->lookupSymbol<func::FuncOp>(function.getName());
      for (unsigned seed : {1, 2, 3}) {
        std::vector<TensorRef> arguments = randomArguments(function, seed);
        auto expected = evaluate(function, arguments), found = evaluate(changed, arguments);
        ASSERT_TRUE(expected.ok()) << expected.status();
        ASSERT_TRUE(found.ok()) << found.status();
        for (size_t i = 0; i < expected->size(); ++i)
          expectEqual(*(*expected)[i], *(*found)[i],
                      function.getName().str() + ", result " + std::to_string(i));
      }
      ++functions;
    }
  }
  EXPECT_GT(functions, 0);
}

std::string nested(const std::string &passes) { return "func.func(" + passes + ")"; }

INSTANTIATE_TEST_SUITE_P(
    TextTests, PassEquivalence,
    testing::Values(
        Case{"fuse_attention.mlir", nested("heddle-fuse-attention")},
        Case{"fuse_attention_misses.mlir", nested("heddle-fuse-attention")},
        Case{"fuse_attention_near_misses.mlir", nested("heddle-fuse-attention")},
        Case{"fuse_attention_near_masks.mlir", nested("heddle-fuse-attention")},
        Case{"fuse_ffn.mlir", nested("heddle-fuse-ffn")},
        Case{"fuse_ffn_misses.mlir", nested("heddle-fuse-ffn")},
        Case{"fuse_linear_cross_entropy.mlir", nested("heddle-fuse-linear-cross-entropy")},
        Case{"merge_qkv.mlir", nested("heddle-merge-qkv")},
        Case{"merge_loss_gradient.mlir", nested("heddle-merge-loss-gradient")},
        Case{"recompute_activations.mlir",
             nested("heddle-recompute-activations{min-bytes=64 distance=3}")},
        Case{"expand_composites.mlir",
             nested("heddle-expand-composites{max-logits-bytes=2816 decompose-attention=true}")},
        Case{"split_depth.mlir", nested("heddle-split-depth{min-bytes=1024}")},
        // Whatever the functions hold, kernels compute the same.
        Case{"form_kernels.mlir", nested("heddle-form-kernels")},
        Case{"fuse_attention.mlir", nested("heddle-form-kernels")},
        Case{"fuse_attention.mlir", nested("heddle-fuse-attention,heddle-form-kernels")},
        Case{"fuse_attention_misses.mlir", nested("heddle-form-kernels")},
        Case{"fuse_attention_near_misses.mlir",
             nested("heddle-fuse-attention,heddle-form-kernels")},
        Case{"recompute_activations.mlir",
             nested("heddle-recompute-activations{min-bytes=64 distance=3},heddle-form-kernels")},
        Case{"fuse_ffn.mlir", nested("heddle-form-kernels")},
        Case{"fuse_linear_cross_entropy.mlir", nested("heddle-form-kernels")},
        Case{"merge_qkv.mlir", nested("heddle-merge-qkv,heddle-form-kernels")},
        Case{"expand_composites.mlir",
             nested("heddle-expand-composites{max-logits-bytes=2816},heddle-form-kernels")}),
    [](const testing::TestParamInfo<Case> &info) {
      std::string name = std::to_string(info.index) + "_" + info.param.file;
      std::replace_if(name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
      return name;
    });

} // namespace
} // namespace heddle::passes
