// SPDX-License-Identifier: Apache-2.0
// Gemm and attention kernels as form-kernels makes them: with epilogues and views, against the
// interpreter.

#include "tests/codegen/KernelCheck.h"
#include "gtest/gtest.h"

namespace heddle::codegen {
namespace {

TEST(GemmEpilogue, BiasAndGeluYieldBoth) {
  checkKernel(
      {.text = {
           {"tensor<2x19x40xf32>", "tensor<40x85xf32>", "tensor<85xf32>"},
           R"(%y = heddle.matmul %0, %1 : (tensor<2x19x40xf32>, tensor<40x85xf32>) -> tensor<2x19x85xf32>
    %z = heddle.add %y, %2 : (tensor<2x19x85xf32>, tensor<85xf32>) -> tensor<2x19x85xf32>
    %g = heddle.gelu %z {tanh_approximation} : tensor<2x19x85xf32>)",
           {"%z", "%g"},
           {"tensor<2x19x85xf32>", "tensor<2x19x85xf32>"}}});
}

TEST(GemmEpilogue, ResidualInPlaceUnderAnotherSplitOfTheRows) {
  checkKernel(
      {.text =
           {{"tensor<2x7x40xf32>", "tensor<30x40xf32>", "tensor<30xf32>", "tensor<14x30xf32>"},
            R"(%y = heddle.matmul %0, %1 {transpose_b} : (tensor<2x7x40xf32>, tensor<30x40xf32>) -> tensor<2x7x30xf32>
    %z = heddle.add %y, %2 : (tensor<2x7x30xf32>, tensor<30xf32>) -> tensor<2x7x30xf32>
    %f = heddle.reshape %z : tensor<2x7x30xf32> -> tensor<14x30xf32>
    %r = heddle.add %f, %3 : (tensor<14x30xf32>, tensor<14x30xf32>) -> tensor<14x30xf32>)",
            {"%r"},
            {"tensor<14x30xf32>"}},
       .inPlace = {{3, 0}}});
}

TEST(GemmEpilogue, AccumulatedGradientInPlaceWithDepthInPasses) {
  checkKernel(
      {.text =
           {{"tensor<7001x21xf32>", "tensor<7001x37xf32>", "tensor<21x37xf32>"},
            R"(%y = heddle.matmul %0, %1 {transpose_a} : (tensor<7001x21xf32>, tensor<7001x37xf32>) -> tensor<21x37xf32>
    %r = heddle.add %2, %y : (tensor<21x37xf32>, tensor<21x37xf32>) -> tensor<21x37xf32>)",
            {"%r"},
            {"tensor<21x37xf32>"}},
       .inPlace = {{2, 0}}});
}

TEST(GemmEpilogue, DropoutScalarAndConstant) {
  checkKernel(
      {.text =
           {{"tensor<37x24xf32>", "tensor<24x50xf32>", "tensor<3xi64>", "tensor<f32>"},
            R"(%y = heddle.matmul %0, %1 : (tensor<37x24xf32>, tensor<24x50xf32>) -> tensor<37x50xf32>
    %c = heddle.constant dense<0.5> : tensor<f32>
    %z = heddle.mul %y, %c : (tensor<37x50xf32>, tensor<f32>) -> tensor<37x50xf32>
    %d = heddle.dropout %z, %2 {p = 0.2 : f64, rng_id = 4 : i64} : (tensor<37x50xf32>, tensor<3xi64>) -> tensor<37x50xf32>
    %s = heddle.mul %d, %3 : (tensor<37x50xf32>, tensor<f32>) -> tensor<37x50xf32>)",
            {"%s"},
            {"tensor<37x50xf32>"}},
       .given = {{2, {11, 5, 2}}}});
}

TEST(GemmEpilogue, ActivationGradient) {
  checkKernel(
      {.text = {
           {"tensor<40x33xf32>", "tensor<70x33xf32>", "tensor<2x20x70xf32>"},
           R"(%y = heddle.matmul %0, %1 {transpose_b} : (tensor<40x33xf32>, tensor<70x33xf32>) -> tensor<40x70xf32>
    %x = heddle.reshape %2 : tensor<2x20x70xf32> -> tensor<40x70xf32>
    %d = heddle.gelu_grad %x, %y : tensor<40x70xf32>)",
           {"%d"},
           {"tensor<40x70xf32>"}}});
}

