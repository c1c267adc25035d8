// SPDX-License-Identifier: Apache-2.0
// RUN: heddle-opt %s --split-input-file --heddle-fuse-linear-cross-entropy --remarks-filter=heddle 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks

// A tied head of rank 3; the loss sees rows.
// CHECK-LABEL: func @tied
// CHECK: %[[X:.*]] = heddle.reshape %arg0 : tensor<2x3x4xf32> -> tensor<6x4xf32>
// CHECK: %[[L:.*]], %{{.*}} = heddle.linear_cross_entropy %[[X]], %arg1 targets(%{{.*}}) {transpose_w}
// CHECK: return %[[L]]
// REMARK: [Passed] linear_cross_entropy | Category:heddle | Function=tied
func.func @tied(%x: tensor<2x3x4xf32>, %w: tensor<11x4xf32>, %t: tensor<2x3xi32>) -> tensor<f32> {
  %0 = heddle.matmul %x, %w {transpose_b} : (tensor<2x3x4xf32>, tensor<11x4xf32>) -> tensor<2x3x11xf32>
  %1 = heddle.reshape %0 : tensor<2x3x11xf32> -> tensor<6x11xf32>
  %2 = heddle.reshape %t : tensor<2x3xi32> -> tensor<6xi32>
  %losses, %lse = heddle.cross_entropy %1, %2 : (tensor<6x11xf32>, tensor<6xi32>) -> (tensor<6xf32>, tensor<6xf32>)
  %3 = heddle.sum %losses {axes = array<i64: 0>} : (tensor<6xf32>) -> tensor<f32>
  %4 = heddle.count_targets %t : (tensor<2x3xi32>) -> tensor<f32>
  %5 = heddle.div %3, %4 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %5 : tensor<f32>
}

// -----

// CHECK-LABEL: func @bias
// CHECK: heddle.linear_cross_entropy %arg0, %arg1 bias(%arg2) targets(%arg3) {label_smoothing = 1.000000e-01 : f64}
func.func @bias(%x: tensor<6x4xf32>, %w: tensor<4x11xf32>, %b: tensor<11xf32>, %t: tensor<6xi32>) -> tensor<f32> {
  %0 = heddle.matmul %x, %w : (tensor<6x4xf32>, tensor<4x11xf32>) -> tensor<6x11xf32>
  %1 = heddle.add %0, %b : (tensor<6x11xf32>, tensor<11xf32>) -> tensor<6x11xf32>
  %losses, %lse = heddle.cross_entropy %1, %t {label_smoothing = 0.1 : f64} : (tensor<6x11xf32>, tensor<6xi32>) -> (tensor<6xf32>, tensor<6xf32>)
  %3 = heddle.sum %losses {axes = array<i64: 0>} : (tensor<6xf32>) -> tensor<f32>
  %4 = heddle.count_targets %t : (tensor<6xi32>) -> tensor<f32>
  %5 = heddle.div %3, %4 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %5 : tensor<f32>
}

// -----

// CHECK-LABEL: func @logits_returned
// CHECK-NOT: heddle.linear_cross_entropy
// REMARK: Function=logits_returned | Reason="the logits are returned or used besides the loss", Suggestion="ask for the loss alone; the forward entry returns logits"
func.func @logits_returned(%x: tensor<6x4xf32>, %w: tensor<4x11xf32>, %t: tensor<6xi32>) -> (tensor<f32>, tensor<6x11xf32>) {
  %0 = heddle.matmul %x, %w : (tensor<6x4xf32>, tensor<4x11xf32>) -> tensor<6x11xf32>
  %losses, %lse = heddle.cross_entropy %0, %t : (tensor<6x11xf32>, tensor<6xi32>) -> (tensor<6xf32>, tensor<6xf32>)
  %3 = heddle.sum %losses {axes = array<i64: 0>} : (tensor<6xf32>) -> tensor<f32>
  %4 = heddle.count_targets %t : (tensor<6xi32>) -> tensor<f32>
  %5 = heddle.div %3, %4 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %5, %0 : tensor<f32>, tensor<6x11xf32>
}

// -----

