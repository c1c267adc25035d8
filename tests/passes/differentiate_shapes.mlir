// SPDX-License-Identifier: Apache-2.0
// Ops that move elements are undone.
// RUN: heddle-opt %s --split-input-file --heddle-differentiate | FileCheck %s

// the inverse permutation
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[W:%arg1]]: tensor
// CHECK: heddle.transpose
// CHECK: heddle.mul
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1x1x1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1x1x1xf32> -> tensor<4x2x3xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.mul [[D3]], [[W]] : (tensor<4x2x3xf32>, tensor<4x2x3xf32>) -> tensor<4x2x3xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.transpose [[D4]] {permutation = array<i64: 1, 2, 0>} : (tensor<4x2x3xf32>) -> tensor<2x3x4xf32>
// CHECK-NEXT: return [[F0]], [[D5]]
func.func @train_loss(%x: tensor<2x3x4xf32> {heddle.kind = "param", heddle.name = "x"},
    %w: tensor<4x2x3xf32>) -> tensor<f32> {
  %t = heddle.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  %y = heddle.mul %t, %w : (tensor<4x2x3xf32>, tensor<4x2x3xf32>) -> tensor<4x2x3xf32>
  %loss = heddle.sum %y {axes = array<i64: 0, 1, 2>} : (tensor<4x2x3xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// Slices that tile a tensor give one concat, whatever the order of their uses.
// CHECK-LABEL: func.func @grad(
// CHECK: heddle.slice
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.slice
// CHECK: [[F1:%[a-z0-9_]+]] = heddle.slice
// CHECK: heddle.mul
// CHECK: [[F2:%[a-z0-9_]+]] = heddle.exp
// CHECK: heddle.concat
// CHECK: [[F3:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D4:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.reshape [[D4]] : tensor<f32> -> tensor<1x1xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.broadcast [[D5]] : tensor<1x1xf32> -> tensor<2x5xf32>
// CHECK-NEXT: [[D7:%[a-z0-9_]+]] = heddle.slice [[D6]] {offsets = array<i64: 0, 0>, sizes = array<i64: 2, 2>} : (tensor<2x5xf32>) -> tensor<2x2xf32>
// CHECK-NEXT: [[D8:%[a-z0-9_]+]] = heddle.slice [[D6]] {offsets = array<i64: 0, 2>, sizes = array<i64: 2, 3>} : (tensor<2x5xf32>) -> tensor<2x3xf32>
// CHECK-NEXT: [[D9:%[a-z0-9_]+]] = heddle.mul [[D8]], [[F2]] : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK-NEXT: [[D10:%[a-z0-9_]+]] = heddle.mul [[D7]], [[F1]] : (tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
// CHECK-NEXT: [[D11:%[a-z0-9_]+]] = heddle.mul [[D7]], [[F0]] : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
// CHECK-NEXT: [[D12:%[a-z0-9_]+]] = heddle.sum [[D11]] {axes = array<i64: 1>} : (tensor<2x2xf32>) -> tensor<2xf32>
// CHECK-NEXT: [[D13:%[a-z0-9_]+]] = heddle.reshape [[D12]] : tensor<2xf32> -> tensor<2x1xf32>
// CHECK-NEXT: [[D14:%[a-z0-9_]+]] = heddle.concat [[D10]], [[D9]], [[D13]] {axis = 1 : i64} : (tensor<2x2xf32>, tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x6xf32>
// CHECK-NEXT: return [[F3]], [[D14]]
func.func @train_loss(%x: tensor<2x6xf32> {heddle.kind = "param", heddle.name = "x"}) -> tensor<f32> {
  %k = heddle.slice %x {offsets = array<i64: 0, 2>, sizes = array<i64: 2, 3>} : (tensor<2x6xf32>) -> tensor<2x3xf32>
  %q = heddle.slice %x {offsets = array<i64: 0, 0>, sizes = array<i64: 2, 2>} : (tensor<2x6xf32>) -> tensor<2x2xf32>
  %v = heddle.slice %x {offsets = array<i64: 0, 5>, sizes = array<i64: 2, 1>} : (tensor<2x6xf32>) -> tensor<2x1xf32>
  %a = heddle.mul %q, %v : (tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
  %b = heddle.exp %k : tensor<2x3xf32>
  %y = heddle.concat %a, %b {axis = 1 : i64} : (tensor<2x2xf32>, tensor<2x3xf32>) -> tensor<2x5xf32>
  %loss = heddle.sum %y {axes = array<i64: 0, 1>} : (tensor<2x5xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// A slice alone is padded with zeros.
// CHECK-LABEL: func.func @grad(
// CHECK: heddle.slice
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.exp
// CHECK: [[F1:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D2:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.reshape [[D2]] : tensor<f32> -> tensor<1xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.broadcast [[D3]] : tensor<1xf32> -> tensor<3xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.mul [[D4]], [[F0]] : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.pad [[D5]] {high = array<i64: 2>, low = array<i64: 1>} : (tensor<3xf32>) -> tensor<6xf32>
// CHECK-NEXT: return [[F1]], [[D6]]
func.func @train_loss(%x: tensor<6xf32> {heddle.kind = "param", heddle.name = "x"}) -> tensor<f32> {
  %s = heddle.slice %x {offsets = array<i64: 1>, sizes = array<i64: 3>} : (tensor<6xf32>) -> tensor<3xf32>
  %y = heddle.exp %s : tensor<3xf32>
  %loss = heddle.sum %y {axes = array<i64: 0>} : (tensor<3xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// A repetition is summed.
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[W:%arg1]]: tensor
// CHECK: heddle.broadcast
// CHECK: heddle.mul
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1x1x1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1x1x1xf32> -> tensor<2x3x4xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.mul [[D3]], [[W]] : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.sum [[D4]] {axes = array<i64: 0, 2>} : (tensor<2x3x4xf32>) -> tensor<3xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.reshape [[D5]] : tensor<3xf32> -> tensor<3x1xf32>
// CHECK-NEXT: return [[F0]], [[D6]]
func.func @train_loss(%x: tensor<3x1xf32> {heddle.kind = "param", heddle.name = "x"},
    %w: tensor<2x3x4xf32>) -> tensor<f32> {
  %r = heddle.broadcast %x : tensor<3x1xf32> -> tensor<2x3x4xf32>
  %y = heddle.mul %r, %w : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0, 1, 2>} : (tensor<2x3x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// Padding is cut off.
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[W:%arg1]]: tensor
// CHECK: heddle.pad
// CHECK: heddle.mul
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1xf32> -> tensor<6xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.mul [[D3]], [[W]] : (tensor<6xf32>, tensor<6xf32>) -> tensor<6xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.slice [[D4]] {offsets = array<i64: 1>, sizes = array<i64: 3>} : (tensor<6xf32>) -> tensor<3xf32>
// CHECK-NEXT: return [[F0]], [[D5]]
func.func @train_loss(%x: tensor<3xf32> {heddle.kind = "param", heddle.name = "x"},
    %w: tensor<6xf32>) -> tensor<f32> {
  %p = heddle.pad %x {low = array<i64: 1>, high = array<i64: 2>} : (tensor<3xf32>) -> tensor<6xf32>
  %y = heddle.mul %p, %w : (tensor<6xf32>, tensor<6xf32>) -> tensor<6xf32>
  %loss = heddle.sum %y {axes = array<i64: 0>} : (tensor<6xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
