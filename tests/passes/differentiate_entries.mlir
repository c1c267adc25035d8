// SPDX-License-Identifier: Apache-2.0
// Names, kinds and the seed of the function that the gradient becomes.
// RUN: heddle-opt %s --heddle-differentiate | FileCheck %s
// RUN: heddle-opt %s --heddle-differentiate="source=train_loss target=train_grad loss-scale=true" | FileCheck %s --check-prefix=SCALED

// The source stays as it is.
// CHECK: func.func @train_loss
// CHECK: return
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: -> (tensor<f32> {heddle.kind = "output", heddle.name = "loss"},
// CHECK-SAME: tensor<4xf32> {heddle.kind = "output", heddle.name = "grad.w"},
// CHECK-SAME: tensor<3xf32> {heddle.kind = "output", heddle.name = "grad.unused"})
// CHECK: [[SEED:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[DP:%[a-z0-9_]+]] = heddle.reshape [[SEED]]
// CHECK-NEXT: [[DY:%[a-z0-9_]+]] = heddle.broadcast [[DP]]
// CHECK-NEXT: [[DW:%[a-z0-9_]+]] = heddle.mul [[DY]], %arg2
// CHECK-NEXT: [[ZEROS:%[a-z0-9_]+]] = heddle.constant dense<0.000000e+00> : tensor<3xf32>
// CHECK-NEXT: return {{%[a-z0-9_]+}}, [[DW]], [[ZEROS]]

// The loss scale stands behind the other inputs, before the random state.
// SCALED-LABEL: func.func @train_grad(
// SCALED-SAME: %arg2: tensor<4xf32> {heddle.kind = "input", heddle.name = "x"},
// SCALED-SAME: [[SCALE:%arg3]]: tensor<f32> {heddle.kind = "scalar", heddle.name = "loss_scale"},
// SCALED-SAME: tensor<3xi64> {heddle.kind = "rng", heddle.name = "rng"})
// SCALED: heddle.reshape [[SCALE]]
func.func @train_loss(%w: tensor<4xf32> {heddle.kind = "param", heddle.name = "w"},
    %unused: tensor<3xf32> {heddle.kind = "param", heddle.name = "unused"},
    %x: tensor<4xf32> {heddle.kind = "input", heddle.name = "x"},
    %rng: tensor<3xi64> {heddle.kind = "rng", heddle.name = "rng"})
    -> (tensor<f32> {heddle.kind = "output", heddle.name = "loss"}) {
  %y = heddle.mul %w, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
