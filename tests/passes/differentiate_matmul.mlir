// SPDX-License-Identifier: Apache-2.0
// All cases of transposition; what the products are named after is in autodiff/MatmulRules.cpp.
// RUN: heddle-opt %s --split-input-file --heddle-differentiate | FileCheck %s

// y = a b
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[A:%arg0]]: tensor
// CHECK-SAME: [[B:%arg1]]: tensor
// CHECK-SAME: [[W:%arg2]]: tensor
// CHECK: heddle.matmul
// CHECK: heddle.mul
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1x1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1x1xf32> -> tensor<2x4xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.mul [[D3]], [[W]] : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.matmul [[D4]], [[B]] {transpose_b} : (tensor<2x4xf32>, tensor<3x4xf32>) -> tensor<2x3xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.matmul [[A]], [[D4]] {transpose_a} : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<3x4xf32>
// CHECK-NEXT: return [[F0]], [[D5]], [[D6]]
func.func @train_loss(%a: tensor<2x3xf32> {heddle.kind = "param", heddle.name = "a"},
    %b: tensor<3x4xf32> {heddle.kind = "param", heddle.name = "b"},
    %w: tensor<2x4xf32>) -> tensor<f32> {
  %p = heddle.matmul %a, %b : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  %y = heddle.mul %p, %w : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0, 1>} : (tensor<2x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// y = a b^T
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[A:%arg0]]: tensor
// CHECK-SAME: [[B:%arg1]]: tensor
// CHECK-SAME: [[W:%arg2]]: tensor
// CHECK: heddle.matmul
// CHECK: heddle.mul
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1x1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1x1xf32> -> tensor<2x4xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.mul [[D3]], [[W]] : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.matmul [[D4]], [[B]] : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.matmul [[D4]], [[A]] {transpose_a} : (tensor<2x4xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
// CHECK-NEXT: return [[F0]], [[D5]], [[D6]]
func.func @train_loss(%a: tensor<2x3xf32> {heddle.kind = "param", heddle.name = "a"},
    %b: tensor<4x3xf32> {heddle.kind = "param", heddle.name = "b"},
    %w: tensor<2x4xf32>) -> tensor<f32> {
  %p = heddle.matmul %a, %b {transpose_b} : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %y = heddle.mul %p, %w : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0, 1>} : (tensor<2x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// y = a^T b
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[A:%arg0]]: tensor
// CHECK-SAME: [[B:%arg1]]: tensor
// CHECK-SAME: [[W:%arg2]]: tensor
// CHECK: heddle.matmul
// CHECK: heddle.mul
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1x1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1x1xf32> -> tensor<2x4xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.mul [[D3]], [[W]] : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.matmul [[B]], [[D4]] {transpose_b} : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.matmul [[A]], [[D4]] : (tensor<3x2xf32>, tensor<2x4xf32>) -> tensor<3x4xf32>
// CHECK-NEXT: return [[F0]], [[D5]], [[D6]]
func.func @train_loss(%a: tensor<3x2xf32> {heddle.kind = "param", heddle.name = "a"},
    %b: tensor<3x4xf32> {heddle.kind = "param", heddle.name = "b"},
    %w: tensor<2x4xf32>) -> tensor<f32> {
  %p = heddle.matmul %a, %b {transpose_a} : (tensor<3x2xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  %y = heddle.mul %p, %w : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0, 1>} : (tensor<2x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// y = a^T b^T
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[A:%arg0]]: tensor
// CHECK-SAME: [[B:%arg1]]: tensor
// CHECK-SAME: [[W:%arg2]]: tensor
// CHECK: heddle.matmul
// CHECK: heddle.mul
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1x1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1x1xf32> -> tensor<2x4xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.mul [[D3]], [[W]] : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.matmul [[B]], [[D4]] {transpose_a, transpose_b} : (tensor<4x3xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.matmul [[D4]], [[A]] {transpose_a, transpose_b} : (tensor<2x4xf32>, tensor<3x2xf32>) -> tensor<4x3xf32>
// CHECK-NEXT: return [[F0]], [[D5]], [[D6]]
func.func @train_loss(%a: tensor<3x2xf32> {heddle.kind = "param", heddle.name = "a"},
    %b: tensor<4x3xf32> {heddle.kind = "param", heddle.name = "b"},
    %w: tensor<2x4xf32>) -> tensor<f32> {
  %p = heddle.matmul %a, %b {transpose_a, transpose_b} : (tensor<3x2xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %y = heddle.mul %p, %w : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0, 1>} : (tensor<2x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// A shared weight sums over the rows of all leading axes in one product.
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[A:%arg0]]: tensor
// CHECK-SAME: [[B:%arg1]]: tensor
// CHECK-SAME: [[W:%arg2]]: tensor
// CHECK: heddle.matmul
// CHECK: heddle.mul
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1x1x1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1x1x1xf32> -> tensor<5x2x4xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.mul [[D3]], [[W]] : (tensor<5x2x4xf32>, tensor<5x2x4xf32>) -> tensor<5x2x4xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.matmul [[D4]], [[B]] : (tensor<5x2x4xf32>, tensor<4x3xf32>) -> tensor<5x2x3xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.reshape [[A]] : tensor<5x2x3xf32> -> tensor<10x3xf32>
// CHECK-NEXT: [[D7:%[a-z0-9_]+]] = heddle.reshape [[D4]] : tensor<5x2x4xf32> -> tensor<10x4xf32>
// CHECK-NEXT: [[D8:%[a-z0-9_]+]] = heddle.matmul [[D7]], [[D6]] {transpose_a} : (tensor<10x4xf32>, tensor<10x3xf32>) -> tensor<4x3xf32>
// CHECK-NEXT: return [[F0]], [[D5]], [[D8]]
func.func @train_loss(%a: tensor<5x2x3xf32> {heddle.kind = "param", heddle.name = "a"},
    %b: tensor<4x3xf32> {heddle.kind = "param", heddle.name = "b"},
    %w: tensor<5x2x4xf32>) -> tensor<f32> {
  %p = heddle.matmul %a, %b {transpose_b} : (tensor<5x2x3xf32>, tensor<4x3xf32>) -> tensor<5x2x4xf32>
  %y = heddle.mul %p, %w : (tensor<5x2x4xf32>, tensor<5x2x4xf32>) -> tensor<5x2x4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0, 1, 2>} : (tensor<5x2x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// A leading axis of size 1 was repeated.
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[A:%arg1]]: tensor
// CHECK-SAME: [[W:%arg2]]: tensor
// CHECK: heddle.matmul
// CHECK: heddle.mul
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1x1x1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1x1x1xf32> -> tensor<5x2x4xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.mul [[D3]], [[W]] : (tensor<5x2x4xf32>, tensor<5x2x4xf32>) -> tensor<5x2x4xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.matmul [[A]], [[D4]] {transpose_a} : (tensor<5x2x3xf32>, tensor<5x2x4xf32>) -> tensor<5x3x4xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.sum [[D5]] {axes = array<i64: 0>} : (tensor<5x3x4xf32>) -> tensor<3x4xf32>
// CHECK-NEXT: [[D7:%[a-z0-9_]+]] = heddle.reshape [[D6]] : tensor<3x4xf32> -> tensor<1x3x4xf32>
// CHECK-NEXT: return [[F0]], [[D7]]
func.func @train_loss(%b: tensor<1x3x4xf32> {heddle.kind = "param", heddle.name = "b"},
    %a: tensor<5x2x3xf32>,
    %w: tensor<5x2x4xf32>) -> tensor<f32> {
  %p = heddle.matmul %a, %b : (tensor<5x2x3xf32>, tensor<1x3x4xf32>) -> tensor<5x2x4xf32>
  %y = heddle.mul %p, %w : (tensor<5x2x4xf32>, tensor<5x2x4xf32>) -> tensor<5x2x4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0, 1, 2>} : (tensor<5x2x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
