// RUN: heddle-opt %s --split-input-file --verify-diagnostics

func.func @inner(%a: tensor<2x3xf32>, %b: tensor<2x4xf32>) {
  // expected-error@+2 {{'heddle.matmul' op inner sizes differ: 3 in a [2, 3], 2 in b [2, 4]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.matmul %a, %b : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @inner_transposed(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>) {
  // expected-error@+2 {{'heddle.matmul' op inner sizes differ: 3 in a [2, 3], 4 in b [3, 4]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.matmul %a, %b {transpose_b} : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @rank_of_a(%a: tensor<3xf32>, %b: tensor<3x4xf32>) {
  // expected-error@+2 {{'heddle.matmul' op a has shape [3], expected [..., m, k]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.matmul %a, %b : (tensor<3xf32>, tensor<3x4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @rank_of_b(%a: tensor<2x3xf32>, %b: tensor<3xf32>) {
  // expected-error@+2 {{'heddle.matmul' op b has shape [3], expected [..., k, n]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.matmul %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @ranks(%a: tensor<2x3x4xf32>, %b: tensor<2x2x4x5xf32>) {
  // expected-error@+2 {{'heddle.matmul' op a has shape [2, 3, 4], b [2, 2, 4, 5]: expected b of rank 2 or equal ranks}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.matmul %a, %b : (tensor<2x3x4xf32>, tensor<2x2x4x5xf32>) -> tensor<2x3x5xf32>
  return
}

// -----

func.func @batch(%a: tensor<2x3x4xf32>, %b: tensor<3x4x5xf32>) {
  // expected-error@+2 {{'heddle.matmul' op leading axes differ: a has shape [2, 3, 4], b [3, 4, 5]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.matmul %a, %b : (tensor<2x3x4xf32>, tensor<3x4x5xf32>) -> tensor<2x3x5xf32>
  return
}

// -----

func.func @shared_transpose_a(%a: tensor<2x4x3xf32>, %b: tensor<4x5xf32>) {
  // expected-error@+2 {{'heddle.matmul' op transpose_a needs operands of one rank where b is shared: a has shape [2, 4, 3], b [4, 5]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.matmul %a, %b {transpose_a} : (tensor<2x4x3xf32>, tensor<4x5xf32>) -> tensor<2x3x5xf32>
  return
}

// -----

func.func @element_types(%a: tensor<2x3xf32>, %b: tensor<3x4xf64>) {
  // expected-error@+2 {{'heddle.matmul' op b has element type 'f64', expected 'f32'}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.matmul %a, %b : (tensor<2x3xf32>, tensor<3x4xf64>) -> tensor<2x4xf32>
  return
}
