// SPDX-License-Identifier: Apache-2.0
// Activations have an op for their slope.
// RUN: heddle-opt %s --split-input-file --heddle-differentiate | FileCheck %s

// exact
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[X:%arg0]]: tensor
// CHECK: heddle.gelu
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1xf32> -> tensor<4xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.gelu_grad [[X]], [[D3]] : tensor<4xf32>
// CHECK-NEXT: return [[F0]], [[D4]]
func.func @train_loss(%x: tensor<4xf32> {heddle.kind = "param", heddle.name = "x"}) -> tensor<f32> {
  %y = heddle.gelu %x : tensor<4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// the approximation keeps its flag
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[X:%arg0]]: tensor
// CHECK: heddle.gelu
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1xf32> -> tensor<4xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.gelu_grad [[X]], [[D3]] {tanh_approximation} : tensor<4xf32>
// CHECK-NEXT: return [[F0]], [[D4]]
func.func @train_loss(%x: tensor<4xf32> {heddle.kind = "param", heddle.name = "x"}) -> tensor<f32> {
  %y = heddle.gelu %x {tanh_approximation} : tensor<4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// silu
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[X:%arg0]]: tensor
// CHECK: heddle.silu
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1xf32> -> tensor<4xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.silu_grad [[X]], [[D3]] : tensor<4xf32>
// CHECK-NEXT: return [[F0]], [[D4]]
func.func @train_loss(%x: tensor<4xf32> {heddle.kind = "param", heddle.name = "x"}) -> tensor<f32> {
  %y = heddle.silu %x : tensor<4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// relu
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[X:%arg0]]: tensor
// CHECK: heddle.relu
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1xf32> -> tensor<4xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.relu_grad [[X]], [[D3]] : tensor<4xf32>
// CHECK-NEXT: return [[F0]], [[D4]]
func.func @train_loss(%x: tensor<4xf32> {heddle.kind = "param", heddle.name = "x"}) -> tensor<f32> {
  %y = heddle.relu %x : tensor<4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