// One column: its stride in the operand is that of another axis (a random graph's).
TEST(GemmEpilogue, TransposedOperandOfOneColumn) {
  checkKernel(
      {.text = {
           {"tensor<2x2x2xf32>", "tensor<1x2xf32>", "tensor<1x2x2xf32>"},
           R"(%y = heddle.matmul %0, %1 {transpose_b} : (tensor<2x2x2xf32>, tensor<1x2xf32>) -> tensor<2x2x1xf32>
    %t = heddle.transpose %2 {permutation = array<i64: 1, 2, 0>} : (tensor<1x2x2xf32>) -> tensor<2x2x1xf32>
    %s = heddle.add %y, %t : (tensor<2x2x1xf32>, tensor<2x2x1xf32>) -> tensor<2x2x1xf32>)",
           {"%s"},
           {"tensor<2x2x1xf32>"}}});
}

TEST(GemmEpilogue, ReshapeToAScalar) {
  checkKernel(
      {.text = {
           {"tensor<1x3xf32>", "tensor<1x3xf32>", "tensor<f32>"},
           R"(%y = heddle.matmul %0, %1 {transpose_b} : (tensor<1x3xf32>, tensor<1x3xf32>) -> tensor<1x1xf32>
    %r = heddle.reshape %y : tensor<1x1xf32> -> tensor<f32>
    %s = heddle.add %r, %2 : (tensor<f32>, tensor<f32>) -> tensor<f32>)",
           {"%s"},
           {"tensor<f32>"}}});
}

TEST(GemmViews, HeadsOfAMergedProjection) {
  // Scores of attention as plain ops: q and k are slices and transposes of one buffer.
  checkKernel(
      {.text = {
           {"tensor<2x13x3x4x8xf32>"},
           R"(%q0 = heddle.slice %0 {offsets = array<i64: 0, 0, 0, 0, 0>, sizes = array<i64: 2, 13, 1, 4, 8>} : (tensor<2x13x3x4x8xf32>) -> tensor<2x13x1x4x8xf32>
    %q1 = heddle.reshape %q0 : tensor<2x13x1x4x8xf32> -> tensor<2x13x4x8xf32>
    %q = heddle.transpose %q1 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x13x4x8xf32>) -> tensor<2x4x13x8xf32>
    %k0 = heddle.slice %0 {offsets = array<i64: 0, 0, 1, 0, 0>, sizes = array<i64: 2, 13, 1, 4, 8>} : (tensor<2x13x3x4x8xf32>) -> tensor<2x13x1x4x8xf32>
    %k1 = heddle.reshape %k0 : tensor<2x13x1x4x8xf32> -> tensor<2x13x4x8xf32>
    %k = heddle.transpose %k1 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x13x4x8xf32>) -> tensor<2x4x13x8xf32>
    %y = heddle.matmul %q, %k {transpose_b} : (tensor<2x4x13x8xf32>, tensor<2x4x13x8xf32>) -> tensor<2x4x13x13xf32>)",
           {"%y"},
           {"tensor<2x4x13x13xf32>"}}});
}

TEST(GemmViews, SharedHeadBroadcasts) {
  checkKernel(
      {.text = {
           {"tensor<2x4x9x8xf32>", "tensor<2x1x8x21xf32>"},
           R"(%y = heddle.matmul %0, %1 : (tensor<2x4x9x8xf32>, tensor<2x1x8x21xf32>) -> tensor<2x4x9x21xf32>)",
           {"%y"},
           {"tensor<2x4x9x21xf32>"}}});
}

// q, k, v of a merged [B, T, 3, H, D] projection; o back in [B, T, H * D].
const char *kMergedHeads =
    R"(%q0 = heddle.slice %0 {offsets = array<i64: 0, 0, 0, 0, 0>, sizes = array<i64: 2, 21, 1, 2, 16>} : (tensor<2x21x3x2x16xf32>) -> tensor<2x21x1x2x16xf32>
    %q1 = heddle.reshape %q0 : tensor<2x21x1x2x16xf32> -> tensor<2x21x2x16xf32>
    %q = heddle.transpose %q1 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x21x2x16xf32>) -> tensor<2x2x21x16xf32>
    %k0 = heddle.slice %0 {offsets = array<i64: 0, 0, 1, 0, 0>, sizes = array<i64: 2, 21, 1, 2, 16>} : (tensor<2x21x3x2x16xf32>) -> tensor<2x21x1x2x16xf32>
    %k1 = heddle.reshape %k0 : tensor<2x21x1x2x16xf32> -> tensor<2x21x2x16xf32>
    %k = heddle.transpose %k1 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x21x2x16xf32>) -> tensor<2x2x21x16xf32>
    %v0 = heddle.slice %0 {offsets = array<i64: 0, 0, 2, 0, 0>, sizes = array<i64: 2, 21, 1, 2, 16>} : (tensor<2x21x3x2x16xf32>) -> tensor<2x21x1x2x16xf32>
    %v1 = heddle.reshape %v0 : tensor<2x21x1x2x16xf32> -> tensor<2x21x2x16xf32>
    %v = heddle.transpose %v1 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x21x2x16xf32>) -> tensor<2x2x21x16xf32>
    )";