// CHECK-LABEL: func @other_count
// CHECK-NOT: heddle.linear_cross_entropy
// REMARK: Function=other_count | Reason="count_targets counts other targets than the loss uses"
func.func @other_count(%x: tensor<6x4xf32>, %w: tensor<4x11xf32>, %t: tensor<6xi32>, %u: tensor<6xi32>) -> tensor<f32> {
  %0 = heddle.matmul %x, %w : (tensor<6x4xf32>, tensor<4x11xf32>) -> tensor<6x11xf32>
  %losses, %lse = heddle.cross_entropy %0, %t : (tensor<6x11xf32>, tensor<6xi32>) -> (tensor<6xf32>, tensor<6xf32>)
  %3 = heddle.sum %losses {axes = array<i64: 0>} : (tensor<6xf32>) -> tensor<f32>
  %4 = heddle.count_targets %u : (tensor<6xi32>) -> tensor<f32>
  %5 = heddle.div %3, %4 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %5 : tensor<f32>
}

// -----

// CHECK-LABEL: func @losses_per_token
// CHECK-NOT: heddle.linear_cross_entropy
// REMARK: Function=losses_per_token | Reason="the losses of the tokens are not summed alone"
func.func @losses_per_token(%x: tensor<6x4xf32>, %w: tensor<4x11xf32>, %t: tensor<6xi32>) -> tensor<6xf32> {
  %0 = heddle.matmul %x, %w : (tensor<6x4xf32>, tensor<4x11xf32>) -> tensor<6x11xf32>
  %losses, %lse = heddle.cross_entropy %0, %t : (tensor<6x11xf32>, tensor<6xi32>) -> (tensor<6xf32>, tensor<6xf32>)
  return %losses : tensor<6xf32>
}

// -----

// CHECK-LABEL: func @lse_read
// CHECK-NOT: heddle.linear_cross_entropy
// REMARK: Function=lse_read | Reason="the log-sum-exp of the logits is used besides the loss"
func.func @lse_read(%x: tensor<6x4xf32>, %w: tensor<4x11xf32>, %t: tensor<6xi32>) -> (tensor<f32>, tensor<6xf32>) {
  %0 = heddle.matmul %x, %w : (tensor<6x4xf32>, tensor<4x11xf32>) -> tensor<6x11xf32>
  %losses, %lse = heddle.cross_entropy %0, %t : (tensor<6x11xf32>, tensor<6xi32>) -> (tensor<6xf32>, tensor<6xf32>)
  %3 = heddle.sum %losses {axes = array<i64: 0>} : (tensor<6xf32>) -> tensor<f32>
  %4 = heddle.count_targets %t : (tensor<6xi32>) -> tensor<f32>
  %5 = heddle.div %3, %4 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %5, %lse : tensor<f32>, tensor<6xf32>
}

// -----

// What is divided is the count, not the sum.
// CHECK-LABEL: func @inverse_mean
// CHECK-NOT: heddle.linear_cross_entropy
// REMARK: Function=inverse_mean | Reason="the sum of the losses is not divided by count_targets"
func.func @inverse_mean(%x: tensor<6x4xf32>, %w: tensor<4x11xf32>, %t: tensor<6xi32>) -> tensor<f32> {
  %0 = heddle.matmul %x, %w : (tensor<6x4xf32>, tensor<4x11xf32>) -> tensor<6x11xf32>
  %losses, %lse = heddle.cross_entropy %0, %t : (tensor<6x11xf32>, tensor<6xi32>) -> (tensor<6xf32>, tensor<6xf32>)
  %3 = heddle.sum %losses {axes = array<i64: 0>} : (tensor<6xf32>) -> tensor<f32>
  %4 = heddle.count_targets %t : (tensor<6xi32>) -> tensor<f32>
  %5 = heddle.div %4, %3 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %5 : tensor<f32>
}

// -----

// Another ignored index in the count than in the loss.
// CHECK-LABEL: func @other_ignored
// CHECK-NOT: heddle.linear_cross_entropy
func.func @other_ignored(%x: tensor<6x4xf32>, %w: tensor<4x11xf32>, %t: tensor<6xi32>) -> tensor<f32> {
  %0 = heddle.matmul %x, %w : (tensor<6x4xf32>, tensor<4x11xf32>) -> tensor<6x11xf32>
  %losses, %lse = heddle.cross_entropy %0, %t {ignore_index = 1 : i64} : (tensor<6x11xf32>, tensor<6xi32>) -> (tensor<6xf32>, tensor<6xf32>)
  %3 = heddle.sum %losses {axes = array<i64: 0>} : (tensor<6xf32>) -> tensor<f32>
  %4 = heddle.count_targets %t : (tensor<6xi32>) -> tensor<f32>
  %5 = heddle.div %3, %4 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %5 : tensor<f32>
}
