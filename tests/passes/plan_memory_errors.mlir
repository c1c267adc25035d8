// SPDX-License-Identifier: Apache-2.0
// RUN: heddle-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(heddle-plan-memory))' --verify-diagnostics

func.func @no_kernel(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{is in no kernel and renames no contiguous memory; heddle-form-kernels must run before heddle-plan-memory}}
  %y = heddle.exp %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @strided_slice(%x: tensor<4x4xf32>) -> tensor<4x2xf32> {
  // expected-error @below {{is in no kernel and renames no contiguous memory}}
  %y = heddle.slice %x {offsets = array<i64: 0, 1>, sizes = array<i64: 4, 2>} : (tensor<4x4xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}
