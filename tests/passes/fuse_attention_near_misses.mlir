// SPDX-License-Identifier: Apache-2.0
// One step away from what matches: what is fused must mean the same (PassEquivalenceTest evaluates both
// forms), what must not be fused is not.
// RUN: heddle-opt %s --split-input-file --heddle-fuse-attention | FileCheck %s

// The scores are read behind the scale, too.
// CHECK-LABEL: func @scores_read
// CHECK-NOT: heddle.attention
func.func @scores_read(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> (tensor<1x2x4x8xf32>, tensor<1x2x4x4xf32>) {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %c = heddle.constant dense<0.5> : tensor<f32>
  %t = heddle.mul %s, %c : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %t : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o, %t : tensor<1x2x4x8xf32>, tensor<1x2x4x4xf32>
}

// -----

// The product itself is read.
// CHECK-LABEL: func @product_read
// CHECK-NOT: heddle.attention
func.func @product_read(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> (tensor<1x2x4x8xf32>, tensor<1x2x4x4xf32>) {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %c = heddle.constant dense<0.5> : tensor<f32>
  %t = heddle.mul %s, %c : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %t : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o, %s : tensor<1x2x4x8xf32>, tensor<1x2x4x4xf32>
}

// -----

// Two scales, one on q and one on the scores, are one product.
// CHECK-LABEL: func @two_scales
// CHECK: heddle.attention %arg0, %arg1, %arg2 {scale = 1.250000e-01
func.func @two_scales(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32> {
  %c = heddle.constant dense<0.5> : tensor<f32>
  %d = heddle.constant dense<0.25> : tensor<f32>
  %r = heddle.mul %q, %c : (tensor<1x2x4x8xf32>, tensor<f32>) -> tensor<1x2x4x8xf32>
  %s = heddle.matmul %r, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %t = heddle.mul %d, %s : (tensor<f32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %t : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// Division by a constant, twice.
// CHECK-LABEL: func @two_divisions
// CHECK: heddle.attention %arg0, %arg1, %arg2 {scale = 1.250000e-01
func.func @two_divisions(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32> {
  %c = heddle.constant dense<4.0> : tensor<f32>
  %d = heddle.constant dense<2.0> : tensor<f32>
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %t = heddle.div %s, %c : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %u = heddle.div %t, %d : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %u : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// A constant divided by the scores is no scale.
// CHECK-LABEL: func @inverse_scores
// CHECK-NOT: heddle.attention
func.func @inverse_scores(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32> {
  %c = heddle.constant dense<4.0> : tensor<f32>
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %t = heddle.div %c, %s : (tensor<f32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %t : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// q is read scaled elsewhere: it goes in scaled.
// CHECK-LABEL: func @scaled_query_read
// CHECK: [[Q:%.*]] = heddle.mul %arg0
// CHECK: heddle.attention [[Q]], %arg1, %arg2 {scale = 1.000000e+00
func.func @scaled_query_read(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) {
  %c = heddle.constant dense<0.5> : tensor<f32>
  %r = heddle.mul %q, %c : (tensor<1x2x4x8xf32>, tensor<f32>) -> tensor<1x2x4x8xf32>
  %s = heddle.matmul %r, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %s : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o, %r : tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>
}

// -----

// As many keys as components: a k that is stored transposed is turned all the same.
// CHECK-LABEL: func @square_keys
// CHECK: [[K:%.*]] = heddle.transpose %arg1 {permutation = array<i64: 0, 1, 3, 2>}
// CHECK: heddle.attention %arg0, [[K]], %arg2
func.func @square_keys(%q: tensor<1x2x4x4xf32>, %k: tensor<1x2x4x4xf32>, %v: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %s = heddle.matmul %q, %k : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %s : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  return %o : tensor<1x2x4x4xf32>
}

// -----

// As many keys as components of v: v transposed.
// CHECK-LABEL: func @square_values
// CHECK: [[V:%.*]] = heddle.transpose %arg2 {permutation = array<i64: 0, 1, 3, 2>}
// CHECK: heddle.attention %arg0, %arg1, [[V]]
func.func @square_values(%q: tensor<1x2x4x4xf32>, %k: tensor<1x2x4x4xf32>, %v: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %s : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v {transpose_b} : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  return %o : tensor<1x2x4x4xf32>
}

// -----

// The weights are transposed in the product with v.
// CHECK-LABEL: func @transposed_weights
// CHECK-NOT: heddle.attention
func.func @transposed_weights(%q: tensor<1x2x4x4xf32>, %k: tensor<1x2x4x4xf32>, %v: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %s : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v {transpose_a} : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  return %o : tensor<1x2x4x4xf32>
}

// -----

// A cap with another factor outside than inside.
// CHECK-LABEL: func @uneven_cap
// CHECK-NOT: heddle.attention
func.func @uneven_cap(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %c = heddle.constant dense<0.5> : tensor<f32>
  %d = heddle.constant dense<3.0> : tensor<f32>
  %t = heddle.mul %s, %c : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %h = heddle.tanh %t : tensor<1x2x4x4xf32>
  %u = heddle.mul %h, %d : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %u : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// A bias behind the cap.
// CHECK-LABEL: func @bias_behind_cap
// CHECK-NOT: heddle.attention
func.func @bias_behind_cap(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %b: tensor<4x4xf32>) -> tensor<1x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %c = heddle.constant dense<0.5> : tensor<f32>
  %d = heddle.constant dense<2.0> : tensor<f32>
  %t = heddle.mul %s, %c : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %h = heddle.tanh %t : tensor<1x2x4x4xf32>
  %u = heddle.mul %h, %d : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %w = heddle.add %u, %b : (tensor<1x2x4x4xf32>, tensor<4x4xf32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %w : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// A scale over a bias.
// CHECK-LABEL: func @scale_over_bias
// CHECK-NOT: heddle.attention
func.func @scale_over_bias(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %b: tensor<4x4xf32>) -> tensor<1x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %c = heddle.constant dense<0.5> : tensor<f32>
  %t = heddle.add %s, %b : (tensor<1x2x4x4xf32>, tensor<4x4xf32>) -> tensor<1x2x4x4xf32>
  %u = heddle.mul %t, %c : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %u : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// Two biases.
// CHECK-LABEL: func @two_biases
// CHECK-NOT: heddle.attention
func.func @two_biases(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %a: tensor<4x4xf32>, %b: tensor<4x4xf32>) -> tensor<1x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %t = heddle.add %s, %a : (tensor<1x2x4x4xf32>, tensor<4x4xf32>) -> tensor<1x2x4x4xf32>
  %u = heddle.add %t, %b : (tensor<1x2x4x4xf32>, tensor<4x4xf32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %u : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// Only k is repeated: it stays so.
// CHECK-LABEL: func @keys_repeated
// CHECK: heddle.broadcast
// CHECK: heddle.attention %arg0, %{{.*}}, %arg2 {scale = 1.0
// CHECK-SAME: (tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>)
func.func @keys_repeated(%q: tensor<1x4x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32> {
  %a1 = heddle.reshape %k : tensor<1x2x4x8xf32> -> tensor<1x2x1x4x8xf32>
  %b1 = heddle.broadcast %a1 : tensor<1x2x1x4x8xf32> -> tensor<1x2x2x4x8xf32>
  %c1 = heddle.reshape %b1 : tensor<1x2x2x4x8xf32> -> tensor<1x4x4x8xf32>
  %s = heddle.matmul %q, %c1 {transpose_b} : (tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>) -> tensor<1x4x4x4xf32>
  %p = heddle.softmax %s : tensor<1x4x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x4x4x4xf32>, tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
  return %o : tensor<1x4x4x8xf32>
}

// -----

// Heads taken in turn (0, 1, 0, 1) are not heads repeated (0, 0, 1, 1).
// CHECK-LABEL: func @heads_in_turn
// CHECK-COUNT-2: heddle.broadcast
// CHECK: heddle.attention %arg0, %{{.*}}, %{{.*}} {scale = 1.0
// CHECK-SAME: (tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>)
func.func @heads_in_turn(%q: tensor<1x4x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> tensor<1x4x4x8xf32> {
  %a1 = heddle.reshape %k : tensor<1x2x4x8xf32> -> tensor<1x1x2x4x8xf32>
  %b1 = heddle.broadcast %a1 : tensor<1x1x2x4x8xf32> -> tensor<1x2x2x4x8xf32>
  %c1 = heddle.reshape %b1 : tensor<1x2x2x4x8xf32> -> tensor<1x4x4x8xf32>
  %a2 = heddle.reshape %v : tensor<1x2x4x8xf32> -> tensor<1x1x2x4x8xf32>
  %b2 = heddle.broadcast %a2 : tensor<1x1x2x4x8xf32> -> tensor<1x2x2x4x8xf32>
  %c2 = heddle.reshape %b2 : tensor<1x2x2x4x8xf32> -> tensor<1x4x4x8xf32>
  %s = heddle.matmul %q, %c1 {transpose_b} : (tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>) -> tensor<1x4x4x4xf32>
  %p = heddle.softmax %s : tensor<1x4x4x4xf32>
  %o = heddle.matmul %p, %c2 : (tensor<1x4x4x4xf32>, tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
  return %o : tensor<1x4x4x8xf32>
}

// -----

// Two dropouts.
// CHECK-LABEL: func @two_dropouts
// CHECK-NOT: heddle.attention
func.func @two_dropouts(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %rng: tensor<3xi64>) -> tensor<1x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %s : tensor<1x2x4x4xf32>
  %d = heddle.dropout %p, %rng {p = 0.5, rng_id = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<3xi64>) -> tensor<1x2x4x4xf32>
  %e = heddle.dropout %d, %rng {p = 0.25, rng_id = 2 : i64} : (tensor<1x2x4x4xf32>, tensor<3xi64>) -> tensor<1x2x4x4xf32>
  %o = heddle.matmul %e, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// The weights are read behind the dropout.
// CHECK-LABEL: func @dropped_weights_read
// CHECK-NOT: heddle.attention
func.func @dropped_weights_read(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %rng: tensor<3xi64>) -> (tensor<1x2x4x8xf32>, tensor<1x2x4x4xf32>) {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %s : tensor<1x2x4x4xf32>
  %d = heddle.dropout %p, %rng {p = 0.5, rng_id = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<3xi64>) -> tensor<1x2x4x4xf32>
  %o = heddle.matmul %d, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o, %d : tensor<1x2x4x8xf32>, tensor<1x2x4x4xf32>
}
