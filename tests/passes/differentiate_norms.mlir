// SPDX-License-Identifier: Apache-2.0
// Norms use the statistics that the forward op saved.
// RUN: heddle-opt %s --split-input-file --heddle-differentiate | FileCheck %s

// layer_norm
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[X:%arg0]]: tensor
// CHECK-SAME: [[GAMMA:%arg1]]: tensor
// CHECK: {{%[a-z0-9_]+}}, [[F0:%[a-z0-9_]+]], [[F1:%[a-z0-9_]+]] = heddle.layer_norm
// CHECK: [[F2:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D3:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.reshape [[D3]] : tensor<f32> -> tensor<1x1xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.broadcast [[D4]] : tensor<1x1xf32> -> tensor<2x4xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.layer_norm_grad [[D5]], [[X]], [[F0]], [[F1]] gamma([[GAMMA]]) : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: [[D7:%[a-z0-9_]+]], [[D8:%[a-z0-9_]+]] = heddle.layer_norm_param_grad [[D5]], [[X]], [[F0]], [[F1]] : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2xf32>, tensor<2xf32>) -> (tensor<4xf32>, tensor<4xf32>)
// CHECK-NEXT: return [[F2]], [[D6]], [[D7]], [[D8]]
func.func @train_loss(%x: tensor<2x4xf32> {heddle.kind = "param", heddle.name = "x"},
    %gamma: tensor<4xf32> {heddle.kind = "param", heddle.name = "gamma"},
    %beta: tensor<4xf32> {heddle.kind = "param", heddle.name = "beta"}) -> tensor<f32> {
  %y, %mean, %rstd = heddle.layer_norm %x gamma(%gamma) beta(%beta) {eps = 1.0e-5} : (tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<2x4xf32>, tensor<2xf32>, tensor<2xf32>)
  %loss = heddle.sum %y {axes = array<i64: 0, 1>} : (tensor<2x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// Without an offset; x needs no gradient, so none is computed.
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[X:%arg1]]: tensor
// CHECK: {{%[a-z0-9_]+}}, [[F0:%[a-z0-9_]+]], [[F1:%[a-z0-9_]+]] = heddle.layer_norm
// CHECK: [[F2:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D3:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.reshape [[D3]] : tensor<f32> -> tensor<1x1xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.broadcast [[D4]] : tensor<1x1xf32> -> tensor<2x4xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]], [[D7:%[a-z0-9_]+]] = heddle.layer_norm_param_grad [[D5]], [[X]], [[F0]], [[F1]] : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2xf32>, tensor<2xf32>) -> (tensor<4xf32>, tensor<4xf32>)
// CHECK-NEXT: return [[F2]], [[D6]]
func.func @train_loss(%gamma: tensor<4xf32> {heddle.kind = "param", heddle.name = "gamma"},
    %x: tensor<2x4xf32>) -> tensor<f32> {
  %y, %mean, %rstd = heddle.layer_norm %x gamma(%gamma) {eps = 1.0e-5} : (tensor<2x4xf32>, tensor<4xf32>) -> (tensor<2x4xf32>, tensor<2xf32>, tensor<2xf32>)
  %loss = heddle.sum %y {axes = array<i64: 0, 1>} : (tensor<2x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// rms_norm
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[X:%arg0]]: tensor
// CHECK-SAME: [[GAMMA:%arg1]]: tensor
// CHECK: {{%[a-z0-9_]+}}, [[F0:%[a-z0-9_]+]] = heddle.rms_norm
// CHECK: [[F1:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D2:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.reshape [[D2]] : tensor<f32> -> tensor<1x1xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.broadcast [[D3]] : tensor<1x1xf32> -> tensor<2x4xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.rms_norm_grad [[D4]], [[X]], [[F0]] gamma([[GAMMA]]) : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2xf32>, tensor<4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.rms_norm_param_grad [[D4]], [[X]], [[F0]] : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2xf32>) -> tensor<4xf32>
// CHECK-NEXT: return [[F1]], [[D5]], [[D6]]
func.func @train_loss(%x: tensor<2x4xf32> {heddle.kind = "param", heddle.name = "x"},
    %gamma: tensor<4xf32> {heddle.kind = "param", heddle.name = "gamma"}) -> tensor<f32> {
  %y, %rstd = heddle.rms_norm %x gamma(%gamma) {eps = 1.0e-5} : (tensor<2x4xf32>, tensor<4xf32>) -> (tensor<2x4xf32>, tensor<2xf32>)
  %loss = heddle.sum %y {axes = array<i64: 0, 1>} : (tensor<2x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
