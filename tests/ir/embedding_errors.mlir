// RUN: heddle-opt %s --split-input-file --verify-diagnostics

func.func @table(%t: tensor<3xf32>, %i: tensor<2xi32>) {
  // expected-error@+2 {{'heddle.embedding' op table has shape [3], expected [V, C]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.embedding %t, %i : (tensor<3xf32>, tensor<2xi32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @grad_dy(%d: tensor<2x3xf32>, %i: tensor<2xi32>) {
  // expected-error@+1 {{'heddle.embedding_grad' op dy has shape [2, 3], expected [2, 4]}}
  %r = heddle.embedding_grad %i, %d : (tensor<2xi32>, tensor<2x3xf32>) -> tensor<7x4xf32>
  return
}

// -----

func.func @grad_table(%d: tensor<2x3xf32>, %i: tensor<2xi32>) {
  // expected-error@+1 {{'heddle.embedding_grad' op dtable has shape [3], expected [V, C]}}
  %r = heddle.embedding_grad %i, %d : (tensor<2xi32>, tensor<2x3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @grad_init(%d: tensor<2x3xf32>, %i: tensor<2xi32>, %n: tensor<6x3xf32>) {
  // expected-error@+1 {{'heddle.embedding_grad' op init has shape [6, 3], expected [7, 3]}}
  %r = heddle.embedding_grad %i, %d init(%n) : (tensor<2xi32>, tensor<2x3xf32>, tensor<6x3xf32>) -> tensor<7x3xf32>
  return
}

// -----

func.func @rope_rank(%x: tensor<2x5x8xf32>, %p: tensor<1x5xi32>) {
  // expected-error@+1 {{'heddle.rope' op x has shape [2, 5, 8], expected [B, H, T, D]}}
  %r = heddle.rope %x, %p {inv_freq = array<f64: 1.0>} : (tensor<2x5x8xf32>, tensor<1x5xi32>) -> tensor<2x5x8xf32>
  return
}

// -----

func.func @rope_positions_rank(%x: tensor<2x3x5x8xf32>, %p: tensor<5xi32>) {
  // expected-error@+1 {{'heddle.rope' op positions has shape [5], expected [B, T] or [1, T]}}
  %r = heddle.rope %x, %p {inv_freq = array<f64: 1.0>} : (tensor<2x3x5x8xf32>, tensor<5xi32>) -> tensor<2x3x5x8xf32>
  return
}

// -----

func.func @rope_positions_batch(%x: tensor<2x3x5x8xf32>, %p: tensor<3x5xi32>) {
  // expected-error@+1 {{'heddle.rope' op positions has shape [3, 5], expected [2, 5]}}
  %r = heddle.rope %x, %p {inv_freq = array<f64: 1.0>} : (tensor<2x3x5x8xf32>, tensor<3x5xi32>) -> tensor<2x3x5x8xf32>
  return
}

// -----

func.func @rope_positions_length(%x: tensor<2x3x5x8xf32>, %p: tensor<1x4xi32>) {
  // expected-error@+1 {{'heddle.rope' op positions has shape [1, 4], expected [1, 5]}}
  %r = heddle.rope %x, %p {inv_freq = array<f64: 1.0>} : (tensor<2x3x5x8xf32>, tensor<1x4xi32>) -> tensor<2x3x5x8xf32>
  return
}

// -----

func.func @rope_result(%x: tensor<2x3x5x8xf32>, %p: tensor<1x5xi32>) {
  // expected-error@+1 {{'heddle.rope' op y has shape [2, 3, 5, 4], expected [2, 3, 5, 8]}}
  %r = heddle.rope %x, %p {inv_freq = array<f64: 1.0>} : (tensor<2x3x5x8xf32>, tensor<1x5xi32>) -> tensor<2x3x5x4xf32>
  return
}

// -----

func.func @rope_too_wide(%x: tensor<2x3x5x3xf32>, %p: tensor<1x5xi32>) {
  // expected-error@+1 {{'heddle.rope' op inv_freq turns 4 components, x has 3}}
  %r = heddle.rope %x, %p {inv_freq = array<f64: 1.0, 0.1>} : (tensor<2x3x5x3xf32>, tensor<1x5xi32>) -> tensor<2x3x5x3xf32>
  return
}

// -----

func.func @rope_nothing(%x: tensor<2x3x5x3xf32>, %p: tensor<1x5xi32>) {
  // expected-error@+1 {{'heddle.rope' op inv_freq turns 0 components, x has 3}}
  %r = heddle.rope %x, %p {inv_freq = array<f64>} : (tensor<2x3x5x3xf32>, tensor<1x5xi32>) -> tensor<2x3x5x3xf32>
  return
}

// -----

func.func @cache_rank(%c: tensor<2x9x4xf32>, %x: tensor<2x3x1x4xf32>, %p: tensor<2xi32>) {
  // expected-error@+1 {{'heddle.cache_update' op cache has shape [2, 9, 4], expected [B, H, S, D]}}
  %r = heddle.cache_update %c, %x, %p : (tensor<2x9x4xf32>, tensor<2x3x1x4xf32>, tensor<2xi32>) -> tensor<2x9x4xf32>
  return
}

// -----

func.func @cache_heads(%c: tensor<2x3x9x4xf32>, %x: tensor<2x2x1x4xf32>, %p: tensor<2xi32>) {
  // expected-error@+1 {{'heddle.cache_update' op x has shape [2, 2, 1, 4], expected [2, 3, 1, 4]}}
  %r = heddle.cache_update %c, %x, %p : (tensor<2x3x9x4xf32>, tensor<2x2x1x4xf32>, tensor<2xi32>) -> tensor<2x3x9x4xf32>
  return
}

// -----

func.func @cache_positions(%c: tensor<2x3x9x4xf32>, %x: tensor<2x3x1x4xf32>, %p: tensor<3xi32>) {
  // expected-error@+1 {{'heddle.cache_update' op positions has shape [3], expected [2]}}
  %r = heddle.cache_update %c, %x, %p : (tensor<2x3x9x4xf32>, tensor<2x3x1x4xf32>, tensor<3xi32>) -> tensor<2x3x9x4xf32>
  return
}

// -----

func.func @cache_too_short(%c: tensor<2x3x9x4xf32>, %x: tensor<2x3x10x4xf32>, %p: tensor<2xi32>) {
  // expected-error@+1 {{'heddle.cache_update' op x has 10 positions, the cache only 9}}
  %r = heddle.cache_update %c, %x, %p : (tensor<2x3x9x4xf32>, tensor<2x3x10x4xf32>, tensor<2xi32>) -> tensor<2x3x9x4xf32>
  return
}

// -----

func.func @cache_element(%c: tensor<2x3x9x4xf32>, %x: tensor<2x3x1x4xf64>, %p: tensor<2xi32>) {
  // expected-error@+1 {{'heddle.cache_update' op x has element type 'f64', expected 'f32'}}
  %r = heddle.cache_update %c, %x, %p : (tensor<2x3x9x4xf32>, tensor<2x3x1x4xf64>, tensor<2xi32>) -> tensor<2x3x9x4xf32>
  return
}

// -----

func.func @gather_rank(%x: tensor<2x4xf32>, %i: tensor<2xi32>) {
  // expected-error@+1 {{'heddle.gather_rows' op x has shape [2, 4], expected [B, T, C]}}
  %r = heddle.gather_rows %x, %i : (tensor<2x4xf32>, tensor<2xi32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @gather_index(%x: tensor<2x5x4xf32>, %i: tensor<3xi32>) {
  // expected-error@+1 {{'heddle.gather_rows' op index has shape [3], expected [2]}}
  %r = heddle.gather_rows %x, %i : (tensor<2x5x4xf32>, tensor<3xi32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @gather_result(%x: tensor<2x5x4xf32>, %i: tensor<2xi32>) {
  // expected-error@+1 {{'heddle.gather_rows' op y has shape [2, 5], expected [2, 4]}}
  %r = heddle.gather_rows %x, %i : (tensor<2x5x4xf32>, tensor<2xi32>) -> tensor<2x5xf32>
  return
}
