// RUN: heddle-opt %s --split-input-file --verify-diagnostics

func.func @x(%x: tensor<4xf32>, %w: tensor<4x9xf32>, %o: tensor<9x4xf32>) {
  // expected-error@+2 {{'heddle.ffn' op x has shape [4], expected [..., C]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.ffn relu %x in(%w) out(%o) : (tensor<4xf32>, tensor<4x9xf32>, tensor<9x4xf32>) -> (tensor<4xf32>, tensor<9xf32>)
  return
}

// -----

func.func @w_in(%x: tensor<2x3xf32>, %w: tensor<4x9xf32>, %o: tensor<9x4xf32>) {
  // expected-error@+2 {{'heddle.ffn' op w_in has shape [4, 9], expected [3, 9]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.ffn relu %x in(%w) out(%o) : (tensor<2x3xf32>, tensor<4x9xf32>, tensor<9x4xf32>) -> (tensor<2x4xf32>, tensor<2x9xf32>)
  return
}

// -----

func.func @w_in_transposed(%x: tensor<2x4xf32>, %w: tensor<4x9xf32>, %o: tensor<9x4xf32>) {
  // expected-error@+2 {{'heddle.ffn' op w_in has shape [4, 9], expected [4, 4]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.ffn relu %x in(%w) out(%o) {transpose_weights} : (tensor<2x4xf32>, tensor<4x9xf32>, tensor<9x4xf32>) -> (tensor<2x4xf32>, tensor<2x9xf32>)
  return
}

// -----

func.func @w_in_rank(%x: tensor<2x4xf32>, %w: tensor<4xf32>, %o: tensor<9x4xf32>) {
  // expected-error@+2 {{'heddle.ffn' op w_in has shape [4], expected [in, out]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.ffn relu %x in(%w) out(%o) : (tensor<2x4xf32>, tensor<4xf32>, tensor<9x4xf32>) -> (tensor<2x4xf32>, tensor<2x9xf32>)
  return
}

// -----

func.func @b_in(%x: tensor<2x4xf32>, %w: tensor<4x9xf32>, %o: tensor<9x4xf32>, %b: tensor<4xf32>) {
  // expected-error@+2 {{'heddle.ffn' op b_in has shape [4], expected [9]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.ffn relu %x in(%w, %b) out(%o) : (tensor<2x4xf32>, tensor<4x9xf32>, tensor<4xf32>, tensor<9x4xf32>) -> (tensor<2x4xf32>, tensor<2x9xf32>)
  return
}

// -----

func.func @w_out(%x: tensor<2x4xf32>, %w: tensor<4x9xf32>, %o: tensor<8x4xf32>) {
  // expected-error@+2 {{'heddle.ffn' op w_out has shape [8, 4], expected [9, 4]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.ffn relu %x in(%w) out(%o) : (tensor<2x4xf32>, tensor<4x9xf32>, tensor<8x4xf32>) -> (tensor<2x4xf32>, tensor<2x9xf32>)
  return
}

// -----

func.func @w_gate(%x: tensor<2x4xf32>, %w: tensor<4x9xf32>, %o: tensor<9x4xf32>, %g: tensor<4x8xf32>) {
  // expected-error@+2 {{'heddle.ffn' op w_gate has shape [4, 8], expected [4, 9]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:3 = heddle.ffn silu %x in(%w) gate(%g) out(%o) : (tensor<2x4xf32>, tensor<4x9xf32>, tensor<4x8xf32>, tensor<9x4xf32>) -> (tensor<2x4xf32>, tensor<2x9xf32>, tensor<2x9xf32>)
  return
}

// -----

func.func @gate_result(%x: tensor<2x4xf32>, %w: tensor<4x9xf32>, %o: tensor<9x4xf32>) {
  // expected-error@+2 {{are incompatible with return type(s)}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.ffn silu %x in(%w) gate(%w) out(%o) : (tensor<2x4xf32>, tensor<4x9xf32>, tensor<4x9xf32>, tensor<9x4xf32>) -> (tensor<2x4xf32>, tensor<2x9xf32>)
  return
}

// -----

func.func @b_gate_alone(%x: tensor<2x4xf32>, %w: tensor<4x9xf32>, %o: tensor<9x4xf32>, %b: tensor<9xf32>) {
  // expected-error@+1 {{'heddle.ffn' op b_gate needs w_gate}}
  %r:2 = "heddle.ffn"(%x, %w, %b, %o) {activation = 0 : i32, operandSegmentSizes = array<i32: 1, 1, 0, 0, 1, 1, 0, 0>} : (tensor<2x4xf32>, tensor<4x9xf32>, tensor<9xf32>, tensor<9x4xf32>) -> (tensor<2x4xf32>, tensor<2x9xf32>)
  return
}

// -----

func.func @element(%x: tensor<2x4xf32>, %w: tensor<4x9xf32>, %o: tensor<9x4xf64>) {
  // expected-error@+2 {{'heddle.ffn' op w_out has element type 'f64', expected 'f32'}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:2 = heddle.ffn relu %x in(%w) out(%o) : (tensor<2x4xf32>, tensor<4x9xf32>, tensor<9x4xf64>) -> (tensor<2x4xf32>, tensor<2x9xf32>)
  return
}

// -----

func.func @dropout_without_rng(%x: tensor<2x4xf32>, %w: tensor<4x9xf32>, %o: tensor<9x4xf32>) {
  // expected-error@+1 {{'heddle.ffn' op dropout needs rng}}
  %r:2 = heddle.ffn relu %x in(%w) out(%o) {dropout = 0.1 : f64} : (tensor<2x4xf32>, tensor<4x9xf32>, tensor<9x4xf32>) -> (tensor<2x4xf32>, tensor<2x9xf32>)
  return
}

// -----

func.func @dropout_of_all(%x: tensor<2x4xf32>, %w: tensor<4x9xf32>, %o: tensor<9x4xf32>, %rng: tensor<3xi64>) {
  // expected-error@+1 {{'heddle.ffn' op dropout is}}
  %r:2 = heddle.ffn relu %x in(%w) out(%o) rng(%rng) {dropout = 1.0 : f64} : (tensor<2x4xf32>, tensor<4x9xf32>, tensor<9x4xf32>, tensor<3xi64>) -> (tensor<2x4xf32>, tensor<2x9xf32>)
  return
}
