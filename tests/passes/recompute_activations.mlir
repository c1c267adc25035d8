// SPDX-License-Identifier: Apache-2.0
// RUN: heddle-opt %s --pass-pipeline='builtin.module(func.func(heddle-recompute-activations{min-bytes=64 distance=3}))' | FileCheck %s
// RUN: heddle-opt %s --pass-pipeline='builtin.module(func.func(heddle-recompute-activations{min-bytes=1000 distance=3}))' | FileCheck %s --check-prefix=SMALL
// RUN: heddle-opt %s --pass-pipeline='builtin.module(func.func(heddle-recompute-activations{min-bytes=64 distance=3},heddle-form-kernels))' | FileCheck %s --check-prefix=KERNELS

// SMALL-NOT: heddle.recomputed

// The activation is read by the forward product at once and by a gradient much later, where its
// operand is read too.
// CHECK-LABEL: func.func @activation
// CHECK: [[H:%[0-9]+]] = heddle.matmul %arg0, %arg1
// CHECK: [[A:%[0-9]+]] = heddle.gelu [[H]] : tensor<4x8xf32>
// CHECK: heddle.matmul [[A]], %arg2
// CHECK: [[AGAIN:%[0-9]+]] = heddle.gelu [[H]] {heddle.recomputed}
// CHECK-NEXT: heddle.matmul [[AGAIN]], {{%[0-9]+}} {transpose_a}
// CHECK: heddle.gelu_grad [[H]],

// It becomes a kernel of its own instead of a second result of the product.
// KERNELS-LABEL: func.func @activation
// KERNELS: heddle.kernel "gemm_gelu
// KERNELS: heddle.kernel "gelu_4x8"
// KERNELS-NEXT: heddle.gelu
// KERNELS-NOT: heddle.recomputed
func.func @activation(%x: tensor<4x8xf32>, %w1: tensor<8x8xf32>, %w2: tensor<8x8xf32>)
    -> (tensor<8x8xf32>, tensor<4x8xf32>) {
  %h = heddle.matmul %x, %w1 : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %a = heddle.gelu %h : tensor<4x8xf32>
  %y = heddle.matmul %a, %w2 : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %0 = heddle.exp %y : tensor<4x8xf32>
  %1 = heddle.tanh %0 : tensor<4x8xf32>
  %dy = heddle.exp %1 : tensor<4x8xf32>
  %dw2 = heddle.matmul %a, %dy {transpose_a} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
  %dh = heddle.gelu_grad %h, %dy : tensor<4x8xf32>
  return %dw2, %dh : tensor<8x8xf32>, tensor<4x8xf32>
}

// The operand would have to be kept in its place.
// CHECK-LABEL: func.func @operand_dead
// CHECK-NOT: heddle.recomputed
func.func @operand_dead(%x: tensor<4x8xf32>, %w1: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %h = heddle.matmul %x, %w1 : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %a = heddle.relu %h : tensor<4x8xf32>
  %0 = heddle.exp %a : tensor<4x8xf32>
  %1 = heddle.tanh %0 : tensor<4x8xf32>
  %2 = heddle.exp %1 : tensor<4x8xf32>
  %dy = heddle.tanh %2 : tensor<4x8xf32>
  %dw = heddle.matmul %a, %dy {transpose_a} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
  return %dw : tensor<8x8xf32>
}

// A norm is computed again with its statistics; the saved ones stay in use.
// CHECK-LABEL: func.func @norm
// CHECK: [[Y:%[a-z0-9_]+]], [[RSTD:%[a-z0-9_]+]] = heddle.rms_norm %arg0 {eps
// CHECK: [[AGAIN:%[a-z0-9_]+]], {{%[a-z0-9_]+}} = heddle.rms_norm %arg0 {eps = {{.*}}, heddle.recomputed}
// CHECK: heddle.matmul [[AGAIN]]
// CHECK: heddle.rms_norm_grad {{%[a-z0-9_]+}}, %arg0, [[RSTD]]
func.func @norm(%x: tensor<4x8xf32>) -> (tensor<8x8xf32>, tensor<4x8xf32>) {
  %n, %rstd = heddle.rms_norm %x {eps = 1.0e-5} : (tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4xf32>)
  %0 = heddle.exp %n : tensor<4x8xf32>
  %1 = heddle.tanh %0 : tensor<4x8xf32>
  %2 = heddle.exp %1 : tensor<4x8xf32>
  %dy = heddle.tanh %2 : tensor<4x8xf32>
  %dw = heddle.matmul %n, %dy {transpose_a} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
  %dx = heddle.rms_norm_grad %dy, %x, %rstd : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4xf32>) -> tensor<4x8xf32>
  return %dw, %dx : tensor<8x8xf32>, tensor<4x8xf32>
}
