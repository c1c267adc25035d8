// RUN: heddle-opt %s | heddle-opt | FileCheck %s
// RUN: heddle-opt %s --mlir-print-op-generic | heddle-opt | FileCheck %s

// CHECK-LABEL: func.func @binary
func.func @binary(%x: tensor<2x3xf32>, %row: tensor<3xf32>, %s: tensor<f32>) -> tensor<2x3xf32> {
  // CHECK: heddle.add %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %0 = heddle.add %x, %row : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: heddle.sub {{.*}} : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %1 = heddle.sub %0, %s : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  // CHECK: heddle.mul
  %2 = heddle.mul %1, %x : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: heddle.div
  %3 = heddle.div %2, %x : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: heddle.maximum
  %4 = heddle.maximum %3, %s : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  // CHECK: heddle.minimum
  %5 = heddle.minimum %4, %s : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  return %5 : tensor<2x3xf32>
}

// Axes of size 1 on both sides are repeated.
// CHECK-LABEL: func.func @outer
func.func @outer(%a: tensor<4x1xf64>, %b: tensor<1x5xf64>) -> tensor<4x5xf64> {
  // CHECK: heddle.add {{.*}} : (tensor<4x1xf64>, tensor<1x5xf64>) -> tensor<4x5xf64>
  %0 = heddle.add %a, %b : (tensor<4x1xf64>, tensor<1x5xf64>) -> tensor<4x5xf64>
  return %0 : tensor<4x5xf64>
}

// CHECK-LABEL: func.func @unary
func.func @unary(%x: tensor<7xf32>) -> tensor<7xf32> {
  // CHECK: heddle.neg %{{.*}} : tensor<7xf32>
  %0 = heddle.neg %x : tensor<7xf32>
  // CHECK: heddle.exp
  %1 = heddle.exp %0 : tensor<7xf32>
  // CHECK: heddle.log
  %2 = heddle.log %1 : tensor<7xf32>
  // CHECK: heddle.sqrt
  %3 = heddle.sqrt %2 : tensor<7xf32>
  // CHECK: heddle.rsqrt
  %4 = heddle.rsqrt %3 : tensor<7xf32>
  // CHECK: heddle.tanh
  %5 = heddle.tanh %4 : tensor<7xf32>
  // CHECK: heddle.erf
  %6 = heddle.erf %5 : tensor<7xf32>
  // CHECK: heddle.sigmoid
  %7 = heddle.sigmoid %6 : tensor<7xf32>
  // CHECK: heddle.relu
  %8 = heddle.relu %7 : tensor<7xf32>
  // CHECK: heddle.silu
  %9 = heddle.silu %8 : tensor<7xf32>
  // CHECK: heddle.gelu %{{.*}} : tensor<7xf32>
  %10 = heddle.gelu %9 : tensor<7xf32>
  // CHECK: heddle.gelu %{{.*}} {tanh_approximation} : tensor<7xf32>
  %11 = heddle.gelu %10 {tanh_approximation} : tensor<7xf32>
  return %11 : tensor<7xf32>
}

// CHECK-LABEL: func.func @activation_gradients
func.func @activation_gradients(%x: tensor<7xf32>, %dy: tensor<7xf32>) -> tensor<7xf32> {
  // CHECK: heddle.relu_grad %{{.*}}, %{{.*}} : tensor<7xf32>
  %0 = heddle.relu_grad %x, %dy : tensor<7xf32>
  // CHECK: heddle.silu_grad
  %1 = heddle.silu_grad %x, %0 : tensor<7xf32>
  // CHECK: heddle.gelu_grad %{{.*}}, %{{.*}} {tanh_approximation} : tensor<7xf32>
  %2 = heddle.gelu_grad %x, %1 {tanh_approximation} : tensor<7xf32>
  return %2 : tensor<7xf32>
}

// CHECK-LABEL: func.func @masks
func.func @masks(%ids: tensor<2x4xi32>, %lengths: tensor<2xi64>, %x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  // CHECK: heddle.constant dense<0> : tensor<i32>
  %zero = heddle.constant dense<0> : tensor<i32>
  // CHECK: heddle.compare ne %{{.*}}, %{{.*}} : (tensor<2x4xi32>, tensor<i32>) -> tensor<2x4xi1>
  %0 = heddle.compare ne %ids, %zero : (tensor<2x4xi32>, tensor<i32>) -> tensor<2x4xi1>
  // CHECK: heddle.length_mask %{{.*}} : tensor<2xi64> -> tensor<2x4xi1>
  %1 = heddle.length_mask %lengths : tensor<2xi64> -> tensor<2x4xi1>
  // CHECK: heddle.causal_mask {window = 3 : i64} : tensor<2x4xi1>
  %2 = heddle.causal_mask {window = 3 : i64} : tensor<2x4xi1>
  // CHECK: heddle.logical_and
  %3 = heddle.logical_and %0, %1 : (tensor<2x4xi1>, tensor<2x4xi1>) -> tensor<2x4xi1>
  %4 = heddle.logical_and %3, %2 : (tensor<2x4xi1>, tensor<2x4xi1>) -> tensor<2x4xi1>
  // CHECK: heddle.constant dense<0xFF800000> : tensor<f32>
  %inf = heddle.constant dense<0xFF800000> : tensor<f32>
  // CHECK: heddle.select %{{.*}}, %{{.*}}, %{{.*}} : (tensor<2x4xi1>, tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
  %5 = heddle.select %4, %x, %inf : (tensor<2x4xi1>, tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
  return %5 : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @casts
func.func @casts(%ids: tensor<2xi32>) -> tensor<2xbf16> {
  // CHECK: heddle.cast %{{.*}} : tensor<2xi32> -> tensor<2xf32>
  %0 = heddle.cast %ids : tensor<2xi32> -> tensor<2xf32>
  // CHECK: heddle.cast %{{.*}} : tensor<2xf32> -> tensor<2xbf16>
  %1 = heddle.cast %0 : tensor<2xf32> -> tensor<2xbf16>
  return %1 : tensor<2xbf16>
}

// CHECK-LABEL: func.func @dropout
func.func @dropout(%x: tensor<3x5xf32>, %rng: tensor<3xi64>) -> tensor<3x5xf32> {
  // CHECK: heddle.dropout %{{.*}}, %{{.*}} {p = 1.000000e-01 : f64, rng_id = 7 : i64} : (tensor<3x5xf32>, tensor<3xi64>) -> tensor<3x5xf32>
  %0 = heddle.dropout %x, %rng {p = 0.1 : f64, rng_id = 7 : i64} : (tensor<3x5xf32>, tensor<3xi64>) -> tensor<3x5xf32>
  return %0 : tensor<3x5xf32>
}
