// SPDX-License-Identifier: Apache-2.0
// A result of attention that is transposed on its last axis is stored as it is and transposed by
// its readers; keys that lie across their head are copied.
// RUN: random_graphs --file %s --seed 1
func.func @forward(%q: tensor<2x2x3x4xf32> {heddle.kind = "input", heddle.name = "float0"},
    %kt: tensor<2x2x4x5xf32> {heddle.kind = "input", heddle.name = "float1"},
    %v: tensor<2x2x5x3xf32> {heddle.kind = "input", heddle.name = "float2"})
    -> (tensor<2x2x3x3xf32> {heddle.kind = "output", heddle.name = "r0"},
        tensor<3x2x2xf32> {heddle.kind = "output", heddle.name = "r1"}) {
  %k = heddle.transpose %kt {permutation = array<i64: 0, 1, 3, 2>} : (tensor<2x2x4x5xf32>) -> tensor<2x2x5x4xf32>
  %o, %lse = heddle.attention %q, %k, %v {scale = 0.5 : f64} : (tensor<2x2x3x4xf32>, tensor<2x2x5x4xf32>, tensor<2x2x5x3xf32>) -> (tensor<2x2x3x3xf32>, tensor<2x2x3xf32>)
  %ot = heddle.transpose %o {permutation = array<i64: 0, 1, 3, 2>} : (tensor<2x2x3x3xf32>) -> tensor<2x2x3x3xf32>
  %t = heddle.transpose %lse {permutation = array<i64: 2, 1, 0>} : (tensor<2x2x3xf32>) -> tensor<3x2x2xf32>
  return %ot, %t : tensor<2x2x3x3xf32>, tensor<3x2x2xf32>
}