TEST(AttentionViews, ForwardOfAMergedProjection) {
  checkKernel(
      {.text = {
           {"tensor<2x21x3x2x16xf32>"},
           std::string(kMergedHeads) +
               R"(%o, %l = heddle.attention %q, %k, %v {causal, scale = 0.25 : f64} : (tensor<2x2x21x16xf32>, tensor<2x2x21x16xf32>, tensor<2x2x21x16xf32>) -> (tensor<2x2x21x16xf32>, tensor<2x2x21xf32>)
    %t = heddle.transpose %o {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x2x21x16xf32>) -> tensor<2x21x2x16xf32>
    %y = heddle.reshape %t : tensor<2x21x2x16xf32> -> tensor<2x21x32xf32>)",
           {"%y"},
           {"tensor<2x21x32xf32>"}}});
}

TEST(AttentionViews, QueriesWhoseComponentsLieApart) {
  checkKernel(
      {.text = {
           {"tensor<2x2x16x21xf32>", "tensor<2x2x21x16xf32>", "tensor<2x2x21x16xf32>"},
           R"(%q = heddle.transpose %0 {permutation = array<i64: 0, 1, 3, 2>} : (tensor<2x2x16x21xf32>) -> tensor<2x2x21x16xf32>
    %o, %l = heddle.attention %q, %1, %2 {causal, scale = 0.25 : f64} : (tensor<2x2x21x16xf32>, tensor<2x2x21x16xf32>, tensor<2x2x21x16xf32>) -> (tensor<2x2x21x16xf32>, tensor<2x2x21xf32>))",
           {"%o", "%l"},
           {"tensor<2x2x21x16xf32>", "tensor<2x2x21xf32>"}}});
}

TEST(AttentionViews, BackwardOfAMergedProjection) {
  checkKernel(
      {.text = {{"tensor<2x21x3x2x16xf32>", "tensor<2x21x32xf32>", "tensor<2x2x21xf32>",
                 "tensor<2x21x32xf32>"},
                std::string(kMergedHeads) +
                    R"(%o0 = heddle.reshape %1 : tensor<2x21x32xf32> -> tensor<2x21x2x16xf32>
    %o = heddle.transpose %o0 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x21x2x16xf32>) -> tensor<2x2x21x16xf32>
    %do0 = heddle.reshape %3 : tensor<2x21x32xf32> -> tensor<2x21x2x16xf32>
    %do = heddle.transpose %do0 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x21x2x16xf32>) -> tensor<2x2x21x16xf32>
    %dq, %dk, %dv = heddle.attention_grad %q, %k, %v, %o, %2, %do {causal, scale = 0.25 : f64} : (tensor<2x2x21x16xf32>, tensor<2x2x21x16xf32>, tensor<2x2x21x16xf32>, tensor<2x2x21x16xf32>, tensor<2x2x21xf32>, tensor<2x2x21x16xf32>) -> (tensor<2x2x21x16xf32>, tensor<2x2x21x16xf32>, tensor<2x2x21x16xf32>)
    %dq1 = heddle.transpose %dq {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x2x21x16xf32>) -> tensor<2x21x2x16xf32>
    %dk1 = heddle.transpose %dk {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x2x21x16xf32>) -> tensor<2x21x2x16xf32>
    %dv1 = heddle.transpose %dv {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x2x21x16xf32>) -> tensor<2x21x2x16xf32>
    %dq2 = heddle.reshape %dq1 : tensor<2x21x2x16xf32> -> tensor<2x21x32xf32>
    %dk2 = heddle.reshape %dk1 : tensor<2x21x2x16xf32> -> tensor<2x21x32xf32>
    %dv2 = heddle.reshape %dv1 : tensor<2x21x2x16xf32> -> tensor<2x21x32xf32>
    %d = heddle.concat %dq2, %dk2, %dv2 {axis = 2 : i64} : (tensor<2x21x32xf32>, tensor<2x21x32xf32>, tensor<2x21x32xf32>) -> tensor<2x21x96xf32>)",
                {"%d"},
                {"tensor<2x21x96xf32>"}}});
}

} // namespace
} // namespace heddle::codegen
