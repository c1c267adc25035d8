// SPDX-License-Identifier: Apache-2.0
// RUN: heddle-opt %s --split-input-file --heddle-fuse-attention | FileCheck %s

// CHECK-LABEL: func @causal
// CHECK: %[[O:.*]], %{{.*}} = heddle.attention %arg0, %arg1, %arg2 {causal, scale = 0.3535
// CHECK-NOT: heddle.softmax
// CHECK: return %[[O]]
func.func @causal(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>)
    -> tensor<1x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %c = heddle.constant dense<0.353553385> : tensor<f32>
  %t = heddle.mul %s, %c : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %m = heddle.causal_mask : tensor<4x4xi1>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %u = heddle.select %m, %t, %n : (tensor<4x4xi1>, tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %u : tensor<1x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// The scale on q, k transposed beforehand, a key mask, a window, lengths, dropout and a cap.
// CHECK-LABEL: func @everything
// CHECK: heddle.attention %arg0, %arg1, %arg2 bias(%arg3) key_mask(%arg4) kv_lengths(%arg5) rng(%arg6)
// CHECK-SAME: causal, dropout = 1.000000e-01 : f64, rng_id = 5 : i64, scale = 2.500000e-01 : f64, soft_cap = 5.000000e+01 : f64, window = 2 : i64
func.func @everything(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>,
    %bias: tensor<2x1x4xf32>, %keys: tensor<1x4xi32>, %lengths: tensor<1xi32>, %rng: tensor<3xi64>)
    -> tensor<1x2x4x8xf32> {
  %c = heddle.constant dense<4.0> : tensor<f32>
  %qs = heddle.div %q, %c : (tensor<1x2x4x8xf32>, tensor<f32>) -> tensor<1x2x4x8xf32>
  %kt = heddle.transpose %k {permutation = array<i64: 0, 1, 3, 2>} : (tensor<1x2x4x8xf32>) -> tensor<1x2x8x4xf32>
  %s = heddle.matmul %qs, %kt : (tensor<1x2x4x8xf32>, tensor<1x2x8x4xf32>) -> tensor<1x2x4x4xf32>
  %b = heddle.add %bias, %s : (tensor<2x1x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %cap = heddle.constant dense<50.0> : tensor<f32>
  %d = heddle.div %b, %cap : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %h = heddle.tanh %d : tensor<1x2x4x4xf32>
  %e = heddle.mul %h, %cap : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %m0 = heddle.causal_mask {window = 2 : i64} : tensor<4x4xi1>
  %zero = heddle.constant dense<0> : tensor<i32>
  %k0 = heddle.reshape %keys : tensor<1x4xi32> -> tensor<1x1x1x4xi32>
  %m1 = heddle.compare ne %k0, %zero : (tensor<1x1x1x4xi32>, tensor<i32>) -> tensor<1x1x1x4xi1>
  %l0 = heddle.length_mask %lengths : tensor<1xi32> -> tensor<1x4xi1>
  %m2 = heddle.reshape %l0 : tensor<1x4xi1> -> tensor<1x1x1x4xi1>
  %m3 = heddle.logical_and %m1, %m0 : (tensor<1x1x1x4xi1>, tensor<4x4xi1>) -> tensor<1x1x4x4xi1>
  %m4 = heddle.logical_and %m3, %m2 : (tensor<1x1x4x4xi1>, tensor<1x1x1x4xi1>) -> tensor<1x1x4x4xi1>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %u = heddle.select %m4, %e, %n : (tensor<1x1x4x4xi1>, tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %p = heddle.softmax %u : tensor<1x2x4x4xf32>
  %w = heddle.dropout %p, %rng {p = 0.1 : f64, rng_id = 5 : i64} : (tensor<1x2x4x4xf32>, tensor<3xi64>) -> tensor<1x2x4x4xf32>
  %o = heddle.matmul %w, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %o : tensor<1x2x4x8xf32>
}

// -----

// Four query heads share two key heads.
// CHECK-LABEL: func @grouped
// CHECK-DAG: %[[Q:.*]] = heddle.reshape %arg0 : tensor<1x2x2x4x8xf32> -> tensor<1x4x4x8xf32>
// CHECK-DAG: %[[K:.*]] = heddle.reshape %arg1 : tensor<1x2x1x4x8xf32> -> tensor<1x2x4x8xf32>
// CHECK-DAG: %[[V:.*]] = heddle.reshape %arg2 : tensor<1x2x1x4x8xf32> -> tensor<1x2x4x8xf32>
// CHECK: %[[O:.*]], %{{.*}} = heddle.attention %[[Q]], %[[K]], %[[V]] key_mask(%arg3) {scale = 5.0
// CHECK: %[[Y:.*]] = heddle.reshape %[[O]] : tensor<1x4x4x8xf32> -> tensor<1x2x2x4x8xf32>
// CHECK: return %[[Y]]
func.func @grouped(%q: tensor<1x2x2x4x8xf32>, %k: tensor<1x2x1x4x8xf32>, %v: tensor<1x2x1x4x8xf32>,
                   %keys: tensor<1x4xi32>) -> tensor<1x2x2x4x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x2x4x8xf32>, tensor<1x2x1x4x8xf32>) -> tensor<1x2x2x4x4xf32>
  %c = heddle.constant dense<0.5> : tensor<f32>
  %t = heddle.mul %s, %c : (tensor<1x2x2x4x4xf32>, tensor<f32>) -> tensor<1x2x2x4x4xf32>
  %zero = heddle.constant dense<0> : tensor<i32>
  %m = heddle.compare ne %keys, %zero : (tensor<1x4xi32>, tensor<i32>) -> tensor<1x4xi1>
  %mr = heddle.reshape %m : tensor<1x4xi1> -> tensor<1x1x1x1x4xi1>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %u = heddle.select %mr, %t, %n : (tensor<1x1x1x1x4xi1>, tensor<1x2x2x4x4xf32>, tensor<f32>) -> tensor<1x2x2x4x4xf32>
  %p = heddle.softmax %u : tensor<1x2x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<1x2x2x4x4xf32>, tensor<1x2x1x4x8xf32>) -> tensor<1x2x2x4x8xf32>
  return %o : tensor<1x2x2x4x8xf32>
}

