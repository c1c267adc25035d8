// SPDX-License-Identifier: Apache-2.0
// What must not match, and what is said about it.
// RUN: heddle-opt %s --split-input-file --heddle-fuse-attention --remarks-filter=heddle -o /dev/null 2>&1 | FileCheck %s
// RUN: heddle-opt %s --split-input-file --heddle-fuse-attention | FileCheck %s --check-prefix=IR
// IR-NOT: heddle.attention

// Over the query axis.
// CHECK: [Missed] attention | Category:heddle | Function=query_axis | Layer=decoder.layers.3.attention, Reason="the softmax is not over the key axis: the scores are transposed before it", Suggestion="take the softmax over the last axis of q k^T"
func.func @query_axis(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %t = heddle.transpose %s {permutation = array<i64: 0, 1, 3, 2>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %t : tensor<1x2x4x4xf32> loc("decoder.layers.3.attention")
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// CHECK: the result of heddle.softmax between the products has other uses
func.func @weights_returned(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> (tensor<1x2x4x8xf32>, tensor<1x2x4x4xf32>) {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %s : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o, %p : tensor<1x2x4x8xf32>, tensor<1x2x4x4xf32>
}

// -----

// CHECK: the scale of the scores is not a scalar constant
func.func @scale_per_head(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %c: tensor<2x1x1xf32>) -> tensor<1x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %t = heddle.mul %s, %c : (tensor<1x2x4x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %t : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// CHECK: the mask has an unknown part, an argument
func.func @any_mask(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %m: tensor<4x4xi1>) -> tensor<1x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %u = heddle.select %m, %s, %n : (tensor<4x4xi1>, tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %u : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// A constant mask that is neither causal nor a window.
// CHECK: the mask has an unknown part, heddle.constant
func.func @odd_mask(%q: tensor<1x1x2x8xf32>, %k: tensor<1x1x2x8xf32>, %v: tensor<1x1x2x8xf32>) -> tensor<1x1x2x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>) -> tensor<1x1x2x2xf32>
  %m = heddle.constant dense<[[true, true], [true, false]]> : tensor<2x2xi1>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %u = heddle.select %m, %s, %n : (tensor<2x2xi1>, tensor<1x1x2x2xf32>, tensor<f32>) -> tensor<1x1x2x2xf32>
  %p = heddle.softmax %u : tensor<1x1x2x2xf32>
  %o = heddle.matmul %p, %v : (tensor<1x1x2x2xf32>, tensor<1x1x2x8xf32>) -> tensor<1x1x2x8xf32>
  return %o : tensor<1x1x2x8xf32>
}

// -----

// CHECK: the mask selects hidden scores where it is true
func.func @inverted_mask(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %m = heddle.causal_mask : tensor<4x4xi1>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %u = heddle.select %m, %n, %s : (tensor<4x4xi1>, tensor<f32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %u : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// CHECK: masked scores are not set to -infinity
func.func @weak_mask(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %m = heddle.causal_mask : tensor<4x4xi1>
  %n = heddle.constant dense<-10.0> : tensor<f32>
  %u = heddle.select %m, %s, %n : (tensor<4x4xi1>, tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %u : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// CHECK: the attention weights go through heddle.mul
func.func @gated_weights(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %g: tensor<1x2x4x4xf32>) -> tensor<1x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %s : tensor<1x2x4x4xf32>
  %w = heddle.mul %p, %g : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %o = heddle.matmul %w, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// CHECK: write scale, bias, soft cap, mask, in this order
func.func @scaled_mask(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %m = heddle.causal_mask : tensor<4x4xi1>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %u = heddle.select %m, %s, %n : (tensor<4x4xi1>, tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %c = heddle.constant dense<0.5> : tensor<f32>
  %t = heddle.mul %u, %c : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %t : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// CHECK: batch or heads of q, k and v are broadcast, found q [2, 2, 4, 8], k [1, 2, 4, 8], v [1, 2, 4, 8]
func.func @shared_batch(%q: tensor<2x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> tensor<2x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<2x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<2x2x4x4xf32>
  %p = heddle.softmax %s : tensor<2x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<2x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<2x2x4x8xf32>
  return %o : tensor<2x2x4x8xf32>
}

// -----

// A softmax over a projection is no attention: nothing is said.
// CHECK-NOT: Function=router
func.func @router(%x: tensor<4x8xf32>, %w: tensor<8x3xf32>, %e: tensor<3x8xf32>) -> tensor<4x8xf32> {
  %s = heddle.matmul %x, %w : (tensor<4x8xf32>, tensor<8x3xf32>) -> tensor<4x3xf32>
  %p = heddle.softmax %s : tensor<4x3xf32>
  %o = heddle.matmul %p, %e : (tensor<4x3xf32>, tensor<3x8xf32>) -> tensor<4x8xf32>
  return %o : tensor<4x8xf32>
}

// -----

// One row for all queries: visible are the keys that the only row of a causal mask sees.
// CHECK: the mask has an unknown part, heddle.causal_mask
func.func @causal_row(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %m = heddle.causal_mask {window = 2 : i64} : tensor<1x4xi1>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %u = heddle.select %m, %s, %n : (tensor<1x4xi1>, tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %u : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// A constant over batch and keys that has as many elements as queries and keys.
// CHECK: the mask has an unknown part, heddle.constant
func.func @constant_over_batch(%q: tensor<2x1x2x8xf32>, %k: tensor<2x1x2x8xf32>, %v: tensor<2x1x2x8xf32>) -> tensor<2x1x2x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<2x1x2x8xf32>, tensor<2x1x2x8xf32>) -> tensor<2x1x2x2xf32>
  %m = heddle.constant dense<[[[[true, false]]], [[[true, true]]]]> : tensor<2x1x1x2xi1>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %u = heddle.select %m, %s, %n : (tensor<2x1x1x2xi1>, tensor<2x1x2x2xf32>, tensor<f32>) -> tensor<2x1x2x2xf32>
  %p = heddle.softmax %u : tensor<2x1x2x2xf32>
  %o = heddle.matmul %p, %v : (tensor<2x1x2x2xf32>, tensor<2x1x2x8xf32>) -> tensor<2x1x2x8xf32>
  return %o : tensor<2x1x2x8xf32>
}

// -----

// CHECK: a bias or a mask has more batches or heads than q k^T
func.func @batched_bias(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %b: tensor<3x1x1x4xf32>) -> tensor<3x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %t = heddle.add %s, %b : (tensor<1x2x4x4xf32>, tensor<3x1x1x4xf32>) -> tensor<3x2x4x4xf32>
  %p = heddle.softmax %t : tensor<3x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<3x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<3x2x4x8xf32>
  return %o : tensor<3x2x4x8xf32>
}
