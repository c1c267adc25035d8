// SPDX-License-Identifier: Apache-2.0
// From primitive maths to a planned training step, in one command.
// RUN: heddle-opt %s --heddle-compile-train --remarks-filter=heddle 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks

// The last product is the head's, not an FFN's.
// REMARK: [Passed] linear_cross_entropy
// REMARK-NOT: ffn

// CHECK-NOT: @train_loss
// CHECK: func.func @step(
// CHECK-SAME: heddle.name = "adam.m.w1"
// CHECK-SAME: heddle.arena_bytes
// CHECK: heddle.kernel "gemm_gelu_6x16x4"
// CHECK: heddle.kernel "gemm_6x11x16"
// CHECK: heddle.kernel "cross_entropy_6x11"
// CHECK: heddle.kernel "cross_entropy_grad_6x11"
// CHECK: heddle.kernel "gemm_gelu_grad_6x16x11"
// CHECK: heddle.kernel "adamw_4x16"
// CHECK: func.func @accumulate(
// CHECK: heddle.kernel "gemm_add_4x16x6"
// CHECK: func.func @step_accumulated(
func.func @train_loss(
    %w1: tensor<4x16xf32> {heddle.kind = "param", heddle.name = "w1"},
    %w2: tensor<16x11xf32> {heddle.kind = "param", heddle.name = "w2"},
    %x: tensor<6x4xf32> {heddle.kind = "input", heddle.name = "x"},
    %t: tensor<6xi32> {heddle.kind = "input", heddle.name = "targets"})
    -> (tensor<f32> {heddle.kind = "output", heddle.name = "loss"}) {
  %0 = heddle.matmul %x, %w1 : (tensor<6x4xf32>, tensor<4x16xf32>) -> tensor<6x16xf32>
  %1 = heddle.gelu %0 : tensor<6x16xf32>
  %2 = heddle.matmul %1, %w2 : (tensor<6x16xf32>, tensor<16x11xf32>) -> tensor<6x11xf32>
  %losses, %lse = heddle.cross_entropy %2, %t : (tensor<6x11xf32>, tensor<6xi32>) -> (tensor<6xf32>, tensor<6xf32>)
  %3 = heddle.sum %losses {axes = array<i64: 0>} : (tensor<6xf32>) -> tensor<f32>
  %4 = heddle.count_targets %t : (tensor<6xi32>) -> tensor<f32>
  %5 = heddle.div %3, %4 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %5 : tensor<f32>
}
