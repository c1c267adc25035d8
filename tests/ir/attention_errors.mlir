// RUN: heddle-opt %s --split-input-file --verify-diagnostics

func.func @rank(%q: tensor<6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x4xf32>) {
  // expected-error@+2 {{'heddle.attention' op q has shape [6, 5, 8], expected [B, H, T, D]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.attention %q, %k, %v {scale = 1.0 : f64} : (tensor<6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x4xf32>) -> (tensor<1xf32>, tensor<6x5x8xf32>)
  return
}

// -----

func.func @key_rank(%q: tensor<2x6x5x8xf32>, %k: tensor<3x7x8xf32>, %v: tensor<2x3x7x4xf32>) {
  // expected-error@+2 {{'heddle.attention' op k has shape [3, 7, 8], expected [B, G, S, D]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.attention %q, %k, %v {scale = 1.0 : f64} : (tensor<2x6x5x8xf32>, tensor<3x7x8xf32>, tensor<2x3x7x4xf32>) -> (tensor<2x6x5x4xf32>, tensor<2x6x5xf32>)
  return
}

// -----

func.func @value_rank(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<3x7x8xf32>) {
  // expected-error@+2 {{'heddle.attention' op v has shape [3, 7, 8], expected [B, G, S, E]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.attention %q, %k, %v {scale = 1.0 : f64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<3x7x8xf32>) -> (tensor<2x6x5x8xf32>, tensor<2x6x5xf32>)
  return
}

// -----

func.func @head_size(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x9xf32>, %v: tensor<2x3x7x4xf32>) {
  // expected-error@+2 {{'heddle.attention' op k has shape [2, 3, 7, 9], expected [2, 3, 7, 8]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.attention %q, %k, %v {scale = 1.0 : f64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x9xf32>, tensor<2x3x7x4xf32>) -> (tensor<2x6x5x4xf32>, tensor<2x6x5xf32>)
  return
}

// -----

func.func @batch(%q: tensor<2x6x5x8xf32>, %k: tensor<1x3x7x8xf32>, %v: tensor<2x3x7x4xf32>) {
  // expected-error@+2 {{'heddle.attention' op k has shape [1, 3, 7, 8], expected [2, 3, 7, 8]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.attention %q, %k, %v {scale = 1.0 : f64} : (tensor<2x6x5x8xf32>, tensor<1x3x7x8xf32>, tensor<2x3x7x4xf32>) -> (tensor<2x6x5x4xf32>, tensor<2x6x5xf32>)
  return
}

// -----

func.func @value_length(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x6x4xf32>) {
  // expected-error@+2 {{'heddle.attention' op v has shape [2, 3, 6, 4], expected [2, 3, 7, 4]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.attention %q, %k, %v {scale = 1.0 : f64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x6x4xf32>) -> (tensor<2x6x5x4xf32>, tensor<2x6x5xf32>)
  return
}

// -----

func.func @groups(%q: tensor<2x6x5x8xf32>, %k: tensor<2x4x7x8xf32>, %v: tensor<2x4x7x4xf32>) {
  // expected-error@+2 {{'heddle.attention' op q has 6 heads, no multiple of the 4 key heads}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.attention %q, %k, %v {scale = 1.0 : f64} : (tensor<2x6x5x8xf32>, tensor<2x4x7x8xf32>, tensor<2x4x7x4xf32>) -> (tensor<2x6x5x4xf32>, tensor<2x6x5xf32>)
  return
}

// -----

func.func @element(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf64>, %v: tensor<2x3x7x4xf32>) {
  // expected-error@+2 {{'heddle.attention' op k has element type 'f64', expected 'f32'}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.attention %q, %k, %v {scale = 1.0 : f64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf64>, tensor<2x3x7x4xf32>) -> (tensor<2x6x5x4xf32>, tensor<2x6x5xf32>)
  return
}

// -----

func.func @bias(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x4xf32>, %bias: tensor<6x5x6xf32>) {
  // expected-error@+2 {{'heddle.attention' op bias [6, 5, 6] does not broadcast to [2, 6, 5, 7]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.attention %q, %k, %v bias(%bias) {scale = 1.0 : f64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x4xf32>, tensor<6x5x6xf32>) -> (tensor<2x6x5x4xf32>, tensor<2x6x5xf32>)
  return
}

// -----

func.func @bias_element(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x4xf32>, %bias: tensor<7xf64>) {
  // expected-error@+2 {{'heddle.attention' op bias has element type 'f64', expected 'f32'}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.attention %q, %k, %v bias(%bias) {scale = 1.0 : f64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x4xf32>, tensor<7xf64>) -> (tensor<2x6x5x4xf32>, tensor<2x6x5xf32>)
  return
}

// -----

