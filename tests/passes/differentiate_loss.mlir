// SPDX-License-Identifier: Apache-2.0
// Losses.
// RUN: heddle-opt %s --split-input-file --heddle-differentiate | FileCheck %s

// The mean spreads one scalar over all rows.
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[LOGITS:%arg0]]: tensor
// CHECK-SAME: [[T:%arg1]]: tensor
// CHECK: {{%[a-z0-9_]+}}, [[F0:%[a-z0-9_]+]] = heddle.cross_entropy
// CHECK: heddle.sum
// CHECK: [[F1:%[a-z0-9_]+]] = heddle.count_targets
// CHECK: [[F2:%[a-z0-9_]+]] = heddle.div
// CHECK: [[D3:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.div [[D3]], [[F1]] : (tensor<f32>, tensor<f32>) -> tensor<f32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.cross_entropy_grad [[LOGITS]], [[T]], [[F0]], [[D4]] {label_smoothing = 1.000000e-01 : f64} : (tensor<6x5xf32>, tensor<6xi32>, tensor<6xf32>, tensor<f32>) -> tensor<6x5xf32>
// CHECK-NEXT: return [[F2]], [[D5]]
func.func @train_loss(%logits: tensor<6x5xf32> {heddle.kind = "param", heddle.name = "logits"},
    %t: tensor<6xi32>) -> tensor<f32> {
  %losses, %lse = heddle.cross_entropy %logits, %t {label_smoothing = 0.1} : (tensor<6x5xf32>, tensor<6xi32>) -> (tensor<6xf32>, tensor<6xf32>)
  %sum = heddle.sum %losses {axes = array<i64: 0>} : (tensor<6xf32>) -> tensor<f32>
  %count = heddle.count_targets %t : (tensor<6xi32>) -> tensor<f32>
  %loss = heddle.div %sum, %count : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// The gradient op computes the loss again; heddle-merge-loss-gradient drops the first.
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[X:%arg0]]: tensor
// CHECK-SAME: [[W:%arg1]]: tensor
// CHECK-SAME: [[B:%arg2]]: tensor
// CHECK-SAME: [[T:%arg3]]: tensor
// CHECK: [[F0:%[a-z0-9_]+]], {{%[a-z0-9_]+}} = heddle.linear_cross_entropy
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]], [[D3:%[a-z0-9_]+]], [[D4:%[a-z0-9_]+]], [[D5:%[a-z0-9_]+]] = heddle.linear_cross_entropy_train [[X]], [[W]] bias([[B]]) targets([[T]]) dloss([[D1]]) {ignore_index = -1 : i64, transpose_w} : (tensor<6x4xf32>, tensor<5x4xf32>, tensor<5xf32>, tensor<6xi32>, tensor<f32>) -> (tensor<f32>, tensor<6x4xf32>, tensor<5x4xf32>, tensor<5xf32>)
// CHECK-NEXT: return [[F0]], [[D3]], [[D4]], [[D5]]
func.func @train_loss(%x: tensor<6x4xf32> {heddle.kind = "param", heddle.name = "x"},
    %w: tensor<5x4xf32> {heddle.kind = "param", heddle.name = "w"},
    %b: tensor<5xf32> {heddle.kind = "param", heddle.name = "b"},
    %t: tensor<6xi32>) -> tensor<f32> {
  %loss, %lse = heddle.linear_cross_entropy %x, %w bias(%b) targets(%t) {transpose_w, ignore_index = -1 : i64} : (tensor<6x4xf32>, tensor<5x4xf32>, tensor<5xf32>, tensor<6xi32>) -> (tensor<f32>, tensor<6xf32>)
  return %loss : tensor<f32>
}
