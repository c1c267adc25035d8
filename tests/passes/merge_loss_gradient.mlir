// SPDX-License-Identifier: Apache-2.0
// RUN: heddle-opt %s --pass-pipeline='builtin.module(func.func(heddle-merge-loss-gradient))' | FileCheck %s

// CHECK-LABEL: func.func @merged
// CHECK-NOT: heddle.linear_cross_entropy {{.*}}
// CHECK: [[LOSS:%[a-z0-9_]+]], %dx, %dw = heddle.linear_cross_entropy_train
// CHECK: return [[LOSS]], %dx, %dw
func.func @merged(%x: tensor<6x4xf32>, %w: tensor<5x4xf32>, %t: tensor<6xi32>, %s: tensor<f32>)
    -> (tensor<f32>, tensor<6x4xf32>, tensor<5x4xf32>) {
  %l, %lse = heddle.linear_cross_entropy %x, %w targets(%t) {transpose_w} : (tensor<6x4xf32>, tensor<5x4xf32>, tensor<6xi32>) -> (tensor<f32>, tensor<6xf32>)
  %loss, %dx, %dw = heddle.linear_cross_entropy_train %x, %w targets(%t) dloss(%s) {transpose_w} : (tensor<6x4xf32>, tensor<5x4xf32>, tensor<6xi32>, tensor<f32>) -> (tensor<f32>, tensor<6x4xf32>, tensor<5x4xf32>)
  return %l, %dx, %dw : tensor<f32>, tensor<6x4xf32>, tensor<5x4xf32>
}

// The gradient that flows into the loss depends on the loss.
// CHECK-LABEL: func.func @squared_loss
// CHECK: heddle.linear_cross_entropy %
// CHECK: heddle.linear_cross_entropy_train
func.func @squared_loss(%x: tensor<6x4xf32>, %w: tensor<5x4xf32>, %t: tensor<6xi32>)
    -> (tensor<f32>, tensor<6x4xf32>, tensor<5x4xf32>) {
  %l, %lse = heddle.linear_cross_entropy %x, %w targets(%t) {transpose_w} : (tensor<6x4xf32>, tensor<5x4xf32>, tensor<6xi32>) -> (tensor<f32>, tensor<6xf32>)
  %s = heddle.add %l, %l : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %loss, %dx, %dw = heddle.linear_cross_entropy_train %x, %w targets(%t) dloss(%s) {transpose_w} : (tensor<6x4xf32>, tensor<5x4xf32>, tensor<6xi32>, tensor<f32>) -> (tensor<f32>, tensor<6x4xf32>, tensor<5x4xf32>)
  return %l, %dx, %dw : tensor<f32>, tensor<6x4xf32>, tensor<5x4xf32>
}

// Another target to ignore is another loss.
// CHECK-LABEL: func.func @different
// CHECK: heddle.linear_cross_entropy %
func.func @different(%x: tensor<6x4xf32>, %w: tensor<5x4xf32>, %t: tensor<6xi32>, %s: tensor<f32>)
    -> (tensor<f32>, tensor<6x4xf32>) {
  %l, %lse = heddle.linear_cross_entropy %x, %w targets(%t) {transpose_w} : (tensor<6x4xf32>, tensor<5x4xf32>, tensor<6xi32>) -> (tensor<f32>, tensor<6xf32>)
  %loss, %dx, %dw = heddle.linear_cross_entropy_train %x, %w targets(%t) dloss(%s) {transpose_w, ignore_index = 0 : i64} : (tensor<6x4xf32>, tensor<5x4xf32>, tensor<6xi32>, tensor<f32>) -> (tensor<f32>, tensor<6x4xf32>, tensor<5x4xf32>)
  return %l, %dx : tensor<f32>, tensor<6x4xf32>
}

// Another smoothing is another loss.
// CHECK-LABEL: func.func @smoothed
// CHECK: heddle.linear_cross_entropy %
func.func @smoothed(%x: tensor<6x4xf32>, %w: tensor<5x4xf32>, %t: tensor<6xi32>, %s: tensor<f32>)
    -> (tensor<f32>, tensor<6x4xf32>) {
  %l, %lse = heddle.linear_cross_entropy %x, %w targets(%t) {transpose_w} : (tensor<6x4xf32>, tensor<5x4xf32>, tensor<6xi32>) -> (tensor<f32>, tensor<6xf32>)
  %loss, %dx, %dw = heddle.linear_cross_entropy_train %x, %w targets(%t) dloss(%s) {transpose_w, label_smoothing = 0.1 : f64} : (tensor<6x4xf32>, tensor<5x4xf32>, tensor<6xi32>, tensor<f32>) -> (tensor<f32>, tensor<6x4xf32>, tensor<5x4xf32>)
  return %l, %dx : tensor<f32>, tensor<6x4xf32>
}

// As many words as components: the weight the other way round is another one.
// CHECK-LABEL: func.func @other_layout
// CHECK: heddle.linear_cross_entropy %
func.func @other_layout(%x: tensor<6x4xf32>, %w: tensor<4x4xf32>, %t: tensor<6xi32>, %s: tensor<f32>)
    -> (tensor<f32>, tensor<6x4xf32>) {
  %l, %lse = heddle.linear_cross_entropy %x, %w targets(%t) {transpose_w} : (tensor<6x4xf32>, tensor<4x4xf32>, tensor<6xi32>) -> (tensor<f32>, tensor<6xf32>)
  %loss, %dx, %dw = heddle.linear_cross_entropy_train %x, %w targets(%t) dloss(%s) : (tensor<6x4xf32>, tensor<4x4xf32>, tensor<6xi32>, tensor<f32>) -> (tensor<f32>, tensor<6x4xf32>, tensor<4x4xf32>)
  return %l, %dx : tensor<f32>, tensor<6x4xf32>
}

// Other targets, and a bias on one side only.
// CHECK-LABEL: func.func @other_operands
// CHECK-COUNT-2: heddle.linear_cross_entropy %
func.func @other_operands(%x: tensor<6x4xf32>, %w: tensor<4x5xf32>, %b: tensor<5xf32>, %t: tensor<6xi32>,
    %u: tensor<6xi32>, %s: tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<6x4xf32>) {
  %l, %lse = heddle.linear_cross_entropy %x, %w targets(%u) : (tensor<6x4xf32>, tensor<4x5xf32>, tensor<6xi32>) -> (tensor<f32>, tensor<6xf32>)
  %m, %lse2 = heddle.linear_cross_entropy %x, %w bias(%b) targets(%t) : (tensor<6x4xf32>, tensor<4x5xf32>, tensor<5xf32>, tensor<6xi32>) -> (tensor<f32>, tensor<6xf32>)
  %loss, %dx, %dw = heddle.linear_cross_entropy_train %x, %w targets(%t) dloss(%s) : (tensor<6x4xf32>, tensor<4x5xf32>, tensor<6xi32>, tensor<f32>) -> (tensor<f32>, tensor<6x4xf32>, tensor<4x5xf32>)
  return %l, %m, %dx : tensor<f32>, tensor<f32>, tensor<6x4xf32>
}
