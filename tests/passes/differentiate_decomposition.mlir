// SPDX-License-Identifier: Apache-2.0
// Composite ops whose rule does not cover what is asked are differentiated through their parts.
// RUN: heddle-opt %s --split-input-file --heddle-differentiate | FileCheck %s

// The log-sum-exp takes part.
// CHECK-LABEL: func.func @grad(
// CHECK-NOT: heddle.attention
// CHECK: heddle.softmax_grad
// CHECK: return
func.func @train_loss(%q: tensor<1x2x3x4xf32> {heddle.kind = "param", heddle.name = "q"},
    %k: tensor<1x2x3x4xf32>, %v: tensor<1x2x3x4xf32>) -> tensor<f32> {
  %y, %lse = heddle.attention %q, %k, %v {scale = 0.5} : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> (tensor<1x2x3x4xf32>, tensor<1x2x3xf32>)
  %s = heddle.sum %y {axes = array<i64: 3>} : (tensor<1x2x3x4xf32>) -> tensor<1x2x3xf32>
  %t = heddle.mul %s, %lse : (tensor<1x2x3xf32>, tensor<1x2x3xf32>) -> tensor<1x2x3xf32>
  %loss = heddle.sum %t {axes = array<i64: 0, 1, 2>} : (tensor<1x2x3xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// A saved result takes part.
// CHECK-LABEL: func.func @grad(
// CHECK-NOT: heddle.rms_norm
// CHECK: return
func.func @train_loss(%x: tensor<2x4xf32> {heddle.kind = "param", heddle.name = "x"}) -> tensor<f32> {
  %y, %rstd = heddle.rms_norm %x {eps = 1.0e-5} : (tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<2xf32>)
  %s = heddle.sum %y {axes = array<i64: 1>} : (tensor<2x4xf32>) -> tensor<2xf32>
  %t = heddle.mul %s, %rstd : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %loss = heddle.sum %t {axes = array<i64: 0>} : (tensor<2xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