// -----

// Key heads that were repeated beforehand are taken unrepeated.
// CHECK-LABEL: func @repeated
// CHECK: heddle.attention %arg0, %arg1, %arg2 {scale = 1.0
// CHECK-SAME: (tensor<1x4x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>)
// CHECK-NOT: heddle.broadcast
func.func @repeated(%q: tensor<1x4x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> tensor<1x4x4x8xf32> {
  %k1 = heddle.reshape %k : tensor<1x2x4x8xf32> -> tensor<1x2x1x4x8xf32>
  %k2 = heddle.broadcast %k1 : tensor<1x2x1x4x8xf32> -> tensor<1x2x2x4x8xf32>
  %k3 = heddle.reshape %k2 : tensor<1x2x2x4x8xf32> -> tensor<1x4x4x8xf32>
  %v1 = heddle.reshape %v : tensor<1x2x4x8xf32> -> tensor<1x2x1x4x8xf32>
  %v2 = heddle.broadcast %v1 : tensor<1x2x1x4x8xf32> -> tensor<1x2x2x4x8xf32>
  %v3 = heddle.reshape %v2 : tensor<1x2x2x4x8xf32> -> tensor<1x4x4x8xf32>
  %s = heddle.matmul %q, %k3 {transpose_b} : (tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>) -> tensor<1x4x4x4xf32>
  %p = heddle.softmax %s : tensor<1x4x4x4xf32>
  %o = heddle.matmul %p, %v3 : (tensor<1x4x4x4xf32>, tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
  return %o : tensor<1x4x4x8xf32>
}

// -----

// An additive mask, and a mask that is a constant: a window without causality.
// CHECK-LABEL: func @additive
// CHECK: heddle.attention %arg0, %arg1, %arg2 {scale = 1.000000e+00 : f64, window = 2 : i64}
func.func @additive(%q: tensor<1x1x3x8xf32>, %k: tensor<1x1x3x8xf32>, %v: tensor<1x1x3x8xf32>) -> tensor<1x1x3x8xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x1x3x8xf32>, tensor<1x1x3x8xf32>) -> tensor<1x1x3x3xf32>
  %m = heddle.constant dense<[[true, true, true], [true, true, true], [false, true, true]]> : tensor<3x3xi1>
  %zero = heddle.constant dense<0.0> : tensor<f32>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %b = heddle.select %m, %zero, %n : (tensor<3x3xi1>, tensor<f32>, tensor<f32>) -> tensor<3x3xf32>
  %u = heddle.add %s, %b : (tensor<1x1x3x3xf32>, tensor<3x3xf32>) -> tensor<1x1x3x3xf32>
  %p = heddle.softmax %u : tensor<1x1x3x3xf32>
  %o = heddle.matmul %p, %v : (tensor<1x1x3x3xf32>, tensor<1x1x3x8xf32>) -> tensor<1x1x3x8xf32>
  return %o : tensor<1x1x3x8xf32>
}

