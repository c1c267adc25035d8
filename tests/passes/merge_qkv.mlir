// SPDX-License-Identifier: Apache-2.0
// RUN: heddle-opt %s --split-input-file --heddle-merge-qkv --remarks-filter=heddle 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks

// Three column blocks of one weight, each with its part of the bias.
// CHECK-LABEL: func @split
// CHECK: %[[P:.*]] = heddle.matmul %arg0, %arg1 :
// CHECK: %[[S:.*]] = heddle.add %[[P]], %arg2
// CHECK-DAG: heddle.slice %[[S]] {offsets = array<i64: 0, 0>, sizes = array<i64: 2, 4>}
// CHECK-DAG: heddle.slice %[[S]] {offsets = array<i64: 0, 4>, sizes = array<i64: 2, 4>}
// CHECK-DAG: heddle.slice %[[S]] {offsets = array<i64: 0, 8>, sizes = array<i64: 2, 4>}
// CHECK-NOT: heddle.matmul
// REMARK: [Passed] qkv | Category:heddle | Function=split
func.func @split(%x: tensor<2x4xf32>, %w: tensor<4x12xf32>, %b: tensor<12xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>) {
  %w0 = heddle.slice %w {offsets = array<i64: 0, 0>, sizes = array<i64: 4, 4>} : (tensor<4x12xf32>) -> tensor<4x4xf32>
  %w1 = heddle.slice %w {offsets = array<i64: 0, 4>, sizes = array<i64: 4, 4>} : (tensor<4x12xf32>) -> tensor<4x4xf32>
  %w2 = heddle.slice %w {offsets = array<i64: 0, 8>, sizes = array<i64: 4, 4>} : (tensor<4x12xf32>) -> tensor<4x4xf32>
  %b0 = heddle.slice %b {offsets = array<i64: 0>, sizes = array<i64: 4>} : (tensor<12xf32>) -> tensor<4xf32>
  %b1 = heddle.slice %b {offsets = array<i64: 4>, sizes = array<i64: 4>} : (tensor<12xf32>) -> tensor<4xf32>
  %b2 = heddle.slice %b {offsets = array<i64: 8>, sizes = array<i64: 4>} : (tensor<12xf32>) -> tensor<4xf32>
  %q = heddle.matmul %x, %w0 : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %k = heddle.matmul %x, %w1 : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %v = heddle.matmul %x, %w2 : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %qb = heddle.add %q, %b0 : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %kb = heddle.add %k, %b1 : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %vb = heddle.add %v, %b2 : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return %qb, %kb, %vb : tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// A gap: the columns between would be computed for nothing.
// CHECK-LABEL: func @gap
// CHECK-COUNT-2: heddle.matmul
func.func @gap(%x: tensor<2x4xf32>, %w: tensor<12x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %w0 = heddle.slice %w {offsets = array<i64: 0, 0>, sizes = array<i64: 4, 4>} : (tensor<12x4xf32>) -> tensor<4x4xf32>
  %w2 = heddle.slice %w {offsets = array<i64: 8, 0>, sizes = array<i64: 4, 4>} : (tensor<12x4xf32>) -> tensor<4x4xf32>
  %q = heddle.matmul %x, %w0 {transpose_b} : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %v = heddle.matmul %x, %w2 {transpose_b} : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  return %q, %v : tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// Weights of their own stay apart; the report says so without calling it a miss.
// CHECK-LABEL: func @apart
// CHECK-COUNT-3: heddle.matmul
// REMARK: [Analysis] qkv | Category:heddle | Function=apart | Reason="the weights of q, k and v are stored apart"
func.func @apart(%x: tensor<1x2x4xf32>, %wq: tensor<4x4xf32>, %wk: tensor<4x4xf32>, %wv: tensor<4x4xf32>) -> tensor<1x1x2x4xf32> {
  %q0 = heddle.matmul %x, %wq : (tensor<1x2x4xf32>, tensor<4x4xf32>) -> tensor<1x2x4xf32>
  %k0 = heddle.matmul %x, %wk : (tensor<1x2x4xf32>, tensor<4x4xf32>) -> tensor<1x2x4xf32>
  %v0 = heddle.matmul %x, %wv : (tensor<1x2x4xf32>, tensor<4x4xf32>) -> tensor<1x2x4xf32>
  %q = heddle.reshape %q0 : tensor<1x2x4xf32> -> tensor<1x1x2x4xf32>
  %k = heddle.reshape %k0 : tensor<1x2x4xf32> -> tensor<1x1x2x4xf32>
  %v = heddle.reshape %v0 : tensor<1x2x4xf32> -> tensor<1x1x2x4xf32>
  %o, %lse = heddle.attention %q, %k, %v {scale = 0.5 : f64} : (tensor<1x1x2x4xf32>, tensor<1x1x2x4xf32>, tensor<1x1x2x4xf32>) -> (tensor<1x1x2x4xf32>, tensor<1x1x2xf32>)
  return %o : tensor<1x1x2x4xf32>
}

// -----

// The first columns only.
// CHECK-LABEL: func @beginning
// CHECK-COUNT-2: heddle.matmul
func.func @beginning(%x: tensor<2x4xf32>, %w: tensor<12x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %w0 = heddle.slice %w {offsets = array<i64: 0, 0>, sizes = array<i64: 4, 4>} : (tensor<12x4xf32>) -> tensor<4x4xf32>
  %w1 = heddle.slice %w {offsets = array<i64: 4, 0>, sizes = array<i64: 4, 4>} : (tensor<12x4xf32>) -> tensor<4x4xf32>
  %q = heddle.matmul %x, %w0 {transpose_b} : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %k = heddle.matmul %x, %w1 {transpose_b} : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  return %q, %k : tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// Both halves, but of different inputs.
// CHECK-LABEL: func @two_inputs
// CHECK-COUNT-2: heddle.matmul
func.func @two_inputs(%x: tensor<2x4xf32>, %y: tensor<2x4xf32>, %w: tensor<4x8xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %w0 = heddle.slice %w {offsets = array<i64: 0, 0>, sizes = array<i64: 4, 4>} : (tensor<4x8xf32>) -> tensor<4x4xf32>
  %w1 = heddle.slice %w {offsets = array<i64: 0, 4>, sizes = array<i64: 4, 4>} : (tensor<4x8xf32>) -> tensor<4x4xf32>
  %q = heddle.matmul %x, %w0 : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %k = heddle.matmul %y, %w1 : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  return %q, %k : tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// Rows of the weight are no columns of the product.
// CHECK-LABEL: func @rows
// CHECK-COUNT-2: heddle.matmul
func.func @rows(%x: tensor<2x4xf32>, %w: tensor<8x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %w0 = heddle.slice %w {offsets = array<i64: 0, 0>, sizes = array<i64: 4, 4>} : (tensor<8x4xf32>) -> tensor<4x4xf32>
  %w1 = heddle.slice %w {offsets = array<i64: 4, 0>, sizes = array<i64: 4, 4>} : (tensor<8x4xf32>) -> tensor<4x4xf32>
  %q = heddle.matmul %x, %w0 : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %k = heddle.matmul %x, %w1 : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  return %q, %k : tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// Each part with a part of another bias.
// CHECK-LABEL: func @crossed_biases
// CHECK-COUNT-2: heddle.add
func.func @crossed_biases(%x: tensor<2x4xf32>, %w: tensor<4x8xf32>, %b: tensor<8xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %w0 = heddle.slice %w {offsets = array<i64: 0, 0>, sizes = array<i64: 4, 4>} : (tensor<4x8xf32>) -> tensor<4x4xf32>
  %w1 = heddle.slice %w {offsets = array<i64: 0, 4>, sizes = array<i64: 4, 4>} : (tensor<4x8xf32>) -> tensor<4x4xf32>
  %b0 = heddle.slice %b {offsets = array<i64: 0>, sizes = array<i64: 4>} : (tensor<8xf32>) -> tensor<4xf32>
  %b1 = heddle.slice %b {offsets = array<i64: 4>, sizes = array<i64: 4>} : (tensor<8xf32>) -> tensor<4xf32>
  %q = heddle.matmul %x, %w0 : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %k = heddle.matmul %x, %w1 : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %qb = heddle.add %q, %b1 : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %kb = heddle.add %k, %b0 : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return %qb, %kb : tensor<2x4xf32>, tensor<2x4xf32>
}
