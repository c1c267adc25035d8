// SPDX-License-Identifier: Apache-2.0
// Arithmetic: the gradient of each operand, summed over the axes along which it was repeated.
// RUN: heddle-opt %s --split-input-file --heddle-differentiate | FileCheck %s

// An operand [C] of rows [B, T, C] sums over the rows.
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[X:%arg0]]: tensor
// CHECK-SAME: [[W:%arg1]]: tensor
// CHECK: heddle.mul
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1x1x1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1x1x1xf32> -> tensor<2x3x4xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.mul [[D3]], [[W]] : (tensor<2x3x4xf32>, tensor<4xf32>) -> tensor<2x3x4xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.mul [[D3]], [[X]] : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.sum [[D5]] {axes = array<i64: 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4xf32>
// CHECK-NEXT: return [[F0]], [[D4]], [[D6]]
func.func @train_loss(%x: tensor<2x3x4xf32> {heddle.kind = "param", heddle.name = "x"},
    %w: tensor<4xf32> {heddle.kind = "param", heddle.name = "w"}) -> tensor<f32> {
  %y = heddle.mul %x, %w : (tensor<2x3x4xf32>, tensor<4xf32>) -> tensor<2x3x4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0, 1, 2>} : (tensor<2x3x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// An axis of size 1 comes back as one.
// CHECK-LABEL: func.func @grad(
// CHECK: heddle.sub
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1x1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1x1xf32> -> tensor<3x4xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.sum [[D3]] {axes = array<i64: 1>} : (tensor<3x4xf32>) -> tensor<3xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.reshape [[D4]] : tensor<3xf32> -> tensor<3x1xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.neg [[D5]] : tensor<3x1xf32>
// CHECK-NEXT: return [[F0]], [[D6]]
func.func @train_loss(%w: tensor<3x1xf32> {heddle.kind = "param", heddle.name = "w"},
    %x: tensor<3x4xf32>) -> tensor<f32> {
  %y = heddle.sub %x, %w : (tensor<3x4xf32>, tensor<3x1xf32>) -> tensor<3x4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0, 1>} : (tensor<3x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// dr = -dy y / r
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[R:%arg1]]: tensor
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.div
// CHECK: [[F1:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D2:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.reshape [[D2]] : tensor<f32> -> tensor<1xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.broadcast [[D3]] : tensor<1xf32> -> tensor<4xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.div [[D4]], [[R]] : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.mul [[D5]], [[F0]] : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: [[D7:%[a-z0-9_]+]] = heddle.neg [[D6]] : tensor<4xf32>
// CHECK-NEXT: return [[F1]], [[D5]], [[D7]]
func.func @train_loss(%l: tensor<4xf32> {heddle.kind = "param", heddle.name = "l"},
    %r: tensor<4xf32> {heddle.kind = "param", heddle.name = "r"}) -> tensor<f32> {
  %y = heddle.div %l, %r : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// The gradient goes where the condition chose; nothing flows into the mask.
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[M:%arg1]]: tensor
// CHECK: heddle.select
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1xf32> -> tensor<4xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.constant dense<0.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.select [[M]], [[D3]], [[D4]] : (tensor<4xi1>, tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
// CHECK-NEXT: return [[F0]], [[D5]]
func.func @train_loss(%a: tensor<4xf32> {heddle.kind = "param", heddle.name = "a"},
    %m: tensor<4xi1>,
    %b: tensor<4xf32>) -> tensor<f32> {
  %y = heddle.select %m, %a, %b : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// Equal operands share the gradient of a maximum.
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[A:%arg0]]: tensor
// CHECK-SAME: [[B:%arg1]]: tensor
// CHECK: heddle.maximum
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1xf32> -> tensor<4xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.constant dense<0.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.constant dense<5.000000e-01> : tensor<f32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.mul [[D3]], [[D5]] : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
// CHECK-NEXT: [[D7:%[a-z0-9_]+]] = heddle.compare gt [[A]], [[B]] : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
// CHECK-NEXT: [[D8:%[a-z0-9_]+]] = heddle.compare lt [[A]], [[B]] : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
// CHECK-NEXT: [[D9:%[a-z0-9_]+]] = heddle.select [[D8]], [[D4]], [[D6]] : (tensor<4xi1>, tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: [[D10:%[a-z0-9_]+]] = heddle.select [[D7]], [[D3]], [[D9]] : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: return [[F0]], [[D10]]
func.func @train_loss(%a: tensor<4xf32> {heddle.kind = "param", heddle.name = "a"},
    %b: tensor<4xf32>) -> tensor<f32> {
  %y = heddle.maximum %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// tanh uses its result.
// CHECK-LABEL: func.func @grad(
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.tanh
// CHECK: [[F1:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D2:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.reshape [[D2]] : tensor<f32> -> tensor<1xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.broadcast [[D3]] : tensor<1xf32> -> tensor<4xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.mul [[F0]], [[F0]] : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D7:%[a-z0-9_]+]] = heddle.sub [[D6]], [[D5]] : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: [[D8:%[a-z0-9_]+]] = heddle.mul [[D4]], [[D7]] : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: return [[F1]], [[D8]]
func.func @train_loss(%x: tensor<4xf32> {heddle.kind = "param", heddle.name = "x"}) -> tensor<f32> {
  %y = heddle.tanh %x : tensor<4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// rsqrt uses its result.
// CHECK-LABEL: func.func @grad(
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.rsqrt
// CHECK: [[F1:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D2:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.reshape [[D2]] : tensor<f32> -> tensor<1xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.broadcast [[D3]] : tensor<1xf32> -> tensor<4xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.mul [[F0]], [[F0]] : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.mul [[D5]], [[F0]] : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: [[D7:%[a-z0-9_]+]] = heddle.constant dense<-5.000000e-01> : tensor<f32>
// CHECK-NEXT: [[D8:%[a-z0-9_]+]] = heddle.mul [[D6]], [[D7]] : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
// CHECK-NEXT: [[D9:%[a-z0-9_]+]] = heddle.mul [[D4]], [[D8]] : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: return [[F1]], [[D9]]
func.func @train_loss(%x: tensor<4xf32> {heddle.kind = "param", heddle.name = "x"}) -> tensor<f32> {
  %y = heddle.rsqrt %x : tensor<4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// Dropout is linear: the same mask, drawn again.
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[RNG:%arg1]]: tensor
// CHECK: heddle.dropout
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1xf32> -> tensor<4xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.dropout [[D3]], [[RNG]] {p = 2.500000e-01 : f64, rng_id = 7 : i64} : (tensor<4xf32>, tensor<3xi64>) -> tensor<4xf32>
// CHECK-NEXT: return [[F0]], [[D4]]
func.func @train_loss(%x: tensor<4xf32> {heddle.kind = "param", heddle.name = "x"},
    %rng: tensor<3xi64>) -> tensor<f32> {
  %y = heddle.dropout %x, %rng {p = 0.25, rng_id = 7 : i64} : (tensor<4xf32>, tensor<3xi64>) -> tensor<4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// A cast goes back.
// CHECK-LABEL: func.func @grad(
// CHECK: heddle.cast
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1xf32> -> tensor<4xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.cast [[D3]] : tensor<4xf32> -> tensor<4xbf16>
// CHECK-NEXT: return [[F0]], [[D4]]
func.func @train_loss(%x: tensor<4xbf16> {heddle.kind = "param", heddle.name = "x"}) -> tensor<f32> {
  %y = heddle.cast %x : tensor<4xbf16> -> tensor<4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// Two uses of a value add up.
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[X:%arg0]]: tensor
// CHECK: heddle.mul
// CHECK: [[F0:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D1:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D2:%[a-z0-9_]+]] = heddle.reshape [[D1]] : tensor<f32> -> tensor<1xf32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.broadcast [[D2]] : tensor<1xf32> -> tensor<4xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.mul [[D3]], [[X]] : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.mul [[D3]], [[X]] : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.add [[D4]], [[D5]] : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: return [[F0]], [[D6]]
func.func @train_loss(%x: tensor<4xf32> {heddle.kind = "param", heddle.name = "x"}) -> tensor<f32> {
  %y = heddle.mul %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %loss = heddle.sum %y {axes = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