// -----

// A very negative constant is as good as -infinity where each query sees a key.
// CHECK-LABEL: func @finite_mask
// CHECK: heddle.attention %arg0, %arg1, %arg2 {causal, scale = 1.000000e+00 : f64}
func.func @finite_mask(%q: tensor<1x1x3x8xf32>, %k: tensor<1x1x5x8xf32>, %v: tensor<1x1x5x4xf32>) -> tensor<1x1x3x4xf32> {
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x1x3x8xf32>, tensor<1x1x5x8xf32>) -> tensor<1x1x3x5xf32>
  %m = heddle.causal_mask : tensor<3x5xi1>
  %n = heddle.constant dense<-1.0e30> : tensor<f32>
  %u = heddle.select %m, %s, %n : (tensor<3x5xi1>, tensor<1x1x3x5xf32>, tensor<f32>) -> tensor<1x1x3x5xf32>
  %p = heddle.softmax %u : tensor<1x1x3x5xf32>
  %o = heddle.matmul %p, %v : (tensor<1x1x3x5xf32>, tensor<1x1x5x4xf32>) -> tensor<1x1x3x4xf32>
  return %o : tensor<1x1x3x4xf32>
}

// -----

// ALiBi whose positions are counted from the key mask: a bias over keys, made by a product by a
// matrix, on either side of the sum.
// CHECK-LABEL: func @alibi
// CHECK: %[[PLACE:.*]] = heddle.reshape
// CHECK: %[[BIAS:.*]] = heddle.mul %{{.*}}, %[[PLACE]]
// CHECK: heddle.attention %arg0, %arg1, %arg2 bias(%[[BIAS]]) key_mask(%arg3) {causal, scale = 2.500000e-01 : f64}
// CHECK-NOT: heddle.softmax
func.func @alibi(%q: tensor<3x2x4x8xf32>, %k: tensor<3x2x4x8xf32>, %v: tensor<3x2x4x8xf32>, %keys: tensor<3x4xi32>)
    -> tensor<3x2x4x8xf32> {
  %m0 = heddle.causal_mask : tensor<4x4xi1>
  %tri = heddle.cast %m0 : tensor<4x4xi1> -> tensor<4x4xf32>
  %seen = heddle.cast %keys : tensor<3x4xi32> -> tensor<3x4xf32>
  %count = heddle.matmul %seen, %tri {transpose_b} : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %place = heddle.reshape %count : tensor<3x4xf32> -> tensor<3x1x1x4xf32>
  %slopes = heddle.constant dense<[[[[0.0625]], [[0.00390625]]]]> : tensor<1x2x1x1xf32>
  %bias = heddle.mul %slopes, %place : (tensor<1x2x1x1xf32>, tensor<3x1x1x4xf32>) -> tensor<3x2x1x4xf32>
  %s = heddle.matmul %q, %k {transpose_b} : (tensor<3x2x4x8xf32>, tensor<3x2x4x8xf32>) -> tensor<3x2x4x4xf32>
  %c = heddle.constant dense<0.25> : tensor<f32>
  %t = heddle.mul %s, %c : (tensor<3x2x4x4xf32>, tensor<f32>) -> tensor<3x2x4x4xf32>
  %b = heddle.add %bias, %t : (tensor<3x2x1x4xf32>, tensor<3x2x4x4xf32>) -> tensor<3x2x4x4xf32>
  %zero = heddle.constant dense<0> : tensor<i32>
  %rows = heddle.reshape %keys : tensor<3x4xi32> -> tensor<3x1x1x4xi32>
  %m1 = heddle.compare ne %rows, %zero : (tensor<3x1x1x4xi32>, tensor<i32>) -> tensor<3x1x1x4xi1>
  %m = heddle.logical_and %m0, %m1 : (tensor<4x4xi1>, tensor<3x1x1x4xi1>) -> tensor<3x1x4x4xi1>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %u = heddle.select %m, %b, %n : (tensor<3x1x4x4xi1>, tensor<3x2x4x4xf32>, tensor<f32>) -> tensor<3x2x4x4xf32>
  %p = heddle.softmax %u : tensor<3x2x4x4xf32>
  %o = heddle.matmul %p, %v : (tensor<3x2x4x4xf32>, tensor<3x2x4x8xf32>) -> tensor<3x2x4x8xf32>
  return %o : tensor<3x2x4x8xf32>
}
