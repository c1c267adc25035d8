// SPDX-License-Identifier: Apache-2.0
// Attention recomputes its weights from the log-sum-exp.
// RUN: heddle-opt %s --split-input-file --heddle-differentiate | FileCheck %s

// All that shapes the weights goes along.
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[Q:%arg0]]: tensor
// CHECK-SAME: [[K:%arg1]]: tensor
// CHECK-SAME: [[V:%arg2]]: tensor
// CHECK-SAME: [[M:%arg3]]: tensor
// CHECK-SAME: [[RNG:%arg4]]: tensor
// CHECK: [[F0:%[a-z0-9_]+]], [[F1:%[a-z0-9_]+]] = heddle.attention
// CHECK: [[F2:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D3:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.reshape [[D3]] : tensor<f32> -> tensor<1x1x1x1xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.broadcast [[D4]] : tensor<1x1x1x1xf32> -> tensor<1x2x3x4xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]], [[D7:%[a-z0-9_]+]], [[D8:%[a-z0-9_]+]] = heddle.attention_grad [[Q]], [[K]], [[V]], [[F0]], [[F1]], [[D5]] key_mask([[M]]) rng([[RNG]]) {causal, dropout = 1.000000e-01 : f64, rng_id = 3 : i64, scale = 5.000000e-01 : f64, soft_cap = 3.000000e+01 : f64, window = 2 : i64} : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3xf32>, tensor<1x2x3x4xf32>, tensor<1x3xi32>, tensor<3xi64>) -> (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>)
// CHECK-NEXT: return [[F2]], [[D6]], [[D7]], [[D8]]
func.func @train_loss(%q: tensor<1x2x3x4xf32> {heddle.kind = "param", heddle.name = "q"},
    %k: tensor<1x2x3x4xf32> {heddle.kind = "param", heddle.name = "k"},
    %v: tensor<1x2x3x4xf32> {heddle.kind = "param", heddle.name = "v"},
    %m: tensor<1x3xi32>,
    %rng: tensor<3xi64>) -> tensor<f32> {
  %y, %lse = heddle.attention %q, %k, %v key_mask(%m) rng(%rng) {scale = 0.5, causal, window = 2 : i64, soft_cap = 30.0, dropout = 0.1, rng_id = 3 : i64} : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x3xi32>, tensor<3xi64>) -> (tensor<1x2x3x4xf32>, tensor<1x2x3xf32>)
  %loss = heddle.sum %y {axes = array<i64: 0, 1, 2, 3>} : (tensor<1x2x3x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// The bias, which is no parameter, has a gradient that nobody reads.
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[Q:%arg0]]: tensor
// CHECK-SAME: [[K:%arg1]]: tensor
// CHECK-SAME: [[V:%arg2]]: tensor
// CHECK-SAME: [[B:%arg3]]: tensor
// CHECK: [[F0:%[a-z0-9_]+]], [[F1:%[a-z0-9_]+]] = heddle.attention
// CHECK: [[F2:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D3:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.reshape [[D3]] : tensor<f32> -> tensor<1x1x1x1xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.broadcast [[D4]] : tensor<1x1x1x1xf32> -> tensor<1x2x3x4xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]], [[D7:%[a-z0-9_]+]], [[D8:%[a-z0-9_]+]], [[D9:%[a-z0-9_]+]] = heddle.attention_grad [[Q]], [[K]], [[V]], [[F0]], [[F1]], [[D5]] bias([[B]]) {scale = 5.000000e-01 : f64} : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x3xf32>) -> (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x3xf32>)
// CHECK-NEXT: return [[F2]], [[D6]]
func.func @train_loss(%q: tensor<1x2x3x4xf32> {heddle.kind = "param", heddle.name = "q"},
    %k: tensor<1x2x3x4xf32>,
    %v: tensor<1x2x3x4xf32>,
    %b: tensor<1x2x3x3xf32>) -> tensor<f32> {
  %y, %lse = heddle.attention %q, %k, %v bias(%b) {scale = 0.5} : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x3xf32>) -> (tensor<1x2x3x4xf32>, tensor<1x2x3xf32>)
  %loss = heddle.sum %y {axes = array<i64: 0, 1, 2, 3>} : (tensor<1x2x3x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// A trained bias gets its gradient there, summed over the batch that it is repeated along.
// CHECK-LABEL: func.func @grad(
// CHECK: {{%[a-z0-9_]+}}, {{%[a-z0-9_]+}}, {{%[a-z0-9_]+}}, [[DB:%[a-z0-9_]+]] = heddle.attention_grad
// CHECK-SAME: -> (tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32>, tensor<2x3x3xf32>)
// CHECK-NEXT: return {{%[a-z0-9_]+}}, [[DB]]
func.func @train_loss(%q: tensor<2x2x3x4xf32>, %k: tensor<2x2x3x4xf32>, %v: tensor<2x2x3x4xf32>,
    %b: tensor<2x3x3xf32> {heddle.kind = "param", heddle.name = "b"}) -> tensor<f32> {
  %y, %lse = heddle.attention %q, %k, %v bias(%b) {scale = 0.5} : (tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32>, tensor<2x3x3xf32>) -> (tensor<2x2x3x4xf32>, tensor<2x2x3xf32>)
  %loss = heddle.sum %y {axes = array<i64: 0, 1, 2, 3>} : (tensor<2x2x3x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
