// SPDX-License-Identifier: Apache-2.0
#include "tests/codegen/KernelCheck.h"
#include "gtest/gtest.h"

namespace heddle::codegen {
namespace {

TEST(ColumnReduce, BiasGradients) {
  for (std::vector<int64_t> shape : std::vector<std::vector<int64_t>>{
           {1, 1}, {3, 8}, {13, 24}, {1000, 131}, {70, 768}, {13, 771}}) {
    std::string x = tensorText(shape), y = tensorText({shape[1]});
    SCOPED_TRACE(x);
    checkKernel(
        {.text = {
             {x}, "%y = heddle.sum %0 {axes = array<i64: 0>} : (" + x + ") -> " + y, {"%y"}, {y}}});
  }
}

TEST(ColumnReduce, OverLeadingAxesWithPrologue) {
  checkKernel({.text = {{"tensor<4x13x3x40xf32>", "tensor<4x13x3x40xf32>", "tensor<40xf32>",
                         "tensor<4x13x3x1xf32>"},
                        R"(%g = heddle.relu_grad %0, %1 : tensor<4x13x3x40xf32>
    %a = heddle.add %g, %2 : (tensor<4x13x3x40xf32>, tensor<40xf32>) -> tensor<4x13x3x40xf32>
    %b = heddle.mul %a, %3 : (tensor<4x13x3x40xf32>, tensor<4x13x3x1xf32>) -> tensor<4x13x3x40xf32>
    %y = heddle.sum %b {axes = array<i64: 0, 1>} : (tensor<4x13x3x40xf32>) -> tensor<3x40xf32>
    %r = heddle.reshape %y : tensor<3x40xf32> -> tensor<120xf32>)",
                        {"%r"},
                        {"tensor<120xf32>"}}});
}

TEST(ColumnReduce, ReadsRowsThatAreStridedUnderAnotherShapeOnly) {
  checkKernel(
      {.text = {
           {"tensor<3x9x24xf32>", "tensor<3x5x24xf32>"},
           R"(%s = heddle.slice %0 {offsets = array<i64: 0, 2, 0>, sizes = array<i64: 3, 5, 24>} : (tensor<3x9x24xf32>) -> tensor<3x5x24xf32>
    %a = heddle.mul %s, %1 : (tensor<3x5x24xf32>, tensor<3x5x24xf32>) -> tensor<3x5x24xf32>
    %r = heddle.reshape %a : tensor<3x5x24xf32> -> tensor<15x24xf32>
    %y = heddle.sum %r {axes = array<i64: 0>} : (tensor<15x24xf32>) -> tensor<24xf32>)",
           {"%y"},
           {"tensor<24xf32>"}}});
}

TEST(ColumnReduce, NormParameters) {
  for (std::vector<int64_t> shape :
       std::vector<std::vector<int64_t>>{{2, 5, 24}, {3, 1, 131}, {1, 200, 771}}) {
    std::string x = tensorText(shape), r = tensorText({shape[0], shape[1]}),
                c = tensorText({shape[2]});
    SCOPED_TRACE(x);
    checkKernel({.text = {{x, x, r, r},
                          "%y:2 = heddle.layer_norm_param_grad %0, %1, %2, %3 : (" + x + ", " + x +
                              ", " + r + ", " + r + ") -> (" + c + ", " + c + ")",
                          {"%y#1", "%y#0"},
                          {c, c}}});
    checkKernel({.text = {{x, x, r},
                          "%y = heddle.rms_norm_param_grad %0, %1, %2 : (" + x + ", " + x + ", " +
                              r + ") -> " + c,
                          {"%y"},
                          {c}}});
  }
}

} // namespace
} // namespace heddle::codegen
