// RUN: heddle-opt %s --split-input-file --verify-diagnostics

func.func @logits(%l: tensor<2x5x9xf32>, %t: tensor<5xi32>) {
  // expected-error@+2 {{'heddle.cross_entropy' op logits has shape [2, 5, 9], expected [N, V]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.cross_entropy %l, %t : (tensor<2x5x9xf32>, tensor<5xi32>) -> (tensor<5xf32>, tensor<5xf32>)
  return
}

// -----

func.func @targets(%l: tensor<5x9xf32>, %t: tensor<4xi32>) {
  // expected-error@+2 {{'heddle.cross_entropy' op targets has shape [4], expected [5]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.cross_entropy %l, %t : (tensor<5x9xf32>, tensor<4xi32>) -> (tensor<5xf32>, tensor<5xf32>)
  return
}

// -----

func.func @smoothing(%l: tensor<5x9xf32>, %t: tensor<5xi32>) {
  // expected-error@+2 {{'heddle.cross_entropy' op label_smoothing is -0.500000, expected at least 0 and less than 1}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.cross_entropy %l, %t {label_smoothing = -0.5 : f64} : (tensor<5x9xf32>, tensor<5xi32>) -> (tensor<5xf32>, tensor<5xf32>)
  return
}

// -----

func.func @grad_lse(%l: tensor<5x9xf32>, %t: tensor<5xi32>, %s: tensor<f32>) {
  // expected-error@+2 {{'heddle.cross_entropy_grad' op lse has shape [], expected [5]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.cross_entropy_grad %l, %t, %s, %s : (tensor<5x9xf32>, tensor<5xi32>, tensor<f32>, tensor<f32>) -> tensor<5x9xf32>
  return
}

// -----

func.func @grad_dlosses(%l: tensor<5x9xf32>, %t: tensor<5xi32>, %s: tensor<5xf32>, %d: tensor<1xf32>) {
  // expected-error@+2 {{'heddle.cross_entropy_grad' op dlosses has shape [1], expected [5]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.cross_entropy_grad %l, %t, %s, %d : (tensor<5x9xf32>, tensor<5xi32>, tensor<5xf32>, tensor<1xf32>) -> tensor<5x9xf32>
  return
}

// -----

func.func @count(%t: tensor<5xi32>) {
  // expected-error@+1 {{'heddle.count_targets' op count has shape [1], expected []}}
  %r = heddle.count_targets %t : (tensor<5xi32>) -> tensor<1xf32>
  return
}

// -----

func.func @linear_x(%x: tensor<2x5x4xf32>, %w: tensor<4x9xf32>, %t: tensor<5xi32>) {
  // expected-error@+2 {{'heddle.linear_cross_entropy' op x has shape [2, 5, 4], expected [N, C]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.linear_cross_entropy %x, %w targets(%t) : (tensor<2x5x4xf32>, tensor<4x9xf32>, tensor<5xi32>) -> (tensor<f32>, tensor<5xf32>)
  return
}

// -----

func.func @linear_w_rank(%x: tensor<5x4xf32>, %w: tensor<4xf32>, %t: tensor<5xi32>) {
  // expected-error@+2 {{'heddle.linear_cross_entropy' op w has shape [4], expected [V, C]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.linear_cross_entropy %x, %w targets(%t) {transpose_w} : (tensor<5x4xf32>, tensor<4xf32>, tensor<5xi32>) -> (tensor<f32>, tensor<5xf32>)
  return
}

// -----

func.func @linear_w(%x: tensor<5x4xf32>, %w: tensor<9x4xf32>, %t: tensor<5xi32>) {
  // expected-error@+2 {{'heddle.linear_cross_entropy' op w has shape [9, 4], expected [4, 4]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.linear_cross_entropy %x, %w targets(%t) : (tensor<5x4xf32>, tensor<9x4xf32>, tensor<5xi32>) -> (tensor<f32>, tensor<5xf32>)
  return
}

// -----

func.func @linear_bias(%x: tensor<5x4xf32>, %w: tensor<4x9xf32>, %t: tensor<5xi32>, %b: tensor<4xf32>) {
  // expected-error@+2 {{'heddle.linear_cross_entropy' op bias has shape [4], expected [9]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.linear_cross_entropy %x, %w bias(%b) targets(%t) : (tensor<5x4xf32>, tensor<4x9xf32>, tensor<4xf32>, tensor<5xi32>) -> (tensor<f32>, tensor<5xf32>)
  return
}

// -----

func.func @train_dloss(%x: tensor<5x4xf32>, %w: tensor<4x9xf32>, %t: tensor<5xi32>, %d: tensor<5xf32>) {
  // expected-error@+2 {{'heddle.linear_cross_entropy_train' op dloss has shape [5], expected []}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:3 = heddle.linear_cross_entropy_train %x, %w targets(%t) dloss(%d) : (tensor<5x4xf32>, tensor<4x9xf32>, tensor<5xi32>, tensor<5xf32>) -> (tensor<f32>, tensor<5x4xf32>, tensor<4x9xf32>)
  return
}
