// SPDX-License-Identifier: Apache-2.0
// What must not match, and what is said about it.
// RUN: heddle-opt %s --split-input-file --heddle-fuse-ffn --remarks-filter=heddle -o /dev/null 2>&1 | FileCheck %s
// RUN: heddle-opt %s --split-input-file --heddle-fuse-ffn | FileCheck %s --check-prefix=IR
// IR-NOT: heddle.ffn

// CHECK: Function=activation_returned | Layer=decoder.layers.1.ffn, Reason="the result of the activation has other uses", Suggestion="do not return or read it"
func.func @activation_returned(%x: tensor<3x4xf32>, %w1: tensor<4x16xf32>, %w2: tensor<16x4xf32>) -> (tensor<3x4xf32>, tensor<3x16xf32>) {
  %0 = heddle.matmul %x, %w1 : (tensor<3x4xf32>, tensor<4x16xf32>) -> tensor<3x16xf32>
  %1 = heddle.gelu %0 : tensor<3x16xf32> loc("decoder.layers.1.ffn")
  %2 = heddle.matmul %1, %w2 : (tensor<3x16xf32>, tensor<16x4xf32>) -> tensor<3x4xf32>
  return %2, %1 : tensor<3x4xf32>, tensor<3x16xf32>
}

// -----

// CHECK: the value before the activation has other uses
func.func @hidden_returned(%x: tensor<3x4xf32>, %w1: tensor<4x16xf32>, %w2: tensor<16x4xf32>) -> (tensor<3x4xf32>, tensor<3x16xf32>) {
  %0 = heddle.matmul %x, %w1 : (tensor<3x4xf32>, tensor<4x16xf32>) -> tensor<3x16xf32>
  %1 = heddle.gelu %0 : tensor<3x16xf32>
  %2 = heddle.matmul %1, %w2 : (tensor<3x16xf32>, tensor<16x4xf32>) -> tensor<3x4xf32>
  return %2, %0 : tensor<3x4xf32>, tensor<3x16xf32>
}

// -----

// CHECK: the activation heddle.tanh is unknown to heddle.ffn
func.func @tanh(%x: tensor<3x4xf32>, %w1: tensor<4x16xf32>, %w2: tensor<16x4xf32>) -> tensor<3x4xf32> {
  %0 = heddle.matmul %x, %w1 : (tensor<3x4xf32>, tensor<4x16xf32>) -> tensor<3x16xf32>
  %1 = heddle.tanh %0 : tensor<3x16xf32>
  %2 = heddle.matmul %1, %w2 : (tensor<3x16xf32>, tensor<16x4xf32>) -> tensor<3x4xf32>
  return %2 : tensor<3x4xf32>
}

// -----

// A pooler with its tanh does not widen: no FFN, nothing is said.
// CHECK-NOT: Function=pooler
func.func @pooler(%x: tensor<3x4xf32>, %w1: tensor<4x4xf32>, %w2: tensor<4x2xf32>) -> tensor<3x2xf32> {
  %0 = heddle.matmul %x, %w1 : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %1 = heddle.tanh %0 : tensor<3x4xf32>
  %2 = heddle.matmul %1, %w2 : (tensor<3x4xf32>, tensor<4x2xf32>) -> tensor<3x2xf32>
  return %2 : tensor<3x2xf32>
}

// -----

// A head of classes does not lead back to the width that it starts from: likewise, with its dropout
// too.
// CHECK-NOT: Function=classifier
func.func @classifier(%x: tensor<3x4xf32>, %w1: tensor<4x4xf32>, %w2: tensor<4x2xf32>, %rng: tensor<3xi64>) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
  %0 = heddle.matmul %x, %w1 : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %1 = heddle.gelu %0 : tensor<3x4xf32>
  %2 = heddle.matmul %1, %w2 : (tensor<3x4xf32>, tensor<4x2xf32>) -> tensor<3x2xf32>
  %3 = heddle.matmul %x, %w1 : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %4 = heddle.relu %3 : tensor<3x4xf32>
  %5 = heddle.dropout %4, %rng {p = 0.1 : f64, rng_id = 0 : i64} : (tensor<3x4xf32>, tensor<3xi64>) -> tensor<3x4xf32>
  %6 = heddle.matmul %5, %w2 : (tensor<3x4xf32>, tensor<4x2xf32>) -> tensor<3x2xf32>
  return %2, %6 : tensor<3x2xf32>, tensor<3x2xf32>
}

// -----

// CHECK: the result of the dropout has other uses
func.func @dropout_read(%x: tensor<3x4xf32>, %w1: tensor<4x16xf32>, %w2: tensor<16x4xf32>, %rng: tensor<3xi64>) -> (tensor<3x4xf32>, tensor<3x16xf32>) {
  %0 = heddle.matmul %x, %w1 : (tensor<3x4xf32>, tensor<4x16xf32>) -> tensor<3x16xf32>
  %1 = heddle.relu %0 : tensor<3x16xf32>
  %2 = heddle.dropout %1, %rng {p = 0.1 : f64, rng_id = 5 : i64} : (tensor<3x16xf32>, tensor<3xi64>) -> tensor<3x16xf32>
  %3 = heddle.matmul %2, %w2 : (tensor<3x16xf32>, tensor<16x4xf32>) -> tensor<3x4xf32>
  return %3, %2 : tensor<3x4xf32>, tensor<3x16xf32>
}

// -----

// CHECK: the two weights are stored in different layouts
func.func @mixed_layouts(%x: tensor<3x4xf32>, %w1: tensor<4x16xf32>, %w2: tensor<4x16xf32>) -> tensor<3x4xf32> {
  %0 = heddle.matmul %x, %w1 : (tensor<3x4xf32>, tensor<4x16xf32>) -> tensor<3x16xf32>
  %1 = heddle.relu %0 : tensor<3x16xf32>
  %2 = heddle.matmul %1, %w2 {transpose_b} : (tensor<3x16xf32>, tensor<4x16xf32>) -> tensor<3x4xf32>
  return %2 : tensor<3x4xf32>
}

// -----

// CHECK: the two factors of the gate read different inputs
func.func @two_inputs(%x: tensor<3x4xf32>, %z: tensor<3x4xf32>, %wg: tensor<4x16xf32>, %wu: tensor<4x16xf32>, %wd: tensor<16x4xf32>) -> tensor<3x4xf32> {
  %0 = heddle.matmul %x, %wg : (tensor<3x4xf32>, tensor<4x16xf32>) -> tensor<3x16xf32>
  %1 = heddle.silu %0 : tensor<3x16xf32>
  %2 = heddle.matmul %z, %wu : (tensor<3x4xf32>, tensor<4x16xf32>) -> tensor<3x16xf32>
  %3 = heddle.mul %1, %2 : (tensor<3x16xf32>, tensor<3x16xf32>) -> tensor<3x16xf32>
  %4 = heddle.matmul %3, %wd : (tensor<3x16xf32>, tensor<16x4xf32>) -> tensor<3x4xf32>
  return %4 : tensor<3x4xf32>
}
