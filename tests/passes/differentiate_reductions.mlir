// SPDX-License-Identifier: Apache-2.0
// Sums, maxima, softmax.
// RUN: heddle-opt %s --split-input-file --heddle-differentiate | FileCheck %s

// A sum spreads its gradient as a view, without a tensor of ones.
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[W:%arg1]]: tensor
// CHECK: heddle.sum
// CHECK: heddle.mul
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1xf32> -> tensor<2xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.mul [[D3]], [[W]] : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.reshape [[D4]] : tensor<2xf32> -> tensor<2x1xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.broadcast [[D5]] : tensor<2x1xf32> -> tensor<2x3xf32>
// CHECK-NEXT: return [[F0]], [[D6]]
func.func @train_loss(%x: tensor<2x3xf32> {heddle.kind = "param", heddle.name = "x"},
    %w: tensor<2xf32>) -> tensor<f32> {
  %r = heddle.sum %x {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2xf32>
  %y = heddle.mul %r, %w : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %loss = heddle.sum %y {axes = array<i64: 0>} : (tensor<2xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// Equal largest elements share.
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[X:%arg0]]: tensor
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.max
// CHECK: [[F1:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D2:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.reshape [[D2]] : tensor<f32> -> tensor<1xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.broadcast [[D3]] : tensor<1xf32> -> tensor<2xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.reshape [[F0]] : tensor<2xf32> -> tensor<2x1xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.broadcast [[D5]] : tensor<2x1xf32> -> tensor<2x3xf32>
// CHECK-NEXT: [[D7:%[a-z0-9_]+]] = heddle.compare eq [[X]], [[D6]] : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xi1>
// CHECK-NEXT: [[D8:%[a-z0-9_]+]] = heddle.cast [[D7]] : tensor<2x3xi1> -> tensor<2x3xf32>
// CHECK-NEXT: [[D9:%[a-z0-9_]+]] = heddle.sum [[D8]] {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2xf32>
// CHECK-NEXT: [[D10:%[a-z0-9_]+]] = heddle.div [[D4]], [[D9]] : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
// CHECK-NEXT: [[D11:%[a-z0-9_]+]] = heddle.reshape [[D10]] : tensor<2xf32> -> tensor<2x1xf32>
// CHECK-NEXT: [[D12:%[a-z0-9_]+]] = heddle.broadcast [[D11]] : tensor<2x1xf32> -> tensor<2x3xf32>
// CHECK-NEXT: [[D13:%[a-z0-9_]+]] = heddle.mul [[D8]], [[D12]] : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK-NEXT: return [[F1]], [[D13]]
func.func @train_loss(%x: tensor<2x3xf32> {heddle.kind = "param", heddle.name = "x"}) -> tensor<f32> {
  %y = heddle.max %x {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2xf32>
  %loss = heddle.sum %y {axes = array<i64: 0>} : (tensor<2xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// softmax uses its result
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[W:%arg1]]: tensor
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.softmax
// CHECK: heddle.mul
// CHECK: [[F1:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D2:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.reshape [[D2]] : tensor<f32> -> tensor<1x1xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.broadcast [[D3]] : tensor<1x1xf32> -> tensor<2x3xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.mul [[D4]], [[W]] : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.softmax_grad [[F0]], [[D5]] : tensor<2x3xf32>
// CHECK-NEXT: return [[F1]], [[D6]]
func.func @train_loss(%x: tensor<2x3xf32> {heddle.kind = "param", heddle.name = "x"},
    %w: tensor<2x3xf32>) -> tensor<f32> {
  %p = heddle.softmax %x : tensor<2x3xf32>
  %y = heddle.mul %p, %w : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %loss = heddle.sum %y {axes = array<i64: 0, 1>} : (tensor<2x3xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
