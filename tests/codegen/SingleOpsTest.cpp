// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/KernelGenerator.h"
#include "tests/codegen/KernelCheck.h"
#include "gtest/gtest.h"

namespace heddle::codegen {
namespace {

KernelText oneOp(std::vector<std::string> inputs, const std::string &op,
                 const std::string &result) {
  std::string types;
  for (const std::string &input : inputs)
    types += (types.empty() ? "" : ", ") + input;
  return {inputs, "%y = heddle." + op + " : (" + types + ") -> " + result, {"%y"}, {result}};
}

KernelCheck exact(KernelText text, int64_t integerBound = 2) {
  return {.text = std::move(text), .integerBound = integerBound};
}

TEST(SingleOps, ConcatOnEveryAxis) {
  checkKernel(exact(oneOp({"tensor<3x5xf32>", "tensor<40x5xf32>"}, "concat %0, %1 {axis = 0 : i64}",
                          "tensor<43x5xf32>")));
  checkKernel(exact(oneOp({"tensor<13x24xf32>", "tensor<13x1xf32>", "tensor<13x131xf32>"},
                          "concat %0, %1, %2 {axis = 1 : i64}", "tensor<13x156xf32>")));
  checkKernel(exact(oneOp({"tensor<2x3x7xi32>", "tensor<2x2x7xi32>"},
                          "concat %0, %1 {axis = 1 : i64}", "tensor<2x5x7xi32>"),
                    1000));
  checkKernel(exact(oneOp({"tensor<9001xf32>", "tensor<5000xf32>"},
                          "concat %0, %1 {axis = 0 : i64}", "tensor<14001xf32>")));
}

TEST(SingleOps, ConcatOfViews) {
  checkKernel(exact(
      {{"tensor<13x72xf32>", "tensor<24x13xf32>"},
       R"(%s = heddle.slice %0 {offsets = array<i64: 0, 24>, sizes = array<i64: 13, 30>} : (tensor<13x72xf32>) -> tensor<13x30xf32>
    %t = heddle.transpose %1 {permutation = array<i64: 1, 0>} : (tensor<24x13xf32>) -> tensor<13x24xf32>
    %y = heddle.concat %s, %t {axis = 1 : i64} : (tensor<13x30xf32>, tensor<13x24xf32>) -> tensor<13x54xf32>)",
       {"%y"},
       {"tensor<13x54xf32>"}}));
}

TEST(SingleOps, Pad) {
  checkKernel(exact(oneOp({"tensor<3x5x21xf32>"},
                          "pad %0 {low = array<i64: 1, 0, 2>, high = array<i64: 0, 3, 4>}",
                          "tensor<4x8x27xf32>")));
  checkKernel(
      exact(oneOp({"tensor<7000xf32>"}, "pad %0 {low = array<i64: 0>, high = array<i64: 3000>}",
                  "tensor<10000xf32>")));
}

TEST(SingleOps, ReduceOverAnyAxes) {
  struct Case {
    std::vector<int64_t> shape, axes, result;
  };
  for (const Case &c : std::vector<Case>{{{13}, {0}, {}},
                                         {{7, 131, 24}, {0, 1, 2}, {}},
                                         {{7, 13, 24}, {1}, {7, 24}},
                                         {{7, 13, 24}, {0, 2}, {13}},
                                         {{3, 7, 5, 21}, {1, 3}, {3, 5}},
                                         {{3, 7, 1, 21}, {0, 2}, {7, 21}},
                                         {{3, 1, 5, 2}, {1, 2}, {3, 2}}})
    for (std::string op : {"sum", "max"}) {
      std::string axes;
      for (int64_t axis : c.axes)
        axes += (axes.empty() ? "" : ", ") + std::to_string(axis);
      SCOPED_TRACE(op + " " + tensorText(c.shape) + " over " + axes);
      checkKernel(
          {.text = oneOp({tensorText(c.shape)}, op + " %0 {axes = array<i64: " + axes + ">}",
                         tensorText(c.result))});
    }
}

TEST(SingleOps, CountTargets) {
  checkKernel({.text = oneOp({"tensor<2x3xi32>"}, "count_targets %0", "tensor<f32>"),
               .given = {{0, {5, -100, 3, -100, 0, 1}}}});
  checkKernel(
      {.text = oneOp({"tensor<3xi64>"}, "count_targets %0 {ignore_index = 7 : i64}", "tensor<f32>"),
       .given = {{0, {7, 7, 7}}}});
}

TEST(SingleOps, Embedding) {
  checkKernel(exact(
      oneOp({"tensor<50x24xf32>", "tensor<2x13xi32>"}, "embedding %0, %1", "tensor<2x13x24xf32>"),
      50));
  checkKernel(exact(
      oneOp({"tensor<50x771xf32>", "tensor<5xi64>"}, "embedding %0, %1", "tensor<5x771xf32>"), 50));
}

TEST(SingleOps, EmbeddingGradAddsInOrder) {
  std::string v = "tensor<300x131xf32>";
  checkKernel(
      {.text = oneOp({"tensor<4x13xi32>", "tensor<4x13x131xf32>"}, "embedding_grad %0, %1", v),
       .integerBound = 9});
  checkKernel({.text = oneOp({"tensor<52xi32>", "tensor<52x131xf32>", v},
                             "embedding_grad %0, %1 init(%2)", v),
               .integerBound = 300,
               .inPlace = {{2, 0}}});
  // More tokens than a CUDA block looks at at once.
  checkKernel({.text = oneOp({"tensor<300xi32>", "tensor<300x3xf32>"}, "embedding_grad %0, %1",
                             "tensor<40x3xf32>"),
               .integerBound = 40});
}

TEST(SingleOps, GatherRowsAndCache) {
  checkKernel(exact(
      oneOp({"tensor<3x7x131xf32>", "tensor<3xi32>"}, "gather_rows %0, %1", "tensor<3x131xf32>"),
      7));
  KernelCheck cache = exact(oneOp({"tensor<2x3x9x24xf32>", "tensor<2x3x2x24xf32>", "tensor<2xi32>"},
                                  "cache_update %0, %1, %2", "tensor<2x3x9x24xf32>"),
                            8);
  cache.inPlace = {{0, 0}};
  checkKernel(cache);
}

TEST(SingleOps, CacheUpdateReadsHeadsThroughATranspose) {
  checkKernel(exact({{"tensor<2x3x9x24xf32>", "tensor<2x1x72xf32>", "tensor<2xi32>"},
                     R"(%r = heddle.reshape %1 : tensor<2x1x72xf32> -> tensor<2x1x3x24xf32>
    %t = heddle.transpose %r {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x1x3x24xf32>) -> tensor<2x3x1x24xf32>
    %y = heddle.cache_update %0, %t, %2 : (tensor<2x3x9x24xf32>, tensor<2x3x1x24xf32>, tensor<2xi32>) -> tensor<2x3x9x24xf32>)",
                     {"%y"},
                     {"tensor<2x3x9x24xf32>"}},
                    9));
}

