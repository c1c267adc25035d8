// RUN: heddle-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @nothing_happens(
// CHECK-SAME: %[[X:.*]]: tensor<2x3xf32>
// CHECK-NEXT: return %[[X]]
func.func @nothing_happens(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = heddle.reshape %x : tensor<2x3xf32> -> tensor<2x3xf32>
  %1 = heddle.transpose %0 {permutation = array<i64: 0, 1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %2 = heddle.slice %1 {offsets = array<i64: 0, 0>, sizes = array<i64: 2, 3>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %3 = heddle.broadcast %2 : tensor<2x3xf32> -> tensor<2x3xf32>
  return %3 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @reshape_of_reshape(
// CHECK-NEXT: heddle.reshape %{{.*}} : tensor<2x6xf32> -> tensor<3x4xf32>
// CHECK-NEXT: return
func.func @reshape_of_reshape(%x: tensor<2x6xf32>) -> tensor<3x4xf32> {
  %0 = heddle.reshape %x : tensor<2x6xf32> -> tensor<12xf32>
  %1 = heddle.reshape %0 : tensor<12xf32> -> tensor<3x4xf32>
  return %1 : tensor<3x4xf32>
}

// CHECK-LABEL: func.func @transposes_compose(
// CHECK-NEXT: heddle.transpose %{{.*}} {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
// CHECK-NEXT: return
func.func @transposes_compose(%x: tensor<2x3x4xf32>) -> tensor<4x2x3xf32> {
  %0 = heddle.transpose %x {permutation = array<i64: 0, 2, 1>} : (tensor<2x3x4xf32>) -> tensor<2x4x3xf32>
  %1 = heddle.transpose %0 {permutation = array<i64: 1, 0, 2>} : (tensor<2x4x3xf32>) -> tensor<4x2x3xf32>
  return %1 : tensor<4x2x3xf32>
}

// CHECK-LABEL: func.func @transposes_cancel(
// CHECK-SAME: %[[X:.*]]: tensor<2x3x4xf32>
// CHECK-NEXT: return %[[X]]
func.func @transposes_cancel(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = heddle.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  %1 = heddle.transpose %0 {permutation = array<i64: 1, 2, 0>} : (tensor<4x2x3xf32>) -> tensor<2x3x4xf32>
  return %1 : tensor<2x3x4xf32>
}

// CHECK-LABEL: func.func @constants(
// CHECK-DAG: %[[A:.*]] = heddle.constant dense<{{\[}}[1.000000e+00], [2.000000e+00]]> : tensor<2x1xf32>
// CHECK-DAG: %[[B:.*]] = heddle.constant dense<3.000000e+00> : tensor<2x4xf32>
// CHECK: return %[[A]], %[[B]]
func.func @constants() -> (tensor<2x1xf32>, tensor<2x4xf32>) {
  %0 = heddle.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %1 = heddle.reshape %0 : tensor<2xf32> -> tensor<2x1xf32>
  %2 = heddle.constant dense<3.0> : tensor<f32>
  %3 = heddle.broadcast %2 : tensor<f32> -> tensor<4x2xf32>
  %4 = heddle.transpose %3 {permutation = array<i64: 1, 0>} : (tensor<4x2xf32>) -> tensor<2x4xf32>
  return %1, %4 : tensor<2x1xf32>, tensor<2x4xf32>
}

// A slice, and a transpose that moves elements, stay.
// CHECK-LABEL: func.func @stays(
// CHECK: heddle.slice
// CHECK: heddle.transpose
func.func @stays(%x: tensor<2x2xf32>) -> tensor<2x1xf32> {
  %0 = heddle.slice %x {offsets = array<i64: 0, 0>, sizes = array<i64: 1, 2>} : (tensor<2x2xf32>) -> tensor<1x2xf32>
  %1 = heddle.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<1x2xf32>) -> tensor<2x1xf32>
  return %1 : tensor<2x1xf32>
}
