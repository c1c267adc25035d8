// SPDX-License-Identifier: Apache-2.0
// The pre-activations were saved; only the activation is computed again.
// RUN: heddle-opt %s --split-input-file --heddle-differentiate | FileCheck %s

// plain
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[X:%arg0]]: tensor
// CHECK-SAME: [[W1:%arg1]]: tensor
// CHECK-SAME: [[W2:%arg3]]: tensor
// CHECK: {{%[a-z0-9_]+}}, [[F0:%[a-z0-9_]+]] = heddle.ffn
// CHECK: [[F1:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D2:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D3:%[a-z0-9_]+]] = heddle.reshape [[D2]] : tensor<f32> -> tensor<1x1x1xf32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.broadcast [[D3]] : tensor<1x1x1xf32> -> tensor<2x3x4xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.gelu [[F0]] {tanh_approximation} : tensor<2x3x8xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.matmul [[D4]], [[W2]] {transpose_b} : (tensor<2x3x4xf32>, tensor<8x4xf32>) -> tensor<2x3x8xf32>
// CHECK-NEXT: [[D7:%[a-z0-9_]+]] = heddle.reshape [[D5]] : tensor<2x3x8xf32> -> tensor<6x8xf32>
// CHECK-NEXT: [[D8:%[a-z0-9_]+]] = heddle.reshape [[D4]] : tensor<2x3x4xf32> -> tensor<6x4xf32>
// CHECK-NEXT: [[D9:%[a-z0-9_]+]] = heddle.matmul [[D7]], [[D8]] {transpose_a} : (tensor<6x8xf32>, tensor<6x4xf32>) -> tensor<8x4xf32>
// CHECK-NEXT: [[D10:%[a-z0-9_]+]] = heddle.sum [[D4]] {axes = array<i64: 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4xf32>
// CHECK-NEXT: [[D11:%[a-z0-9_]+]] = heddle.gelu_grad [[F0]], [[D6]] {tanh_approximation} : tensor<2x3x8xf32>
// CHECK-NEXT: [[D12:%[a-z0-9_]+]] = heddle.matmul [[D11]], [[W1]] {transpose_b} : (tensor<2x3x8xf32>, tensor<4x8xf32>) -> tensor<2x3x4xf32>
// CHECK-NEXT: [[D13:%[a-z0-9_]+]] = heddle.reshape [[X]] : tensor<2x3x4xf32> -> tensor<6x4xf32>
// CHECK-NEXT: [[D14:%[a-z0-9_]+]] = heddle.reshape [[D11]] : tensor<2x3x8xf32> -> tensor<6x8xf32>
// CHECK-NEXT: [[D15:%[a-z0-9_]+]] = heddle.matmul [[D13]], [[D14]] {transpose_a} : (tensor<6x4xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
// CHECK-NEXT: [[D16:%[a-z0-9_]+]] = heddle.sum [[D11]] {axes = array<i64: 0, 1>} : (tensor<2x3x8xf32>) -> tensor<8xf32>
// CHECK-NEXT: return [[F1]], [[D12]], [[D15]], [[D16]], [[D9]], [[D10]]
func.func @train_loss(%x: tensor<2x3x4xf32> {heddle.kind = "param", heddle.name = "x"},
    %w1: tensor<4x8xf32> {heddle.kind = "param", heddle.name = "w1"},
    %b1: tensor<8xf32> {heddle.kind = "param", heddle.name = "b1"},
    %w2: tensor<8x4xf32> {heddle.kind = "param", heddle.name = "w2"},
    %b2: tensor<4xf32> {heddle.kind = "param", heddle.name = "b2"}) -> tensor<f32> {
  %y, %hidden = heddle.ffn gelu_tanh %x in(%w1, %b1) out(%w2, %b2) : (tensor<2x3x4xf32>, tensor<4x8xf32>, tensor<8xf32>, tensor<8x4xf32>, tensor<4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x8xf32>)
  %loss = heddle.sum %y {axes = array<i64: 0, 1, 2>} : (tensor<2x3x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// gated, weights [out, in]
// CHECK-LABEL: func.func @grad(
// CHECK-SAME: [[X:%arg0]]: tensor
// CHECK-SAME: [[W1:%arg1]]: tensor
// CHECK-SAME: [[WG:%arg2]]: tensor
// CHECK-SAME: [[W2:%arg3]]: tensor
// CHECK: {{%[a-z0-9_]+}}, [[F0:%[a-z0-9_]+]], [[F1:%[a-z0-9_]+]] = heddle.ffn
// CHECK: [[F2:%[a-z0-9_]+]] = heddle.sum
// CHECK: [[D3:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT: [[D4:%[a-z0-9_]+]] = heddle.reshape [[D3]] : tensor<f32> -> tensor<1x1xf32>
// CHECK-NEXT: [[D5:%[a-z0-9_]+]] = heddle.broadcast [[D4]] : tensor<1x1xf32> -> tensor<2x4xf32>
// CHECK-NEXT: [[D6:%[a-z0-9_]+]] = heddle.silu [[F1]] : tensor<2x8xf32>
// CHECK-NEXT: [[D7:%[a-z0-9_]+]] = heddle.mul [[D6]], [[F0]] : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
// CHECK-NEXT: [[D8:%[a-z0-9_]+]] = heddle.matmul [[D5]], [[W2]] : (tensor<2x4xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
// CHECK-NEXT: [[D9:%[a-z0-9_]+]] = heddle.matmul [[D5]], [[D7]] {transpose_a} : (tensor<2x4xf32>, tensor<2x8xf32>) -> tensor<4x8xf32>
// CHECK-NEXT: [[D10:%[a-z0-9_]+]] = heddle.mul [[D8]], [[D6]] : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
// CHECK-NEXT: [[D11:%[a-z0-9_]+]] = heddle.mul [[D8]], [[F0]] : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
// CHECK-NEXT: [[D12:%[a-z0-9_]+]] = heddle.silu_grad [[F1]], [[D11]] : tensor<2x8xf32>
// CHECK-NEXT: [[D13:%[a-z0-9_]+]] = heddle.matmul [[D12]], [[WG]] : (tensor<2x8xf32>, tensor<8x4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: [[D14:%[a-z0-9_]+]] = heddle.matmul [[D12]], [[X]] {transpose_a} : (tensor<2x8xf32>, tensor<2x4xf32>) -> tensor<8x4xf32>
// CHECK-NEXT: [[D15:%[a-z0-9_]+]] = heddle.matmul [[D10]], [[W1]] : (tensor<2x8xf32>, tensor<8x4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: [[D16:%[a-z0-9_]+]] = heddle.matmul [[D10]], [[X]] {transpose_a} : (tensor<2x8xf32>, tensor<2x4xf32>) -> tensor<8x4xf32>
// CHECK-NEXT: [[D17:%[a-z0-9_]+]] = heddle.add [[D15]], [[D13]] : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: return [[F2]], [[D17]], [[D16]], [[D14]], [[D9]]
func.func @train_loss(%x: tensor<2x4xf32> {heddle.kind = "param", heddle.name = "x"},
    %w1: tensor<8x4xf32> {heddle.kind = "param", heddle.name = "w1"},
    %wg: tensor<8x4xf32> {heddle.kind = "param", heddle.name = "wg"},
    %w2: tensor<4x8xf32> {heddle.kind = "param", heddle.name = "w2"}) -> tensor<f32> {
  %y, %hidden, %gate = heddle.ffn silu %x in(%w1) gate(%wg) out(%w2) {transpose_weights} : (tensor<2x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>, tensor<4x8xf32>) -> (tensor<2x4xf32>, tensor<2x8xf32>, tensor<2x8xf32>)
  %loss = heddle.sum %y {axes = array<i64: 0, 1>} : (tensor<2x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