TEST(SingleOps, Rope) {
  for (std::string form : {"", ", interleaved"})
    for (std::string inverse : {"", ", inverse"})
      for (int64_t size : {8, 20, 64}) {
        std::string frequencies;
        int64_t pairs = size == 20 ? 7 : size / 2; // the rest passes
        double value = 1;
        for (int64_t p = 0; p < pairs; ++p, value *= 0.61)
          frequencies += (p ? ", " : "") + std::to_string(value);
        std::string x = tensorText({2, 3, 5, size});
        SCOPED_TRACE(x + form + inverse);
        checkKernel({.text = oneOp({x, "tensor<2x5xi32>"},
                                   "rope %0, %1 {inv_freq = array<f64: " + frequencies +
                                       ">, attention_scaling = 1.25 : f64" + form + inverse + "}",
                                   x),
                     .integerBound = 100000,
                     .inPlace = {{0, 0}}});
      }
}

TEST(SingleOps, RopeReadsSlicesOfTheProjectionAndConstantPositions) {
  checkKernel(
      {.text = {
           {"tensor<2x3x48xf32>"},
           R"(%s = heddle.slice %0 {offsets = array<i64: 0, 0, 16>, sizes = array<i64: 2, 3, 16>} : (tensor<2x3x48xf32>) -> tensor<2x3x16xf32>
    %r = heddle.reshape %s : tensor<2x3x16xf32> -> tensor<2x3x2x8xf32>
    %t = heddle.transpose %r {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x3x2x8xf32>) -> tensor<2x2x3x8xf32>
    %p = heddle.constant dense<[[0, 1, 2]]> : tensor<1x3xi32>
    %y = heddle.rope %t, %p {inv_freq = array<f64: 1.0, 0.1, 0.01, 0.001>} : (tensor<2x2x3x8xf32>, tensor<1x3xi32>) -> tensor<2x2x3x8xf32>)",
           {"%y"},
           {"tensor<2x2x3x8xf32>"}}});
}

