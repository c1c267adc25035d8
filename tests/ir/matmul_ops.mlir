// RUN: heddle-opt %s | heddle-opt | FileCheck %s
// RUN: heddle-opt %s --mlir-print-op-generic | heddle-opt | FileCheck %s

// CHECK-LABEL: func.func @matmul
func.func @matmul(%x: tensor<2x5x3xf32>, %w: tensor<3x4xf32>, %wt: tensor<4x3xf32>) {
  // CHECK: heddle.matmul %{{.*}}, %{{.*}} : (tensor<2x5x3xf32>, tensor<3x4xf32>) -> tensor<2x5x4xf32>
  %0 = heddle.matmul %x, %w : (tensor<2x5x3xf32>, tensor<3x4xf32>) -> tensor<2x5x4xf32>
  // CHECK: heddle.matmul %{{.*}}, %{{.*}} {transpose_b} :
  %1 = heddle.matmul %x, %wt {transpose_b} : (tensor<2x5x3xf32>, tensor<4x3xf32>) -> tensor<2x5x4xf32>
  // CHECK: heddle.matmul %{{.*}}, %{{.*}} {transpose_a} : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<4x4xf32>
  %2 = heddle.matmul %w, %w {transpose_a} : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<4x4xf32>
  return
}

// Key heads shared by groups of query heads.
// CHECK-LABEL: func.func @broadcast_batch
func.func @broadcast_batch(%q: tensor<2x3x4x5x6xf32>, %k: tensor<2x3x1x7x6xf32>) -> tensor<2x3x4x5x7xf32> {
  // CHECK: (tensor<2x3x4x5x6xf32>, tensor<2x3x1x7x6xf32>) -> tensor<2x3x4x5x7xf32>
  %0 = heddle.matmul %q, %k {transpose_b} : (tensor<2x3x4x5x6xf32>, tensor<2x3x1x7x6xf32>) -> tensor<2x3x4x5x7xf32>
  return %0 : tensor<2x3x4x5x7xf32>
}
