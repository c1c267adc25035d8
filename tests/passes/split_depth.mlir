// SPDX-License-Identifier: Apache-2.0
// RUN: heddle-opt %s --pass-pipeline='builtin.module(func.func(heddle-split-depth{min-bytes=1024}))' | FileCheck %s

// CHECK-LABEL: func.func @one_row
// CHECK-SAME: %[[X:.*]]: tensor<1x256xf32>, %[[W:.*]]: tensor<256x12xf32>
// CHECK: %[[P:.*]] = heddle.reshape %[[X]] : tensor<1x256xf32> -> tensor<1x4x64xf32>
// CHECK: %[[Q:.*]] = heddle.transpose %[[P]] {permutation = array<i64: 1, 0, 2>}
// CHECK: %[[V:.*]] = heddle.reshape %[[W]] : tensor<256x12xf32> -> tensor<4x64x12xf32>
// CHECK: %[[S:.*]] = heddle.matmul %[[Q]], %[[V]] : (tensor<4x1x64xf32>, tensor<4x64x12xf32>) -> tensor<4x1x12xf32>
// CHECK: %[[Y:.*]] = heddle.sum %[[S]] {axes = array<i64: 0>} : (tensor<4x1x12xf32>) -> tensor<1x12xf32>
// CHECK: return %[[Y]]
func.func @one_row(%x: tensor<1x256xf32>, %w: tensor<256x12xf32>) -> tensor<1x12xf32> {
  %y = heddle.matmul %x, %w : (tensor<1x256xf32>, tensor<256x12xf32>) -> tensor<1x12xf32>
  return %y : tensor<1x12xf32>
}

// Leading axes together are the rows; parts have at least 16 rows of the weight.
// CHECK-LABEL: func.func @batch
// CHECK: heddle.reshape %{{.*}} : tensor<2x2x50xf32> -> tensor<4x2x25xf32>
// CHECK: heddle.matmul %{{.*}} : (tensor<2x4x25xf32>, tensor<2x25x12xf32>) -> tensor<2x4x12xf32>
// CHECK: %[[SUM:.*]] = heddle.sum
// CHECK: %[[SHAPED:.*]] = heddle.reshape %[[SUM]] : tensor<4x12xf32> -> tensor<2x2x12xf32>
// CHECK: heddle.gelu %[[SHAPED]]
func.func @batch(%x: tensor<2x2x50xf32>, %w: tensor<50x12xf32>) -> tensor<2x2x12xf32> {
  %y = heddle.matmul %x, %w : (tensor<2x2x50xf32>, tensor<50x12xf32>) -> tensor<2x2x12xf32>
  %a = heddle.gelu %y : tensor<2x2x12xf32>
  return %a : tensor<2x2x12xf32>
}

// CHECK-LABEL: func.func @many_rows
// CHECK-NOT: heddle.sum
func.func @many_rows(%x: tensor<17x256xf32>, %w: tensor<256x12xf32>) -> tensor<17x12xf32> {
  %y = heddle.matmul %x, %w : (tensor<17x256xf32>, tensor<256x12xf32>) -> tensor<17x12xf32>
  return %y : tensor<17x12xf32>
}

// The rows of this weight are columns of the product: they are read whole anyway.
// CHECK-LABEL: func.func @transposed
// CHECK-NOT: heddle.sum
func.func @transposed(%x: tensor<1x256xf32>, %w: tensor<12x256xf32>) -> tensor<1x12xf32> {
  %y = heddle.matmul %x, %w {transpose_b} : (tensor<1x256xf32>, tensor<12x256xf32>) -> tensor<1x12xf32>
  return %y : tensor<1x12xf32>
}

// CHECK-LABEL: func.func @small
// CHECK-NOT: heddle.sum
func.func @small(%x: tensor<1x64xf32>, %w: tensor<64x3xf32>) -> tensor<1x3xf32> {
  %y = heddle.matmul %x, %w : (tensor<1x64xf32>, tensor<64x3xf32>) -> tensor<1x3xf32>
  return %y : tensor<1x3xf32>
}

// CHECK-LABEL: func.func @odd_depth
// CHECK-NOT: heddle.sum
func.func @odd_depth(%x: tensor<1x255xf32>, %w: tensor<255x12xf32>) -> tensor<1x12xf32> {
  %y = heddle.matmul %x, %w : (tensor<1x255xf32>, tensor<255x12xf32>) -> tensor<1x12xf32>
  return %y : tensor<1x12xf32>
}

// What is computed is in the caches already.
// CHECK-LABEL: func.func @computed
// CHECK-NOT: heddle.sum
func.func @computed(%x: tensor<1x256xf32>, %v: tensor<256x12xf32>) -> tensor<1x12xf32> {
  %w = heddle.relu %v : tensor<256x12xf32>
  %y = heddle.matmul %x, %w : (tensor<1x256xf32>, tensor<256x12xf32>) -> tensor<1x12xf32>
  return %y : tensor<1x12xf32>
}
