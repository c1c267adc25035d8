// SPDX-License-Identifier: Apache-2.0
// RUN: heddle-opt %s --split-input-file --heddle-fuse-ffn | FileCheck %s

// The dropout behind it stays outside.
// CHECK-LABEL: func @plain
// CHECK: %[[Y:.*]], %{{.*}} = heddle.ffn gelu_tanh %arg0 in(%arg1, %arg2) out(%arg3, %arg4)
// CHECK: heddle.dropout %[[Y]]
// CHECK-NOT: heddle.matmul
func.func @plain(%x: tensor<2x3x4xf32>, %w1: tensor<4x16xf32>, %b1: tensor<16xf32>, %w2: tensor<16x4xf32>, %b2: tensor<4xf32>, %rng: tensor<3xi64>) -> tensor<2x3x4xf32> {
  %0 = heddle.matmul %x, %w1 : (tensor<2x3x4xf32>, tensor<4x16xf32>) -> tensor<2x3x16xf32>
  %1 = heddle.add %0, %b1 : (tensor<2x3x16xf32>, tensor<16xf32>) -> tensor<2x3x16xf32>
  %2 = heddle.gelu %1 {tanh_approximation} : tensor<2x3x16xf32>
  %3 = heddle.matmul %2, %w2 : (tensor<2x3x16xf32>, tensor<16x4xf32>) -> tensor<2x3x4xf32>
  %4 = heddle.add %b2, %3 : (tensor<4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %5 = heddle.dropout %4, %rng {p = 0.1 : f64, rng_id = 5 : i64} : (tensor<2x3x4xf32>, tensor<3xi64>) -> tensor<2x3x4xf32>
  return %5 : tensor<2x3x4xf32>
}

// -----

// A dropout of the activations goes into the op.
// CHECK-LABEL: func @dropped
// CHECK: heddle.ffn relu %arg0 in(%arg1) out(%arg2) rng(%arg3) {dropout = 1.000000e-01 : f64, rng_id = 5 : i64}
// CHECK-NOT: heddle.dropout
func.func @dropped(%x: tensor<3x4xf32>, %w1: tensor<4x16xf32>, %w2: tensor<16x4xf32>, %rng: tensor<3xi64>) -> tensor<3x4xf32> {
  %0 = heddle.matmul %x, %w1 : (tensor<3x4xf32>, tensor<4x16xf32>) -> tensor<3x16xf32>
  %1 = heddle.relu %0 : tensor<3x16xf32>
  %2 = heddle.dropout %1, %rng {p = 0.1 : f64, rng_id = 5 : i64} : (tensor<3x16xf32>, tensor<3xi64>) -> tensor<3x16xf32>
  %3 = heddle.matmul %2, %w2 : (tensor<3x16xf32>, tensor<16x4xf32>) -> tensor<3x4xf32>
  return %3 : tensor<3x4xf32>
}

// -----

// CHECK-LABEL: func @gated
// CHECK: heddle.ffn silu %arg0 in(%arg2) gate(%arg1) out(%arg3) {transpose_weights}
// CHECK-NOT: heddle.mul
func.func @gated(%x: tensor<2x3x4xf32>, %wg: tensor<16x4xf32>, %wu: tensor<16x4xf32>, %wd: tensor<4x16xf32>) -> tensor<2x3x4xf32> {
  %0 = heddle.matmul %x, %wg {transpose_b} : (tensor<2x3x4xf32>, tensor<16x4xf32>) -> tensor<2x3x16xf32>
  %1 = heddle.silu %0 : tensor<2x3x16xf32>
  %2 = heddle.matmul %x, %wu {transpose_b} : (tensor<2x3x4xf32>, tensor<16x4xf32>) -> tensor<2x3x16xf32>
  %3 = heddle.mul %1, %2 : (tensor<2x3x16xf32>, tensor<2x3x16xf32>) -> tensor<2x3x16xf32>
  %4 = heddle.matmul %3, %wd {transpose_b} : (tensor<2x3x16xf32>, tensor<4x16xf32>) -> tensor<2x3x4xf32>
  return %4 : tensor<2x3x4xf32>
}

// -----

// silu written out, rank 2.
// CHECK-LABEL: func @written_silu
// CHECK: heddle.ffn silu %arg0 in(%arg1) out(%arg2)
func.func @written_silu(%x: tensor<3x4xf32>, %w1: tensor<4x16xf32>, %w2: tensor<16x4xf32>) -> tensor<3x4xf32> {
  %0 = heddle.matmul %x, %w1 : (tensor<3x4xf32>, tensor<4x16xf32>) -> tensor<3x16xf32>
  %1 = heddle.sigmoid %0 : tensor<3x16xf32>
  %2 = heddle.mul %0, %1 : (tensor<3x16xf32>, tensor<3x16xf32>) -> tensor<3x16xf32>
  %3 = heddle.matmul %2, %w2 : (tensor<3x16xf32>, tensor<16x4xf32>) -> tensor<3x4xf32>
  return %3 : tensor<3x4xf32>
}

// -----

// quick_gelu, the factors in either order.
// CHECK-LABEL: func @written_quick_gelu
// CHECK: heddle.ffn quick_gelu %arg0 in(%arg1) out(%arg2)
// CHECK-NOT: heddle.sigmoid
func.func @written_quick_gelu(%x: tensor<3x4xf32>, %w1: tensor<4x16xf32>, %w2: tensor<16x4xf32>) -> tensor<3x4xf32> {
  %slope = heddle.constant dense<1.702> : tensor<f32>
  %0 = heddle.matmul %x, %w1 : (tensor<3x4xf32>, tensor<4x16xf32>) -> tensor<3x16xf32>
  %1 = heddle.mul %slope, %0 : (tensor<f32>, tensor<3x16xf32>) -> tensor<3x16xf32>
  %2 = heddle.sigmoid %1 : tensor<3x16xf32>
  %3 = heddle.mul %0, %2 : (tensor<3x16xf32>, tensor<3x16xf32>) -> tensor<3x16xf32>
  %4 = heddle.matmul %3, %w2 : (tensor<3x16xf32>, tensor<16x4xf32>) -> tensor<3x4xf32>
  return %4 : tensor<3x4xf32>
}

// Another slope is another function, and none that heddle.ffn knows.
// CHECK-LABEL: func @other_slope
// CHECK-NOT: heddle.ffn
func.func @other_slope(%x: tensor<3x4xf32>, %w1: tensor<4x16xf32>, %w2: tensor<16x4xf32>) -> tensor<3x4xf32> {
  %slope = heddle.constant dense<1.7> : tensor<f32>
  %0 = heddle.matmul %x, %w1 : (tensor<3x4xf32>, tensor<4x16xf32>) -> tensor<3x16xf32>
  %1 = heddle.mul %0, %slope : (tensor<3x16xf32>, tensor<f32>) -> tensor<3x16xf32>
  %2 = heddle.sigmoid %1 : tensor<3x16xf32>
  %3 = heddle.mul %2, %0 : (tensor<3x16xf32>, tensor<3x16xf32>) -> tensor<3x16xf32>
  %4 = heddle.matmul %3, %w2 : (tensor<3x16xf32>, tensor<16x4xf32>) -> tensor<3x4xf32>
  return %4 : tensor<3x4xf32>
}

// -----

// A residual is no bias.
// CHECK-LABEL: func @residual
// CHECK: %[[Y:.*]], %{{.*}} = heddle.ffn relu %arg0 in(%arg1) out(%arg2) :
// CHECK: heddle.add %[[Y]], %arg0
func.func @residual(%x: tensor<3x4xf32>, %w1: tensor<4x16xf32>, %w2: tensor<16x4xf32>) -> tensor<3x4xf32> {
  %0 = heddle.matmul %x, %w1 : (tensor<3x4xf32>, tensor<4x16xf32>) -> tensor<3x16xf32>
  %1 = heddle.relu %0 : tensor<3x16xf32>
  %2 = heddle.matmul %1, %w2 : (tensor<3x16xf32>, tensor<16x4xf32>) -> tensor<3x4xf32>
  %3 = heddle.add %2, %x : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  return %3 : tensor<3x4xf32>
}

// -----

// The exact GELU is another activation than its approximation; so is each of the others.
// CHECK-LABEL: func @exact_gelu
// CHECK: heddle.ffn gelu %arg0 in(%arg1) out(%arg2)
func.func @exact_gelu(%x: tensor<3x4xf32>, %w1: tensor<4x16xf32>, %w2: tensor<16x4xf32>) -> tensor<3x4xf32> {
  %0 = heddle.matmul %x, %w1 : (tensor<3x4xf32>, tensor<4x16xf32>) -> tensor<3x16xf32>
  %1 = heddle.gelu %0 : tensor<3x16xf32>
  %2 = heddle.matmul %1, %w2 : (tensor<3x16xf32>, tensor<16x4xf32>) -> tensor<3x4xf32>
  return %2 : tensor<3x4xf32>
}

// CHECK-LABEL: func @relu
// CHECK: heddle.ffn relu %arg0 in(%arg1) out(%arg2)
func.func @relu(%x: tensor<3x4xf32>, %w1: tensor<4x16xf32>, %w2: tensor<16x4xf32>) -> tensor<3x4xf32> {
  %0 = heddle.matmul %x, %w1 : (tensor<3x4xf32>, tensor<4x16xf32>) -> tensor<3x16xf32>
  %1 = heddle.relu %0 : tensor<3x16xf32>
  %2 = heddle.matmul %1, %w2 : (tensor<3x16xf32>, tensor<16x4xf32>) -> tensor<3x4xf32>
  return %2 : tensor<3x4xf32>
}

// -----

// x sigmoid(y) is no silu of x.
// CHECK-LABEL: func @sigmoid_of_another
// CHECK-NOT: heddle.ffn
func.func @sigmoid_of_another(%x: tensor<3x4xf32>, %w1: tensor<4x16xf32>, %w2: tensor<4x16xf32>, %w3: tensor<16x4xf32>) -> tensor<3x4xf32> {
  %0 = heddle.matmul %x, %w1 : (tensor<3x4xf32>, tensor<4x16xf32>) -> tensor<3x16xf32>
  %1 = heddle.matmul %x, %w2 : (tensor<3x4xf32>, tensor<4x16xf32>) -> tensor<3x16xf32>
  %2 = heddle.sigmoid %0 : tensor<3x16xf32>
  %3 = heddle.mul %2, %1 : (tensor<3x16xf32>, tensor<3x16xf32>) -> tensor<3x16xf32>
  %4 = heddle.matmul %3, %w3 : (tensor<3x16xf32>, tensor<16x4xf32>) -> tensor<3x4xf32>
  return %4 : tensor<3x4xf32>
}
