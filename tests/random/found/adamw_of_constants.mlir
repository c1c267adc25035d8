// SPDX-License-Identifier: Apache-2.0
// A gradient's scale that is a constant is read from a buffer like any other.
// RUN: random_graphs --file %s --seed 1
func.func @forward(%p: tensor<3x5xf32> {heddle.kind = "state", heddle.name = "float0"},
    %m: tensor<3x5xf32> {heddle.kind = "state", heddle.name = "moment1"},
    %v: tensor<3x5xf32> {heddle.kind = "state", heddle.name = "moment2"},
    %g: tensor<3x5xf32> {heddle.kind = "input", heddle.name = "float3"},
    %h: tensor<9xf32> {heddle.kind = "input", heddle.name = "hyper4"})
    -> (tensor<3x5xf32> {heddle.kind = "state", heddle.name = "float0"},
        tensor<3x5xf32> {heddle.kind = "state", heddle.name = "moment1"},
        tensor<3x5xf32> {heddle.kind = "state", heddle.name = "moment2"}) {
  %s = heddle.constant dense<0.5> : tensor<f32>
  %np, %nm, %nv = heddle.adamw %p, %g, %m, %v, %h, %s {decay} : (tensor<3x5xf32>, tensor<3x5xf32>, tensor<3x5xf32>, tensor<3x5xf32>, tensor<9xf32>, tensor<f32>) -> (tensor<3x5xf32>, tensor<3x5xf32>, tensor<3x5xf32>)
  return %np, %nm, %nv : tensor<3x5xf32>, tensor<3x5xf32>, tensor<3x5xf32>
}
