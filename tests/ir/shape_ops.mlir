// RUN: heddle-opt %s | heddle-opt | FileCheck %s
// RUN: heddle-opt %s --mlir-print-op-generic | heddle-opt | FileCheck %s

// CHECK-LABEL: func.func @views
func.func @views(%x: tensor<2x3x4xf32>) -> tensor<2x2x2x4xf32> {
  // CHECK: heddle.reshape %{{.*}} : tensor<2x3x4xf32> -> tensor<6x4xf32>
  %0 = heddle.reshape %x : tensor<2x3x4xf32> -> tensor<6x4xf32>
  // CHECK: heddle.transpose %{{.*}} {permutation = array<i64: 1, 0>} : (tensor<6x4xf32>) -> tensor<4x6xf32>
  %1 = heddle.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<6x4xf32>) -> tensor<4x6xf32>
  // CHECK: heddle.slice %{{.*}} {offsets = array<i64: 0, 1>, sizes = array<i64: 4, 2>} : (tensor<4x6xf32>) -> tensor<4x2xf32>
  %2 = heddle.slice %1 {offsets = array<i64: 0, 1>, sizes = array<i64: 4, 2>} : (tensor<4x6xf32>) -> tensor<4x2xf32>
  %3 = heddle.reshape %2 : tensor<4x2xf32> -> tensor<2x1x4xf32>
  // CHECK: heddle.broadcast %{{.*}} : tensor<2x1x4xf32> -> tensor<2x2x2x4xf32>
  %4 = heddle.broadcast %3 : tensor<2x1x4xf32> -> tensor<2x2x2x4xf32>
  return %4 : tensor<2x2x2x4xf32>
}

// CHECK-LABEL: func.func @joins
func.func @joins(%a: tensor<2x3xi32>, %b: tensor<2x1xi32>) -> tensor<3x6xi32> {
  // CHECK: heddle.concat %{{.*}}, %{{.*}} {axis = 1 : i64} : (tensor<2x3xi32>, tensor<2x1xi32>) -> tensor<2x4xi32>
  %0 = heddle.concat %a, %b {axis = 1 : i64} : (tensor<2x3xi32>, tensor<2x1xi32>) -> tensor<2x4xi32>
  // CHECK: heddle.pad %{{.*}} {high = array<i64: 0, 2>, low = array<i64: 1, 0>} : (tensor<2x4xi32>) -> tensor<3x6xi32>
  %1 = heddle.pad %0 {low = array<i64: 1, 0>, high = array<i64: 0, 2>} : (tensor<2x4xi32>) -> tensor<3x6xi32>
  return %1 : tensor<3x6xi32>
}
