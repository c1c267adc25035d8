// SPDX-License-Identifier: Apache-2.0
// A concat of one part, the result of attention, is a kernel of its own.
// RUN: random_graphs --file %s --seed 1
func.func @forward(%q: tensor<1x2x3x4xf32> {heddle.kind = "input", heddle.name = "float0"},
    %k: tensor<1x2x5x4xf32> {heddle.kind = "input", heddle.name = "float1"},
    %v: tensor<1x2x5x3xf32> {heddle.kind = "input", heddle.name = "float2"})
    -> (tensor<1x2x3x3xf32> {heddle.kind = "output", heddle.name = "r0"}) {
  %o, %lse = heddle.attention %q, %k, %v {scale = 0.5 : f64} : (tensor<1x2x3x4xf32>, tensor<1x2x5x4xf32>, tensor<1x2x5x3xf32>) -> (tensor<1x2x3x3xf32>, tensor<1x2x3xf32>)
  %c = heddle.concat %o {axis = 2 : i64} : (tensor<1x2x3x3xf32>) -> tensor<1x2x3x3xf32>
  return %c : tensor<1x2x3x3xf32>
}
