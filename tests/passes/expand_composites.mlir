// SPDX-License-Identifier: Apache-2.0
// 64 rows are the least a block has; 11 columns of f32 make 2816 bytes of 64 rows.
// RUN: heddle-opt %s --split-input-file --heddle-expand-composites=max-logits-bytes=2816 | FileCheck %s
// RUN: heddle-opt %s --split-input-file --heddle-expand-composites | FileCheck %s --check-prefix=WHOLE

// 100 rows as two blocks of 50.
// CHECK-LABEL: func @train
// CHECK: %[[N:.*]] = heddle.count_targets %arg2
// CHECK: %[[D:.*]] = heddle.div %arg3, %[[N]]
// CHECK: %[[X0:.*]] = heddle.slice %arg0 {offsets = array<i64: 0, 0>, sizes = array<i64: 50, 4>}
// CHECK: %[[T0:.*]] = heddle.slice %arg2 {offsets = array<i64: 0>, sizes = array<i64: 50>}
// CHECK: %[[L0:.*]] = heddle.matmul %[[X0]], %arg1 {transpose_b}
// CHECK: %[[E0:.*]], %[[S0:.*]] = heddle.cross_entropy %[[L0]], %[[T0]]
// CHECK: %[[G0:.*]] = heddle.cross_entropy_grad %[[L0]], %[[T0]], %[[S0]], %[[D]]
// CHECK: %[[DX0:.*]] = heddle.matmul %[[G0]], %arg1
// CHECK: %[[W0:.*]] = heddle.matmul %[[G0]], %[[X0]] {transpose_a}
// CHECK: %[[X1:.*]] = heddle.slice %arg0 {offsets = array<i64: 50, 0>, sizes = array<i64: 50, 4>}
// CHECK: %[[L1:.*]] = heddle.matmul %[[X1]], %arg1 {transpose_b}
// CHECK: %[[E1:.*]], %[[S1:.*]] = heddle.cross_entropy %[[L1]]
// CHECK: %[[G1:.*]] = heddle.cross_entropy_grad %[[L1]]
// CHECK: %[[DX1:.*]] = heddle.matmul %[[G1]], %arg1
// CHECK: %[[P1:.*]] = heddle.matmul %[[G1]], %[[X1]] {transpose_a}
// CHECK: %[[W1:.*]] = heddle.add %[[P1]], %[[W0]]
// CHECK: %[[E:.*]] = heddle.concat %[[E0]], %[[E1]] {axis = 0
// CHECK: %[[SUM:.*]] = heddle.sum %[[E]]
// CHECK: %[[LOSS:.*]] = heddle.div %[[SUM]], %[[N]]
// CHECK: %[[DX:.*]] = heddle.concat %[[DX0]], %[[DX1]] {axis = 0
// CHECK: return %[[LOSS]], %[[DX]], %[[W1]]
// WHOLE-LABEL: func @train
// WHOLE-COUNT-1: heddle.cross_entropy_grad
// WHOLE-NOT: heddle.concat
func.func @train(%x: tensor<100x4xf32>, %w: tensor<11x4xf32>, %t: tensor<100xi32>, %d: tensor<f32>) -> (tensor<f32>, tensor<100x4xf32>, tensor<11x4xf32>) {
  %loss, %dx, %dw = heddle.linear_cross_entropy_train %x, %w targets(%t) dloss(%d) {transpose_w}
    : (tensor<100x4xf32>, tensor<11x4xf32>, tensor<100xi32>, tensor<f32>) -> (tensor<f32>, tensor<100x4xf32>, tensor<11x4xf32>)
  return %loss, %dx, %dw : tensor<f32>, tensor<100x4xf32>, tensor<11x4xf32>
}

// -----

// CHECK-LABEL: func @loss
// CHECK-COUNT-2: heddle.cross_entropy
// CHECK-NOT: heddle.linear_cross_entropy
func.func @loss(%x: tensor<128x4xf32>, %w: tensor<4x11xf32>, %b: tensor<11xf32>, %t: tensor<128xi32>) -> tensor<f32> {
  %loss, %lse = heddle.linear_cross_entropy %x, %w bias(%b) targets(%t) : (tensor<128x4xf32>, tensor<4x11xf32>, tensor<11xf32>, tensor<128xi32>) -> (tensor<f32>, tensor<128xf32>)
  return %loss : tensor<f32>
}

// -----

// CHECK-LABEL: func @ffn
// CHECK: heddle.matmul
// CHECK: heddle.gelu
// CHECK: heddle.matmul
// CHECK-NOT: heddle.ffn
func.func @ffn(%x: tensor<3x4xf32>, %w1: tensor<4x16xf32>, %w2: tensor<16x4xf32>) -> tensor<3x4xf32> {
  %y, %h = heddle.ffn gelu %x in(%w1) out(%w2) : (tensor<3x4xf32>, tensor<4x16xf32>, tensor<16x4xf32>) -> (tensor<3x4xf32>, tensor<3x16xf32>)
  return %y : tensor<3x4xf32>
}

// -----

// Kernels of their own stay.
// CHECK-LABEL: func @kept
// CHECK: heddle.attention
// CHECK: heddle.layer_norm
func.func @kept(%q: tensor<1x1x2x4xf32>) -> tensor<1x1x2x4xf32> {
  %o, %lse = heddle.attention %q, %q, %q {scale = 0.5 : f64} : (tensor<1x1x2x4xf32>, tensor<1x1x2x4xf32>, tensor<1x1x2x4xf32>) -> (tensor<1x1x2x4xf32>, tensor<1x1x2xf32>)
  %y, %m, %r = heddle.layer_norm %o {eps = 1.0e-5 : f64} : (tensor<1x1x2x4xf32>) -> (tensor<1x1x2x4xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>)
  return %y : tensor<1x1x2x4xf32>
}
