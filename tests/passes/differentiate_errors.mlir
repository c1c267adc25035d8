// SPDX-License-Identifier: Apache-2.0
// What cannot be differentiated says so, at the op and with its layer.
// RUN: heddle-opt %s --split-input-file --heddle-differentiate --verify-diagnostics

func.func @train_loss(%c: tensor<1x2x4x8xf32> {heddle.kind = "param", heddle.name = "c"},
    %x: tensor<1x2x1x8xf32>, %p: tensor<1xi32>) -> tensor<f32> {
  // expected-error @unknown {{'heddle.cache_update' op has no gradient rule (layer decoder.layers.1.attention)}}
  %y = heddle.cache_update %c, %x, %p : (tensor<1x2x4x8xf32>, tensor<1x2x1x8xf32>, tensor<1xi32>) -> tensor<1x2x4x8xf32> loc("decoder.layers.1.attention")
  %loss = heddle.sum %y {axes = array<i64: 0, 1, 2, 3>} : (tensor<1x2x4x8xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// Nothing flows through the op that has no rule: no error.
func.func @train_loss(%w: tensor<4xf32> {heddle.kind = "param", heddle.name = "w"},
    %c: tensor<1x2x4x8xf32>, %x: tensor<1x2x1x8xf32>, %p: tensor<1xi32>) -> tensor<f32> {
  %y = heddle.cache_update %c, %x, %p : (tensor<1x2x4x8xf32>, tensor<1x2x1x8xf32>, tensor<1xi32>) -> tensor<1x2x4x8xf32>
  %s = heddle.sum %y {axes = array<i64: 0, 1, 2, 3>} : (tensor<1x2x4x8xf32>) -> tensor<f32>
  %t = heddle.mul %w, %s : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %loss = heddle.sum %t {axes = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// expected-error @below {{the loss must be a scalar tensor of floating point, found 'tensor<4xf32>'}}
func.func @train_loss(%w: tensor<4xf32> {heddle.kind = "param", heddle.name = "w"}) -> tensor<4xf32> {
  return %w : tensor<4xf32>
}

// -----

// expected-error @below {{expected one result, the loss, found 2}}
func.func @train_loss(%w: tensor<f32> {heddle.kind = "param", heddle.name = "w"}) -> (tensor<f32>, tensor<f32>) {
  return %w, %w : tensor<f32>, tensor<f32>
}

// -----

// expected-error @below {{no function 'train_loss' to differentiate}}
module {
}

// -----

// expected-error @below {{function 'grad' exists already}}
module {
  func.func @train_loss(%w: tensor<f32>) -> tensor<f32> {
    return %w : tensor<f32>
  }
  func.func @grad(%w: tensor<f32>) -> tensor<f32> {
    return %w : tensor<f32>
  }
}
