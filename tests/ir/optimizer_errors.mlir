// RUN: heddle-opt %s --split-input-file --verify-diagnostics

func.func @none() {
  // expected-error@+1 {{'heddle.global_norm' op needs at least one tensor}}
  %r = "heddle.global_norm"() : () -> tensor<f32>
  return
}

// -----

func.func @norm(%x: tensor<2xf32>) {
  // expected-error@+1 {{'heddle.global_norm' op norm has shape [1], expected []}}
  %r = heddle.global_norm %x : (tensor<2xf32>) -> tensor<1xf32>
  return
}

// -----

func.func @hyper(%p: tensor<4x9xf32>, %g: tensor<4x9xf32>, %m: tensor<4x9xf32>, %h: tensor<8xf32>, %s: tensor<f32>) {
  // expected-error@+1 {{'heddle.adamw' op hyper has shape [8], expected [9]}}
  %r:3 = heddle.adamw %p, %g, %m, %m, %h, %s : (tensor<4x9xf32>, tensor<4x9xf32>, tensor<4x9xf32>, tensor<4x9xf32>, tensor<8xf32>, tensor<f32>) -> (tensor<4x9xf32>, tensor<4x9xf32>, tensor<4x9xf32>)
  return
}

// -----

func.func @scale(%p: tensor<4x9xf32>, %g: tensor<4x9xf32>, %m: tensor<4x9xf32>, %h: tensor<9xf32>, %s: tensor<1xf32>) {
  // expected-error@+1 {{'heddle.adamw' op gradient_scale has shape [1], expected []}}
  %r:3 = heddle.adamw %p, %g, %m, %m, %h, %s : (tensor<4x9xf32>, tensor<4x9xf32>, tensor<4x9xf32>, tensor<4x9xf32>, tensor<9xf32>, tensor<1xf32>) -> (tensor<4x9xf32>, tensor<4x9xf32>, tensor<4x9xf32>)
  return
}

// -----

func.func @gradient(%p: tensor<4x9xf32>, %g: tensor<9x4xf32>, %m: tensor<4x9xf32>, %h: tensor<9xf32>, %s: tensor<f32>) {
  // expected-error@+1 {{'heddle.adamw' op gradient has shape [9, 4], expected [4, 9]}}
  %r:3 = heddle.adamw %p, %g, %m, %m, %h, %s : (tensor<4x9xf32>, tensor<9x4xf32>, tensor<4x9xf32>, tensor<4x9xf32>, tensor<9xf32>, tensor<f32>) -> (tensor<4x9xf32>, tensor<4x9xf32>, tensor<4x9xf32>)
  return
}

// -----

func.func @moments(%p: tensor<4x9xf32>, %g: tensor<4x9xf32>, %m: tensor<36xf32>, %h: tensor<9xf32>, %s: tensor<f32>) {
  // expected-error@+1 {{'heddle.adamw' op m has shape [36], expected [4, 9]}}
  %r:3 = heddle.adamw %p, %g, %m, %m, %h, %s : (tensor<4x9xf32>, tensor<4x9xf32>, tensor<36xf32>, tensor<36xf32>, tensor<9xf32>, tensor<f32>) -> (tensor<4x9xf32>, tensor<36xf32>, tensor<36xf32>)
  return
}

// -----

func.func @result(%p: tensor<4x9xf32>, %g: tensor<4x9xf32>, %m: tensor<4x9xf32>, %h: tensor<9xf32>, %s: tensor<f32>) {
  // expected-error@+1 {{'heddle.adamw' op new_param has shape [36], expected [4, 9]}}
  %r:3 = heddle.adamw %p, %g, %m, %m, %h, %s : (tensor<4x9xf32>, tensor<4x9xf32>, tensor<4x9xf32>, tensor<4x9xf32>, tensor<9xf32>, tensor<f32>) -> (tensor<36xf32>, tensor<4x9xf32>, tensor<4x9xf32>)
  return
}

// -----

func.func @no_partials() {
  // expected-error@+1 {{'heddle.norm_of_partials' op needs at least one tensor}}
  %r = "heddle.norm_of_partials"() : () -> tensor<f32>
  return
}

// -----

func.func @norm_of_partials(%x: tensor<3xf64>) {
  // expected-error@+1 {{'heddle.norm_of_partials' op norm has shape [1], expected []}}
  %r = heddle.norm_of_partials %x : (tensor<3xf64>) -> tensor<1xf32>
  return
}
