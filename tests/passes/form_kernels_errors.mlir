// SPDX-License-Identifier: Apache-2.0
// RUN: heddle-opt %s --split-input-file --verify-diagnostics --heddle-form-kernels

func.func @composite(%x: tensor<3x4xf32>, %w1: tensor<4x16xf32>, %w2: tensor<16x4xf32>) -> tensor<3x4xf32> {
  // expected-error @+1 {{'heddle.ffn' op is no kernel; run heddle-expand-composites first}}
  %y, %h = heddle.ffn gelu %x in(%w1) out(%w2) : (tensor<3x4xf32>, tensor<4x16xf32>, tensor<16x4xf32>) -> (tensor<3x4xf32>, tensor<3x16xf32>)
  return %y : tensor<3x4xf32>
}

// -----

// A second run finds kernels already.
func.func @twice(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'heddle.kernel' op cannot be part of a kernel}}
  %y = heddle.kernel "exp_4" (%a = %x) : (tensor<4xf32>) -> tensor<4xf32> {
    %b = heddle.exp %a : tensor<4xf32>
    heddle.yield %b : tensor<4xf32>
  }
  return %y : tensor<4xf32>
}
