// RUN: heddle-opt %s --split-input-file --verify-diagnostics

func.func @no_axes(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{'heddle.sum' op needs at least one axis}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.sum %x {axes = array<i64>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @axes_order(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{'heddle.sum' op axes are [1, 0], expected ascending ones of [2, 3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.sum %x {axes = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<f32>
  return
}

// -----

func.func @axes_range(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{'heddle.max' op axes are [2], expected ascending ones of [2, 3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.max %x {axes = array<i64: 2>} : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @softmax_scalar(%x: tensor<f32>) {
  // expected-error@+1 {{'heddle.softmax' op x has shape [], expected [..., C]}}
  %r = heddle.softmax %x : tensor<f32>
  return
}

// -----

func.func @softmax_grad_scalar(%x: tensor<f32>) {
  // expected-error@+1 {{'heddle.softmax_grad' op y has shape [], expected [..., C]}}
  %r = heddle.softmax_grad %x, %x : tensor<f32>
  return
}

// -----

func.func @layer_norm_scalar(%x: tensor<f32>) {
  // expected-error@+2 {{'heddle.layer_norm' op x has shape [], expected [..., C]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:3 = heddle.layer_norm %x {eps = 0.1 : f64} : (tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<f32>)
  return
}

// -----

func.func @layer_norm_gamma(%x: tensor<2x3xf32>, %g: tensor<2xf32>) {
  // expected-error@+2 {{'heddle.layer_norm' op gamma has shape [2], expected [3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:3 = heddle.layer_norm %x gamma(%g) {eps = 0.1 : f64} : (tensor<2x3xf32>, tensor<2xf32>) -> (tensor<2x3xf32>, tensor<2xf32>, tensor<2xf32>)
  return
}

// -----

func.func @layer_norm_beta(%x: tensor<2x3xf32>, %g: tensor<3xf64>) {
  // expected-error@+2 {{'heddle.layer_norm' op beta has element type 'f64', expected 'f32'}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:3 = heddle.layer_norm %x beta(%g) {eps = 0.1 : f64} : (tensor<2x3xf32>, tensor<3xf64>) -> (tensor<2x3xf32>, tensor<2xf32>, tensor<2xf32>)
  return
}

// -----

func.func @layer_norm_grad_dy(%x: tensor<2x3xf32>, %d: tensor<3x3xf32>, %m: tensor<2xf32>) {
  // expected-error@+2 {{'heddle.layer_norm_grad' op dy has shape [3, 3], expected [2, 3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.layer_norm_grad %d, %x, %m, %m : (tensor<3x3xf32>, tensor<2x3xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @layer_norm_grad_mean(%x: tensor<2x3xf32>, %m: tensor<3xf32>, %s: tensor<2xf32>) {
  // expected-error@+2 {{'heddle.layer_norm_grad' op mean has shape [3], expected [2]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.layer_norm_grad %x, %x, %m, %s : (tensor<2x3xf32>, tensor<2x3xf32>, tensor<3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @layer_norm_param_grad_rstd(%x: tensor<2x3xf32>, %m: tensor<2xf32>, %s: tensor<2xf64>) {
  // expected-error@+2 {{'heddle.layer_norm_param_grad' op rstd has element type 'f64', expected 'f32'}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.layer_norm_param_grad %x, %x, %m, %s : (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2xf32>, tensor<2xf64>) -> (tensor<3xf32>, tensor<3xf32>)
  return
}

// -----

func.func @rms_norm_gamma(%x: tensor<2x3xf32>, %g: tensor<2xf32>) {
  // expected-error@+2 {{'heddle.rms_norm' op gamma has shape [2], expected [3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.rms_norm %x gamma(%g) {eps = 0.1 : f64} : (tensor<2x3xf32>, tensor<2xf32>) -> (tensor<2x3xf32>, tensor<2xf32>)
  return
}

// -----

func.func @rms_norm_grad_gamma(%x: tensor<2x3xf32>, %s: tensor<2xf32>) {
  // expected-error@+2 {{'heddle.rms_norm_grad' op gamma has shape [2], expected [3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.rms_norm_grad %x, %x, %s gamma(%s) : (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @rms_norm_param_grad_rstd(%x: tensor<2x3xf32>, %s: tensor<3xf32>) {
  // expected-error@+2 {{'heddle.rms_norm_param_grad' op rstd has shape [3], expected [2]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.rms_norm_param_grad %x, %x, %s : (tensor<2x3xf32>, tensor<2x3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return
}
