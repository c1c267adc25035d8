// SPDX-License-Identifier: Apache-2.0
// RUN: heddle-opt %s --split-input-file --heddle-append-optimizer --verify-diagnostics

// expected-error @below {{no function 'train_grad' to append AdamW to}}
module {
}

// -----

// expected-error @below {{has no argument 'loss_scale'; heddle-differentiate makes it with loss-scale=true}}
func.func @train_grad(%w: tensor<f32> {heddle.kind = "param", heddle.name = "w"})
    -> (tensor<f32> {heddle.kind = "output", heddle.name = "loss"}) {
  return %w : tensor<f32>
}

// -----

// expected-error @below {{result 1 is not named after the gradient of a parameter, found 'logits'}}
func.func @train_grad(%w: tensor<f32> {heddle.kind = "param", heddle.name = "w"},
    %s: tensor<f32> {heddle.kind = "scalar", heddle.name = "loss_scale"})
    -> (tensor<f32> {heddle.name = "loss"}, tensor<f32> {heddle.name = "logits"}) {
  return %w, %w : tensor<f32>, tensor<f32>
}

// -----

// expected-error @below {{function 'step' exists already}}
module {
  func.func @train_grad(%w: tensor<f32> {heddle.name = "loss_scale"}) -> tensor<f32> {
    return %w : tensor<f32>
  }
  func.func @step(%w: tensor<f32>) -> tensor<f32> {
    return %w : tensor<f32>
  }
}
