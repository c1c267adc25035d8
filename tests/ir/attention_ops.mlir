// RUN: heddle-opt %s | heddle-opt | FileCheck %s
// RUN: heddle-opt %s --mlir-print-op-generic | heddle-opt | FileCheck %s

// CHECK-LABEL: func.func @plain
func.func @plain(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x4xf32>) -> tensor<2x6x5x4xf32> {
  // CHECK: heddle.attention %{{.*}}, %{{.*}}, %{{.*}} {causal, scale = 1.250000e-01 : f64, window = 4 : i64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x4xf32>) -> (tensor<2x6x5x4xf32>, tensor<2x6x5xf32>)
  %0:2 = heddle.attention %q, %k, %v {scale = 0.125 : f64, causal, window = 4 : i64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x4xf32>) -> (tensor<2x6x5x4xf32>, tensor<2x6x5xf32>)
  return %0#0 : tensor<2x6x5x4xf32>
}

// CHECK-LABEL: func.func @everything
func.func @everything(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %bias: tensor<6x1x7xf32>, %mask: tensor<2x7xi32>, %lengths: tensor<2xi32>, %rng: tensor<3xi64>) -> tensor<2x6x5x8xf32> {
  // CHECK: heddle.attention %{{.*}}, %{{.*}}, %{{.*}} bias(%{{.*}}) key_mask(%{{.*}}) kv_lengths(%{{.*}}) rng(%{{.*}}) {dropout = 1.000000e-01 : f64, rng_id = 3 : i64, scale = 1.000000e+00 : f64, soft_cap = 5.000000e+01 : f64}
  %0:2 = heddle.attention %q, %k, %v bias(%bias) key_mask(%mask) kv_lengths(%lengths) rng(%rng) {scale = 1.0 : f64, soft_cap = 50.0 : f64, dropout = 0.1 : f64, rng_id = 3 : i64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>, tensor<6x1x7xf32>, tensor<2x7xi32>, tensor<2xi32>, tensor<3xi64>) -> (tensor<2x6x5x8xf32>, tensor<2x6x5xf32>)
  // CHECK: heddle.attention_grad %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} bias(%{{.*}}) key_mask(%{{.*}}) kv_lengths(%{{.*}}) rng(%{{.*}}) {
  %1:4 = heddle.attention_grad %q, %k, %v, %0#0, %0#1, %0#0 bias(%bias) key_mask(%mask) kv_lengths(%lengths) rng(%rng) {scale = 1.0 : f64, soft_cap = 50.0 : f64, dropout = 0.1 : f64, rng_id = 3 : i64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>, tensor<2x6x5x8xf32>, tensor<2x6x5xf32>, tensor<2x6x5x8xf32>, tensor<6x1x7xf32>, tensor<2x7xi32>, tensor<2xi32>, tensor<3xi64>) -> (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>, tensor<6x1x7xf32>)
  return %1#0 : tensor<2x6x5x8xf32>
}
