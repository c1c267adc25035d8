// SPDX-License-Identifier: Apache-2.0
// The new value of each state is the old value of another, seen through a view.
// RUN: random_graphs --file %s --seed 1
func.func @forward(%a: tensor<2x3xf32> {heddle.kind = "state", heddle.name = "float0"},
    %b: tensor<3x2xf32> {heddle.kind = "state", heddle.name = "float1"},
    %x: tensor<2x3xf32> {heddle.kind = "input", heddle.name = "float2"})
    -> (tensor<2x3xf32> {heddle.kind = "output", heddle.name = "r0"},
        tensor<3x2xf32> {heddle.kind = "state", heddle.name = "float1"},
        tensor<2x3xf32> {heddle.kind = "state", heddle.name = "float0"}) {
  %sum = heddle.add %a, %x : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %ar = heddle.reshape %a : tensor<2x3xf32> -> tensor<3x2xf32>
  %br = heddle.reshape %b : tensor<3x2xf32> -> tensor<2x3xf32>
  return %sum, %ar, %br : tensor<2x3xf32>, tensor<3x2xf32>, tensor<2x3xf32>
}