func.func @key_mask(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x4xf32>, %key_mask: tensor<2x5xi32>) {
  // expected-error@+2 {{'heddle.attention' op key_mask has shape [2, 5], expected [2, 7]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.attention %q, %k, %v key_mask(%key_mask) {scale = 1.0 : f64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x4xf32>, tensor<2x5xi32>) -> (tensor<2x6x5x4xf32>, tensor<2x6x5xf32>)
  return
}

// -----

func.func @kv_lengths(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x4xf32>, %kv_lengths: tensor<1xi32>) {
  // expected-error@+2 {{'heddle.attention' op kv_lengths has shape [1], expected [2]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.attention %q, %k, %v kv_lengths(%kv_lengths) {scale = 1.0 : f64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x4xf32>, tensor<1xi32>) -> (tensor<2x6x5x4xf32>, tensor<2x6x5xf32>)
  return
}

// -----

func.func @rng(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x4xf32>, %rng: tensor<4xi64>) {
  // expected-error@+2 {{'heddle.attention' op rng has shape [4], expected [3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.attention %q, %k, %v rng(%rng) {scale = 1.0 : f64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x4xf32>, tensor<4xi64>) -> (tensor<2x6x5x4xf32>, tensor<2x6x5xf32>)
  return
}

// -----

func.func @dropout_without_rng(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x4xf32>) {
  // expected-error@+1 {{'heddle.attention' op dropout needs rng}}
  %r:2 = heddle.attention %q, %k, %v {scale = 1.0 : f64, dropout = 0.1 : f64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x4xf32>) -> (tensor<2x6x5x4xf32>, tensor<2x6x5xf32>)
  return
}

// -----

func.func @dropout(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x4xf32>, %rng: tensor<3xi64>) {
  // expected-error@+1 {{'heddle.attention' op dropout is 1.000000, expected at least 0 and less than 1}}
  %r:2 = heddle.attention %q, %k, %v rng(%rng) {scale = 1.0 : f64, dropout = 1.0 : f64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x4xf32>, tensor<3xi64>) -> (tensor<2x6x5x4xf32>, tensor<2x6x5xf32>)
  return
}

// -----

func.func @rng_id(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x4xf32>, %rng: tensor<3xi64>) {
  // expected-error@+1 {{'heddle.attention' op rng_id is 70000, expected at least 0 and less than 65536}}
  %r:2 = heddle.attention %q, %k, %v rng(%rng) {scale = 1.0 : f64, dropout = 0.1 : f64, rng_id = 70000 : i64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x4xf32>, tensor<3xi64>) -> (tensor<2x6x5x4xf32>, tensor<2x6x5xf32>)
  return
}

// -----

func.func @window(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x4xf32>) {
  // expected-error@+1 {{'heddle.attention' op window is -2, expected at least 1}}
  %r:2 = heddle.attention %q, %k, %v {scale = 1.0 : f64, window = -2 : i64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x4xf32>) -> (tensor<2x6x5x4xf32>, tensor<2x6x5xf32>)
  return
}

// -----

func.func @soft_cap(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x4xf32>) {
  // expected-error@+1 {{'heddle.attention' op soft_cap is 0.000000, expected more than 0}}
  %r:2 = heddle.attention %q, %k, %v {scale = 1.0 : f64, soft_cap = 0.0 : f64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x4xf32>) -> (tensor<2x6x5x4xf32>, tensor<2x6x5xf32>)
  return
}

// -----

func.func @grad_o(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x4xf32>, %l: tensor<2x6x5xf32>) {
  // expected-error@+2 {{'heddle.attention_grad' op o has shape [2, 6, 5, 4], expected [2, 6, 5, 8]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:3 = heddle.attention_grad %q, %k, %k, %o, %l, %q {scale = 1.0 : f64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>, tensor<2x6x5x4xf32>, tensor<2x6x5xf32>, tensor<2x6x5x8xf32>) -> (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>)
  return
}

// -----

func.func @grad_lse(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %l: tensor<2x6x4xf32>) {
  // expected-error@+2 {{'heddle.attention_grad' op lse has shape [2, 6, 4], expected [2, 6, 5]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:3 = heddle.attention_grad %q, %k, %k, %q, %l, %q {scale = 1.0 : f64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>, tensor<2x6x5x8xf32>, tensor<2x6x4xf32>, tensor<2x6x5x8xf32>) -> (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>)
  return
}

// -----

func.func @grad_d_o(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %d: tensor<2x6x4x8xf32>, %l: tensor<2x6x5xf32>) {
  // expected-error@+2 {{'heddle.attention_grad' op d_o has shape [2, 6, 4, 8], expected [2, 6, 5, 8]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:3 = heddle.attention_grad %q, %k, %k, %q, %l, %d {scale = 1.0 : f64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>, tensor<2x6x5x8xf32>, tensor<2x6x5xf32>, tensor<2x6x4x8xf32>) -> (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>)
  return
}
