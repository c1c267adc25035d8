// RUN: heddle-opt %s | heddle-opt | FileCheck %s
// RUN: heddle-opt %s --mlir-print-op-generic | heddle-opt | FileCheck %s

// CHECK-LABEL: func.func @ffn
func.func @ffn(%x: tensor<2x3x4xf32>, %in: tensor<4x9xf32>, %b: tensor<9xf32>, %out: tensor<9x4xf32>, %c: tensor<4xf32>) {
  // CHECK: heddle.ffn gelu_tanh %{{.*}} in(%{{.*}}, %{{.*}}) out(%{{.*}}, %{{.*}}) : (tensor<2x3x4xf32>, tensor<4x9xf32>, tensor<9xf32>, tensor<9x4xf32>, tensor<4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x9xf32>)
  %0:2 = heddle.ffn gelu_tanh %x in(%in, %b) out(%out, %c) : (tensor<2x3x4xf32>, tensor<4x9xf32>, tensor<9xf32>, tensor<9x4xf32>, tensor<4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x9xf32>)
  // CHECK: heddle.ffn silu %{{.*}} in(%{{.*}}) gate(%{{.*}}) out(%{{.*}}) {transpose_weights} :
  %1:3 = heddle.ffn silu %x in(%out) gate(%out) out(%in) {transpose_weights} : (tensor<2x3x4xf32>, tensor<9x4xf32>, tensor<9x4xf32>, tensor<4x9xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x9xf32>, tensor<2x3x9xf32>)
  // CHECK: gate(%{{.*}}, %{{.*}})
  %2:3 = heddle.ffn relu %x in(%in) gate(%in, %b) out(%out, %c) : (tensor<2x3x4xf32>, tensor<4x9xf32>, tensor<4x9xf32>, tensor<9xf32>, tensor<9x4xf32>, tensor<4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x9xf32>, tensor<2x3x9xf32>)
  return
}

// CHECK-LABEL: func.func @losses
func.func @losses(%logits: tensor<5x9xf32>, %targets: tensor<5xi32>, %x: tensor<5x4xf32>, %w: tensor<4x9xf32>, %wt: tensor<9x4xf32>, %b: tensor<9xf32>) {
  // CHECK: heddle.cross_entropy %{{.*}}, %{{.*}} : (tensor<5x9xf32>, tensor<5xi32>) -> (tensor<5xf32>, tensor<5xf32>)
  %losses, %lse = heddle.cross_entropy %logits, %targets : (tensor<5x9xf32>, tensor<5xi32>) -> (tensor<5xf32>, tensor<5xf32>)
  // CHECK: heddle.count_targets %{{.*}} {ignore_index = 0 : i64} : (tensor<5xi32>) -> tensor<f32>
  %count = heddle.count_targets %targets {ignore_index = 0 : i64} : (tensor<5xi32>) -> tensor<f32>
  // CHECK: heddle.cross_entropy_grad %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {label_smoothing = 1.000000e-01 : f64} :
  %d = heddle.cross_entropy_grad %logits, %targets, %lse, %count {label_smoothing = 0.1 : f64} : (tensor<5x9xf32>, tensor<5xi32>, tensor<5xf32>, tensor<f32>) -> tensor<5x9xf32>
  // CHECK: heddle.linear_cross_entropy %{{.*}}, %{{.*}} bias(%{{.*}}) targets(%{{.*}}) :
  %l:2 = heddle.linear_cross_entropy %x, %w bias(%b) targets(%targets) : (tensor<5x4xf32>, tensor<4x9xf32>, tensor<9xf32>, tensor<5xi32>) -> (tensor<f32>, tensor<5xf32>)
  // CHECK: heddle.linear_cross_entropy_train %{{.*}}, %{{.*}} targets(%{{.*}}) dloss(%{{.*}}) {transpose_w} :
  %t:3 = heddle.linear_cross_entropy_train %x, %wt targets(%targets) dloss(%count) {transpose_w} : (tensor<5x4xf32>, tensor<9x4xf32>, tensor<5xi32>, tensor<f32>) -> (tensor<f32>, tensor<5x4xf32>, tensor<9x4xf32>)
  // CHECK: heddle.linear_cross_entropy_train %{{.*}}, %{{.*}} bias(%{{.*}}) targets
  %u:4 = heddle.linear_cross_entropy_train %x, %w bias(%b) targets(%targets) dloss(%count) : (tensor<5x4xf32>, tensor<4x9xf32>, tensor<9xf32>, tensor<5xi32>, tensor<f32>) -> (tensor<f32>, tensor<5x4xf32>, tensor<4x9xf32>, tensor<9xf32>)
  return
}

// CHECK-LABEL: func.func @optimizer
func.func @optimizer(%p: tensor<4x9xf32>, %g: tensor<4x9xf32>, %hyper: tensor<9xf32>, %s: tensor<f32>) {
  // CHECK: heddle.global_norm %{{.*}}, %{{.*}} : (tensor<4x9xf32>, tensor<f32>) -> tensor<f32>
  %0 = heddle.global_norm %g, %s : (tensor<4x9xf32>, tensor<f32>) -> tensor<f32>
  // CHECK: heddle.sum_squares %{{.*}} : (tensor<4x9xf32>) -> tensor<1xf64>
  %squares = heddle.sum_squares %g : (tensor<4x9xf32>) -> tensor<1xf64>
  // CHECK: heddle.norm_of_partials %{{.*}}, %{{.*}} : (tensor<1xf64>, tensor<1xf64>) -> tensor<f32>
  %norm = heddle.norm_of_partials %squares, %squares : (tensor<1xf64>, tensor<1xf64>) -> tensor<f32>
  // CHECK: heddle.adamw %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {decay} :
  %1:3 = heddle.adamw %p, %g, %p, %p, %hyper, %0 {decay} : (tensor<4x9xf32>, tensor<4x9xf32>, tensor<4x9xf32>, tensor<4x9xf32>, tensor<9xf32>, tensor<f32>) -> (tensor<4x9xf32>, tensor<4x9xf32>, tensor<4x9xf32>)
  return
}
