// SPDX-License-Identifier: Apache-2.0
// Masks one step away from what matches: what is fused must mean the same (PassEquivalenceTest evaluates both
// forms), what must not be fused is not.
// RUN: heddle-opt %s --split-input-file --heddle-fuse-attention | FileCheck %s

// Masked scores of -100 can win over others that are lower.
// CHECK-LABEL: func @minus_hundred
// CHECK-NOT: heddle.attention
func.func @minus_hundred(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %m = heddle.causal_mask : tensor<4x4xi1>
  %n = heddle.constant dense<-100.0> : tensor<f32>
  %u = heddle.select %m, %s, %n : (tensor<4x4xi1>, tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %u : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// Of two windows the narrower holds.
// CHECK-LABEL: func @two_windows
// CHECK: heddle.attention %arg0, %arg1, %arg2 {causal, {{.*}}window = 2 : i64}
func.func @two_windows(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %a = heddle.causal_mask {window = 3 : i64} : tensor<4x4xi1>
  %b = heddle.causal_mask {window = 2 : i64} : tensor<4x4xi1>
  %m = heddle.logical_and %a, %b : (tensor<4x4xi1>, tensor<4x4xi1>) -> tensor<4x4xi1>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %u = heddle.select %m, %s, %n : (tensor<4x4xi1>, tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %u : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// Two key masks.
// CHECK-LABEL: func @two_key_masks
// CHECK-NOT: heddle.attention
func.func @two_key_masks(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %a: tensor<1x4xi32>, %b: tensor<1x4xi32>) -> tensor<1x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %z1 = heddle.constant dense<0> : tensor<i32>
  %e1 = heddle.compare ne %a, %z1 : (tensor<1x4xi32>, tensor<i32>) -> tensor<1x4xi1>
  %f1 = heddle.reshape %e1 : tensor<1x4xi1> -> tensor<1x1x1x4xi1>
  %z2 = heddle.constant dense<0> : tensor<i32>
  %e2 = heddle.compare ne %b, %z2 : (tensor<1x4xi32>, tensor<i32>) -> tensor<1x4xi1>
  %f2 = heddle.reshape %e2 : tensor<1x4xi1> -> tensor<1x1x1x4xi1>
  %m = heddle.logical_and %f1, %f2 : (tensor<1x1x1x4xi1>, tensor<1x1x1x4xi1>) -> tensor<1x1x1x4xi1>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %u = heddle.select %m, %s, %n : (tensor<1x1x1x4xi1>, tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %u : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// The same key mask twice is one.
// CHECK-LABEL: func @one_key_mask_twice
// CHECK: heddle.attention %arg0, %arg1, %arg2 key_mask(%arg3)
func.func @one_key_mask_twice(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %a: tensor<1x4xi32>) -> tensor<1x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %z1 = heddle.constant dense<0> : tensor<i32>
  %e1 = heddle.compare ne %a, %z1 : (tensor<1x4xi32>, tensor<i32>) -> tensor<1x4xi1>
  %f1 = heddle.reshape %e1 : tensor<1x4xi1> -> tensor<1x1x1x4xi1>
  %z2 = heddle.constant dense<0> : tensor<i32>
  %e2 = heddle.compare ne %a, %z2 : (tensor<1x4xi32>, tensor<i32>) -> tensor<1x4xi1>
  %f2 = heddle.reshape %e2 : tensor<1x4xi1> -> tensor<1x1x1x4xi1>
  %m = heddle.logical_and %f1, %f2 : (tensor<1x1x1x4xi1>, tensor<1x1x1x4xi1>) -> tensor<1x1x1x4xi1>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %u = heddle.select %m, %s, %n : (tensor<1x1x1x4xi1>, tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %u : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// A key mask that counts zeros.
// CHECK-LABEL: func @inverted_keys
// CHECK-NOT: heddle.attention
func.func @inverted_keys(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %a: tensor<1x4xi32>) -> tensor<1x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %z = heddle.constant dense<0> : tensor<i32>
  %e = heddle.compare eq %a, %z : (tensor<1x4xi32>, tensor<i32>) -> tensor<1x4xi1>
  %m = heddle.reshape %e : tensor<1x4xi1> -> tensor<1x1x1x4xi1>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %u = heddle.select %m, %s, %n : (tensor<1x1x1x4xi1>, tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %u : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// A mask over queries, not keys.
// CHECK-LABEL: func @query_mask
// CHECK-NOT: heddle.attention
func.func @query_mask(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %a: tensor<1x4xi32>) -> tensor<1x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %z = heddle.constant dense<0> : tensor<i32>
  %e = heddle.compare ne %a, %z : (tensor<1x4xi32>, tensor<i32>) -> tensor<1x4xi1>
  %m = heddle.reshape %e : tensor<1x4xi1> -> tensor<1x1x4x1xi1>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %u = heddle.select %m, %s, %n : (tensor<1x1x4x1xi1>, tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %u : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// Two lengths.
// CHECK-LABEL: func @two_lengths
// CHECK-NOT: heddle.attention
func.func @two_lengths(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %a: tensor<1xi32>, %b: tensor<1xi32>) -> tensor<1x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %l1 = heddle.length_mask %a : tensor<1xi32> -> tensor<1x4xi1>
  %f1 = heddle.reshape %l1 : tensor<1x4xi1> -> tensor<1x1x1x4xi1>
  %l2 = heddle.length_mask %b : tensor<1xi32> -> tensor<1x4xi1>
  %f2 = heddle.reshape %l2 : tensor<1x4xi1> -> tensor<1x1x1x4xi1>
  %m = heddle.logical_and %f1, %f2 : (tensor<1x1x1x4xi1>, tensor<1x1x1x4xi1>) -> tensor<1x1x1x4xi1>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %u = heddle.select %m, %s, %n : (tensor<1x1x1x4xi1>, tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %u : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// Constants: a causal window over more keys than queries.
// CHECK-LABEL: func @constant_causal_window
// CHECK: heddle.attention %arg0, %arg1, %arg2 {causal, {{.*}}window = 2 : i64}
func.func @constant_causal_window(%q: tensor<1x1x3x8xf32>, %k: tensor<1x1x5x8xf32>, %v: tensor<1x1x5x8xf32>) -> tensor<1x1x3x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x1x3x8xf32>, tensor<1x1x5x8xf32>) -> tensor<1x1x3x5xf32>
  %m = heddle.constant dense<[[false, true, true, false, false], [false, false, true, true, false], [false, false, false, true, true]]> : tensor<3x5xi1>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %u = heddle.select %m, %s, %n : (tensor<3x5xi1>, tensor<1x1x3x5xf32>, tensor<f32>) -> tensor<1x1x3x5xf32>
  %p = heddle.softmax %u : tensor<1x1x3x5xf32>
  %o = heddle.matmul %p, %v : (tensor<1x1x3x5xf32>, tensor<1x1x5x8xf32>) -> tensor<1x1x3x8xf32>
  return %o : tensor<1x1x3x8xf32>
}

// -----

// The window alone.
// CHECK-LABEL: func @constant_window
// CHECK: heddle.attention %arg0, %arg1, %arg2 {scale = 1.000000e+00 : f64, window = 2 : i64}
func.func @constant_window(%q: tensor<1x1x3x8xf32>, %k: tensor<1x1x5x8xf32>, %v: tensor<1x1x5x8xf32>) -> tensor<1x1x3x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x1x3x8xf32>, tensor<1x1x5x8xf32>) -> tensor<1x1x3x5xf32>
  %m = heddle.constant dense<[[false, true, true, true, true], [false, false, true, true, true], [false, false, false, true, true]]> : tensor<3x5xi1>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %u = heddle.select %m, %s, %n : (tensor<3x5xi1>, tensor<1x1x3x5xf32>, tensor<f32>) -> tensor<1x1x3x5xf32>
  %p = heddle.softmax %u : tensor<1x1x3x5xf32>
  %o = heddle.matmul %p, %v : (tensor<1x1x3x5xf32>, tensor<1x1x5x8xf32>) -> tensor<1x1x3x8xf32>
  return %o : tensor<1x1x3x8xf32>
}

// -----

// Causal alone.
// CHECK-LABEL: func @constant_causal
// CHECK: heddle.attention %arg0, %arg1, %arg2 {causal, scale = 1.000000e+00 : f64}
func.func @constant_causal(%q: tensor<1x1x3x8xf32>, %k: tensor<1x1x5x8xf32>, %v: tensor<1x1x5x8xf32>) -> tensor<1x1x3x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x1x3x8xf32>, tensor<1x1x5x8xf32>) -> tensor<1x1x3x5xf32>
  %m = heddle.constant dense<[[true, true, true, false, false], [true, true, true, true, false], [true, true, true, true, true]]> : tensor<3x5xi1>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %u = heddle.select %m, %s, %n : (tensor<3x5xi1>, tensor<1x1x3x5xf32>, tensor<f32>) -> tensor<1x1x3x5xf32>
  %p = heddle.softmax %u : tensor<1x1x3x5xf32>
  %o = heddle.matmul %p, %v : (tensor<1x1x3x5xf32>, tensor<1x1x5x8xf32>) -> tensor<1x1x3x8xf32>
  return %o : tensor<1x1x3x8xf32>
}

// -----

// Causal from the upper left corner is another mask.
// CHECK-LABEL: func @constant_top_left
// CHECK-NOT: heddle.attention
func.func @constant_top_left(%q: tensor<1x1x3x8xf32>, %k: tensor<1x1x5x8xf32>, %v: tensor<1x1x5x8xf32>) -> tensor<1x1x3x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x1x3x8xf32>, tensor<1x1x5x8xf32>) -> tensor<1x1x3x5xf32>
  %m = heddle.constant dense<[[true, false, false, false, false], [true, true, false, false, false], [true, true, true, false, false]]> : tensor<3x5xi1>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %u = heddle.select %m, %s, %n : (tensor<3x5xi1>, tensor<1x1x3x5xf32>, tensor<f32>) -> tensor<1x1x3x5xf32>
  %p = heddle.softmax %u : tensor<1x1x3x5xf32>
  %o = heddle.matmul %p, %v : (tensor<1x1x3x5xf32>, tensor<1x1x5x8xf32>) -> tensor<1x1x3x8xf32>
  return %o : tensor<1x1x3x8xf32>
}

// -----

// A causal mask with a hole.
// CHECK-LABEL: func @constant_hole
// CHECK-NOT: heddle.attention
func.func @constant_hole(%q: tensor<1x1x3x8xf32>, %k: tensor<1x1x5x8xf32>, %v: tensor<1x1x5x8xf32>) -> tensor<1x1x3x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x1x3x8xf32>, tensor<1x1x5x8xf32>) -> tensor<1x1x3x5xf32>
  %m = heddle.constant dense<[[true, true, true, false, false], [true, false, true, true, false], [true, true, true, true, true]]> : tensor<3x5xi1>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %u = heddle.select %m, %s, %n : (tensor<3x5xi1>, tensor<1x1x3x5xf32>, tensor<f32>) -> tensor<1x1x3x5xf32>
  %p = heddle.softmax %u : tensor<1x1x3x5xf32>
  %o = heddle.matmul %p, %v : (tensor<1x1x3x5xf32>, tensor<1x1x5x8xf32>) -> tensor<1x1x3x8xf32>
  return %o : tensor<1x1x3x8xf32>
}

// -----

// A query that sees nothing has no weights; the fused op gives zeros.
// CHECK-LABEL: func @constant_nothing
// CHECK-NOT: heddle.attention
func.func @constant_nothing(%q: tensor<1x1x3x8xf32>, %k: tensor<1x1x5x8xf32>, %v: tensor<1x1x5x8xf32>) -> tensor<1x1x3x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x1x3x8xf32>, tensor<1x1x5x8xf32>) -> tensor<1x1x3x5xf32>
  %m = heddle.constant dense<[[true, true, true, false, false], [false, false, false, false, false], [true, true, true, true, true]]> : tensor<3x5xi1>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %u = heddle.select %m, %s, %n : (tensor<3x5xi1>, tensor<1x1x3x5xf32>, tensor<f32>) -> tensor<1x1x3x5xf32>
  %p = heddle.softmax %u : tensor<1x1x3x5xf32>
  %o = heddle.matmul %p, %v : (tensor<1x1x3x5xf32>, tensor<1x1x5x8xf32>) -> tensor<1x1x3x8xf32>
  return %o : tensor<1x1x3x8xf32>
}
