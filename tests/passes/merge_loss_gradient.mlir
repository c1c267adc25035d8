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
