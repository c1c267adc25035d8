// SPDX-License-Identifier: Apache-2.0
// Lookups and rotations.
// RUN: heddle-opt %s --split-input-file --heddle-differentiate | FileCheck %s

// A table that is used twice (tied weights) scatters onto the other gradient.
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[TABLE:%arg0]]: tensor
// CHECK-SAME: [[IDS:%arg1]]: tensor
// CHECK: heddle.embedding
// CHECK: heddle.reshape
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.add
// CHECK: heddle.matmul
// CHECK: [[F1:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D2:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.reshape [[D2]] : tensor<f32> -> tensor<1x1xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.broadcast [[D3]] : tensor<1x1xf32> -> tensor<6x5xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.matmul [[D4]], [[TABLE]] : (tensor<6x5xf32>, tensor<5x4xf32>) -> tensor<6x4xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.matmul [[D4]], [[F0]] {transpose_a} : (tensor<6x5xf32>, tensor<6x4xf32>) -> tensor<5x4xf32>
// CHECK-NEXT: [[D7:%[a-z0-9_]+]] = heddle.reshape [[D5]] : tensor<6x4xf32> -> tensor<2x3x4xf32>
// CHECK-NEXT: [[D8:%[a-z0-9_]+]] = heddle.embedding_grad [[IDS]], [[D7]] init([[D6]]) : (tensor<2x3xi32>, tensor<2x3x4xf32>, tensor<5x4xf32>) -> tensor<5x4xf32>
// CHECK-NEXT: return [[F1]], [[D8]]
func.func @train_loss(%table: tensor<5x4xf32> {heddle.kind = "param", heddle.name = "table"},
    %ids: tensor<2x3xi32>,
    %h: tensor<6x4xf32>) -> tensor<f32> {
  %x = heddle.embedding %table, %ids : (tensor<5x4xf32>, tensor<2x3xi32>) -> tensor<2x3x4xf32>
  %r = heddle.reshape %x : tensor<2x3x4xf32> -> tensor<6x4xf32>
  %s = heddle.add %r, %h : (tensor<6x4xf32>, tensor<6x4xf32>) -> tensor<6x4xf32>
  %y = heddle.matmul %s, %table {transpose_b} : (tensor<6x4xf32>, tensor<5x4xf32>) -> tensor<6x5xf32>
  %loss = heddle.sum %y {axes = array<i64: 0, 1>} : (tensor<6x5xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// A rotation turns back.
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[P:%arg1]]: tensor
// CHECK-SAME: [[W:%arg2]]: tensor
// CHECK: heddle.rope
// CHECK: heddle.mul
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1x1x1x1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1x1x1x1xf32> -> tensor<1x2x3x4xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.mul [[D3]], [[W]] : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.rope [[D4]], [[P]] {inv_freq = array<f64: 1.000000e+00, 1.000000e-02>, inverse} : (tensor<1x2x3x4xf32>, tensor<1x3xi32>) -> tensor<1x2x3x4xf32>
// CHECK-NEXT: return [[F0]], [[D5]]
func.func @train_loss(%x: tensor<1x2x3x4xf32> {heddle.kind = "param", heddle.name = "x"},
    %p: tensor<1x3xi32>,
    %w: tensor<1x2x3x4xf32>) -> tensor<f32> {
  %r = heddle.rope %x, %p {inv_freq = array<f64: 1.0, 0.01>} : (tensor<1x2x3x4xf32>, tensor<1x3xi32>) -> tensor<1x2x3x4xf32>
  %y = heddle.mul %r, %w : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0, 1, 2, 3>} : (tensor<1x2x3x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// The chosen row of each prompt gets the gradient, the others none.
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[I:%arg1]]: tensor
// CHECK: heddle.gather_rows
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1x1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1x1xf32> -> tensor<2x4xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.constant dense<[0, 1, 2]> : tensor<3xi32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.reshape [[I]] : tensor<2xi32> -> tensor<2x1xi32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.compare eq [[D5]], [[D4]] : (tensor<2x1xi32>, tensor<3xi32>) -> tensor<2x3xi1>
// CHECK-NEXT: [[D9:%[a-z0-9_]+]] = heddle.reshape [[D6]] : tensor<2x3xi1> -> tensor<2x3x1xi1>
// CHECK-NEXT: [[D8:%[a-z0-9_]+]] = heddle.reshape [[D3]] : tensor<2x4xf32> -> tensor<2x1x4xf32>
// CHECK-NEXT: [[D7:%[a-z0-9_]+]] = heddle.constant dense<0.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D10:%[a-z0-9_]+]] = heddle.select [[D9]], [[D8]], [[D7]] : (tensor<2x3x1xi1>, tensor<2x1x4xf32>, tensor<f32>) -> tensor<2x3x4xf32>
// CHECK-NEXT: return [[F0]], [[D10]]
func.func @train_loss(%x: tensor<2x3x4xf32> {heddle.kind = "param", heddle.name = "x"},
    %i: tensor<2xi32>) -> tensor<f32> {
  %y = heddle.gather_rows %x, %i : (tensor<2x3x4xf32>, tensor<2xi32>) -> tensor<2x4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0, 1>} : (tensor<2x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// What the padding token's row gets is nothing.
// CHECK-LABEL: func.func @grad(
// CHECK: [[ID:%[a-z0-9_]+]] = heddle.constant dense<3> : tensor<i32>
// CHECK-NEXT: [[KEPT:%[a-z0-9_]+]] = heddle.compare ne %arg1, [[ID]]
// CHECK-NEXT: [[ROWS:%[a-z0-9_]+]] = heddle.reshape [[KEPT]] : tensor<2x3xi1> -> tensor<2x3x1xi1>
// CHECK: [[NONE:%[a-z0-9_]+]] = heddle.constant dense<0.000000e+00> : tensor<f32>
// CHECK-NEXT: [[DY:%[a-z0-9_]+]] = heddle.select [[ROWS]], {{%[a-z0-9_]+}}, [[NONE]]
// CHECK-NEXT: heddle.embedding_grad %arg1, [[DY]]
func.func @train_loss(%table: tensor<5x4xf32> {heddle.kind = "param", heddle.name = "table"},
    %ids: tensor<2x3xi32>) -> tensor<f32> {
  %x = heddle.embedding %table, %ids {heddle.padding_id = 3 : i64} : (tensor<5x4xf32>, tensor<2x3xi32>) -> tensor<2x3x4xf32>
  %loss = heddle.sum %x {axes = array<i64: 0, 1, 2>} : (tensor<2x3x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