TEST(SingleOps, AdamW) {
  const std::vector<double> hyper = {3e-4, 0.1, 0.9, 0.1, 0.95, 0.05, 1e-8, 0.271, 0.142625};
  for (std::vector<int64_t> shape : std::vector<std::vector<int64_t>>{{}, {13, 24}, {131, 771}})
    for (std::string decay : {"", " {decay}"}) {
      std::string t = tensorText(shape);
      std::vector<double> v(t == "tensor<f32>" ? 1 : shape[0] * shape[1]);
      for (size_t i = 0; i < v.size(); ++i)
        v[i] = static_cast<double>(i % 17) * 1e-3;
      checkKernel(
          {.text = {{t, t, t, t, "tensor<9xf32>", "tensor<f32>"},
                    "%y:3 = heddle.adamw %0, %1, %2, %3, %4, %5" + decay + " : (" + t + ", " + t +
                        ", " + t + ", " + t + ", tensor<9xf32>, tensor<f32>) -> (" + t + ", " + t +
                        ", " + t + ")",
                    {"%y#0", "%y#1", "%y#2"},
                    {t, t, t}},
           .given = {{3, v}, {4, hyper}, {5, {0.7}}},
           .inPlace = {{0, 0}, {2, 1}, {3, 2}}});
    }
}

TEST(SingleOps, NormsOfGradients) {
  checkKernel({.text = oneOp({"tensor<13x24xf32>", "tensor<f32>", "tensor<771xf32>"},
                             "global_norm %0, %1, %2", "tensor<f32>")});
  for (int64_t size : {1, 771, 16384, 40000})
    checkKernel({.text = oneOp({tensorText({size})}, "sum_squares %0",
                               tensorText({(size + 16383) / 16384}, "f64"))});
  checkKernel(
      {.text = oneOp({"tensor<3xf64>", "tensor<1xf64>"}, "norm_of_partials %0, %1", "tensor<f32>"),
       .given = {{0, {1e60, 2e60, 3e60}}, {1, {3e60}}}});
}

TEST(SingleOps, GradientsThatAreConstant) {
  checkKernel({.text = {{"tensor<f32>"},
                        R"(%g = heddle.constant dense<0.5> : tensor<200x100xf32>
    %y = heddle.sum_squares %g : (tensor<200x100xf32>) -> tensor<2xf64>)",
                        {"%y"},
                        {"tensor<2xf64>"}}});
  std::string t = "tensor<20x10xf32>";
  checkKernel(
      {.text = {{t, t, t, "tensor<9xf32>", "tensor<f32>"},
                "%g = heddle.constant dense<0.0> : " + t +
                    "\n%y:3 = heddle.adamw %0, %g, %1, %2, %3, %4 : (" + t + ", " + t + ", " + t +
                    ", " + t + ", tensor<9xf32>, tensor<f32>) -> (" + t + ", " + t + ", " + t + ")",
                {"%y#0", "%y#2"},
                {t, t}},
       .given = {{2, std::vector<double>(200, 0.25)},
                 {3, {3e-4, 0.1, 0.9, 0.1, 0.95, 0.05, 1e-8, 0.271, 0.142625}},
                 {4, {1}}}});
}

TEST(SingleOps, SaysWhatIsNotCovered) {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string t = "tensor<20xbf16>";
  ir::KernelOp kernel = parseKernel(
      {{t, t}, "%y = heddle.add %0, %1 : (" + t + ", " + t + ") -> " + t, {"%y"}, {t}}, module);
  std::string reason;
  EXPECT_TRUE(failed(generateKernel(kernel, hostTarget(), &reason)));
  EXPECT_EQ(reason, "no code for heddle.add on these element types");
  EXPECT_TRUE(failed(generateKernel(kernel, hostTarget(), nullptr)));
}

TEST(SingleOps, SumSquaresOfATranspose) {
  checkKernel(
      {.text = {
           {"tensor<30x13xf32>"},
           R"(%t = heddle.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<30x13xf32>) -> tensor<13x30xf32>
    %y = heddle.sum_squares %t : (tensor<13x30xf32>) -> tensor<1xf64>)",
           {"%y"},
           {"tensor<1xf64>"}}});
}

TEST(SingleOps, SumSquaresOfASlice) {
  checkKernel(
      {.text = {
           {"tensor<300x200xf32>"},
           R"(%s = heddle.slice %0 {offsets = array<i64: 0, 50>, sizes = array<i64: 300, 131>} : (tensor<300x200xf32>) -> tensor<300x131xf32>
    %y = heddle.sum_squares %s : (tensor<300x131xf32>) -> tensor<3xf64>)",
           {"%y"},
           {"tensor<3xf64>"}}});
}

} // namespace
} // namespace heddle::codegen
