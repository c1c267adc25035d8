// RUN: heddle-opt %s | heddle-opt | FileCheck %s
// RUN: heddle-opt %s --mlir-print-op-generic | heddle-opt | FileCheck %s

// CHECK-LABEL: func.func @embeddings
func.func @embeddings(%table: tensor<7x4xf32>, %ids: tensor<2x3xi32>) -> tensor<7x4xf32> {
  // CHECK: heddle.embedding %{{.*}}, %{{.*}} : (tensor<7x4xf32>, tensor<2x3xi32>) -> tensor<2x3x4xf32>
  %0 = heddle.embedding %table, %ids : (tensor<7x4xf32>, tensor<2x3xi32>) -> tensor<2x3x4xf32>
  // CHECK: heddle.embedding_grad %{{.*}}, %{{.*}} : (tensor<2x3xi32>, tensor<2x3x4xf32>) -> tensor<7x4xf32>
  %1 = heddle.embedding_grad %ids, %0 : (tensor<2x3xi32>, tensor<2x3x4xf32>) -> tensor<7x4xf32>
  // CHECK: heddle.embedding_grad %{{.*}}, %{{.*}} init(%{{.*}}) :
  %2 = heddle.embedding_grad %ids, %0 init(%1) : (tensor<2x3xi32>, tensor<2x3x4xf32>, tensor<7x4xf32>) -> tensor<7x4xf32>
  return %2 : tensor<7x4xf32>
}

// CHECK-LABEL: func.func @rope
func.func @rope(%x: tensor<2x3x5x8xf32>, %each: tensor<2x5xi32>, %shared: tensor<1x5xi64>) -> tensor<2x3x5x8xf32> {
  // CHECK: heddle.rope %{{.*}}, %{{.*}} {inv_freq = array<f64: 1.000000e+00, 1.000000e-02>} :
  %0 = heddle.rope %x, %each {inv_freq = array<f64: 1.0, 0.01>} : (tensor<2x3x5x8xf32>, tensor<2x5xi32>) -> tensor<2x3x5x8xf32>
  // CHECK: heddle.rope %{{.*}}, %{{.*}} {attention_scaling = 1.250000e+00 : f64, interleaved, inv_freq = array<f64: 1.000000e+00>, inverse} :
  %1 = heddle.rope %0, %shared {inv_freq = array<f64: 1.0>, attention_scaling = 1.25 : f64, interleaved, inverse} : (tensor<2x3x5x8xf32>, tensor<1x5xi64>) -> tensor<2x3x5x8xf32>
  return %1 : tensor<2x3x5x8xf32>
}

// CHECK-LABEL: func.func @cache
func.func @cache(%cache: tensor<2x3x9x4xf32>, %k: tensor<2x3x1x4xf32>, %at: tensor<2xi32>) -> tensor<2x3x9x4xf32> {
  // CHECK: heddle.cache_update %{{.*}}, %{{.*}}, %{{.*}} : (tensor<2x3x9x4xf32>, tensor<2x3x1x4xf32>, tensor<2xi32>) -> tensor<2x3x9x4xf32>
  %0 = heddle.cache_update %cache, %k, %at : (tensor<2x3x9x4xf32>, tensor<2x3x1x4xf32>, tensor<2xi32>) -> tensor<2x3x9x4xf32>
  return %0 : tensor<2x3x9x4xf32>
}

// CHECK-LABEL: func.func @gather_rows
func.func @gather_rows(%x: tensor<2x5x4xf32>, %last: tensor<2xi32>) -> tensor<2x4xf32> {
  // CHECK: heddle.gather_rows %{{.*}}, %{{.*}} : (tensor<2x5x4xf32>, tensor<2xi32>) -> tensor<2x4xf32>
  %0 = heddle.gather_rows %x, %last : (tensor<2x5x4xf32>, tensor<2xi32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}
