// SPDX-License-Identifier: Apache-2.0
// Attention is stored transposed for one reader; the epilogue of a product reads it as it was.
// RUN: random_graphs --file %s --seed 1
func.func @forward(%q: tensor<2x3x5x4xf32> {heddle.kind = "param", heddle.name = "float0"},
    %k: tensor<2x3x5x4xf32> {heddle.kind = "param", heddle.name = "float1"},
    %v: tensor<2x3x5x4xf32> {heddle.kind = "param", heddle.name = "float2"},
    %w: tensor<4x4xf32> {heddle.kind = "param", heddle.name = "float3"})
    -> (tensor<2x5x12xf32> {heddle.kind = "output", heddle.name = "r0"},
        tensor<2x3x5x4xf32> {heddle.kind = "output", heddle.name = "r1"}) {
  %o, %lse = heddle.attention %q, %k, %v {scale = 0.5 : f64} : (tensor<2x3x5x4xf32>, tensor<2x3x5x4xf32>, tensor<2x3x5x4xf32>) -> (tensor<2x3x5x4xf32>, tensor<2x3x5xf32>)
  %t = heddle.transpose %o {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x3x5x4xf32>) -> tensor<2x5x3x4xf32>
  %j = heddle.reshape %t : tensor<2x5x3x4xf32> -> tensor<2x5x12xf32>
  %y = heddle.matmul %o, %w : (tensor<2x3x5x4xf32>, tensor<4x4xf32>) -> tensor<2x3x5x4xf32>
  %z = heddle.add %o, %y : (tensor<2x3x5x4xf32>, tensor<2x3x5x4xf32>) -> tensor<2x3x5x4xf32>
  return %j, %z : tensor<2x5x12xf32>, tensor<2x3x5x4xf32>
}
