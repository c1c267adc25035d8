// RUN: heddle-opt %s --split-input-file --verify-diagnostics

func.func @shapes(%a: tensor<2x3xf32>, %b: tensor<2xf32>) {
  // expected-error@+2 {{'heddle.add' op operands do not broadcast: [2, 3] and [2]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.add %a, %b : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @element_types(%a: tensor<2xf32>, %b: tensor<2xf64>) {
  // expected-error@+2 {{'heddle.mul' op rhs has element type 'f64', expected 'f32'}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.mul %a, %b : (tensor<2xf32>, tensor<2xf64>) -> tensor<2xf32>
  return
}

// -----

func.func @result(%a: tensor<2xf32>) {
  // expected-error@+2 {{inferred type(s) 'tensor<2xf32>' are incompatible with return type(s) of operation 'tensor<3xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.sub %a, %a : (tensor<2xf32>, tensor<2xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @integers(%a: tensor<2xi32>) {
  // expected-error@+1 {{operand #0 must be statically shaped, non-empty tensor of floating-point numbers}}
  %r = heddle.div %a, %a : (tensor<2xi32>, tensor<2xi32>) -> tensor<2xi32>
  return
}

// -----

func.func @dynamic(%a: tensor<?xf32>) {
  // expected-error@+1 {{operand #0 must be statically shaped, non-empty tensor}}
  %r = heddle.exp %a : tensor<?xf32>
  return
}

// -----

func.func @empty(%a: tensor<2x0xf32>) {
  // expected-error@+1 {{operand #0 must be statically shaped, non-empty tensor}}
  %r = heddle.exp %a : tensor<2x0xf32>
  return
}

// -----

func.func @too_many_elements(%a: tensor<281474976710657xf32>) {
  // expected-error@+1 {{operand #0 must be statically shaped, non-empty tensor}}
  %r = heddle.exp %a : tensor<281474976710657xf32>
  return
}

// -----

func.func @compare_kinds(%a: tensor<2xf32>, %b: tensor<2xi32>) {
  // expected-error@+2 {{'heddle.compare' op rhs has element type 'i32', expected 'f32'}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.compare lt %a, %b : (tensor<2xf32>, tensor<2xi32>) -> tensor<2xi1>
  return
}

// -----

func.func @select_kinds(%c: tensor<2xi1>, %a: tensor<2xf32>, %b: tensor<2xf64>) {
  // expected-error@+2 {{'heddle.select' op if_false has element type 'f64', expected 'f32'}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.select %c, %a, %b : (tensor<2xi1>, tensor<2xf32>, tensor<2xf64>) -> tensor<2xf32>
  return
}

// -----

func.func @select_shapes(%c: tensor<3xi1>, %a: tensor<2xf32>) {
  // expected-error@+2 {{'heddle.select' op operands do not broadcast: [3] and [2]}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.select %c, %a, %a : (tensor<3xi1>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @constant_vector() {
  // expected-error@+1 {{'heddle.constant' op value has type 'vector<2xf32>', expected a ranked tensor}}
  %r = heddle.constant dense<1.0> : vector<2xf32>
  return
}

// -----

func.func @causal_rank() {
  // expected-error@+1 {{'heddle.causal_mask' op y has shape [2], expected [T, S]}}
  %r = heddle.causal_mask : tensor<2xi1>
  return
}

// -----

func.func @causal_window() {
  // expected-error@+1 {{'heddle.causal_mask' op window is 0, expected at least 1}}
  %r = heddle.causal_mask {window = 0 : i64} : tensor<2x2xi1>
  return
}

// -----

func.func @length_batch(%n: tensor<3xi32>) {
  // expected-error@+1 {{'heddle.length_mask' op lengths has shape [3], expected [2]}}
  %r = heddle.length_mask %n : tensor<3xi32> -> tensor<2x4xi1>
  return
}

// -----

func.func @length_rank(%n: tensor<3x1xi32>) {
  // expected-error@+1 {{'heddle.length_mask' op lengths has shape [3, 1], expected [B]}}
  %r = heddle.length_mask %n : tensor<3x1xi32> -> tensor<3x4xi1>
  return
}

// -----

func.func @length_result_rank(%n: tensor<3xi32>) {
  // expected-error@+1 {{'heddle.length_mask' op y has shape [3], expected [B, S]}}
  %r = heddle.length_mask %n : tensor<3xi32> -> tensor<3xi1>
  return
}

// -----

func.func @cast_shape(%a: tensor<2xf32>) {
  // expected-error@+1 {{requires the same shape for all operands and results}}
  %r = heddle.cast %a : tensor<2xf32> -> tensor<3xf64>
  return
}

// -----

func.func @dropout_one(%x: tensor<2xf32>, %s: tensor<3xi64>) {
  // expected-error@+1 {{'heddle.dropout' op p is 1.000000, expected at least 0 and less than 1}}
  %r = heddle.dropout %x, %s {p = 1.0 : f64, rng_id = 0 : i64} : (tensor<2xf32>, tensor<3xi64>) -> tensor<2xf32>
  return
}

// -----

func.func @dropout_nan(%x: tensor<2xf32>, %s: tensor<3xi64>) {
  // expected-error@+1 {{'heddle.dropout' op p is nan, expected at least 0 and less than 1}}
  %r = heddle.dropout %x, %s {p = 0x7FF8000000000000 : f64, rng_id = 0 : i64} : (tensor<2xf32>, tensor<3xi64>) -> tensor<2xf32>
  return
}

// -----

func.func @dropout_rng(%x: tensor<2xf32>, %s: tensor<2xi64>) {
  // expected-error@+1 {{'heddle.dropout' op rng has shape [2], expected [3]}}
  %r = heddle.dropout %x, %s {p = 0.5 : f64, rng_id = 0 : i64} : (tensor<2xf32>, tensor<2xi64>) -> tensor<2xf32>
  return
}

// -----

func.func @dropout_id(%x: tensor<2xf32>, %s: tensor<3xi64>) {
  // expected-error@+1 {{'heddle.dropout' op rng_id is 65536, expected at least 0 and less than 65536}}
  %r = heddle.dropout %x, %s {p = 0.5 : f64, rng_id = 65536 : i64} : (tensor<2xf32>, tensor<3xi64>) -> tensor<2xf32>
  return
}

// -----

func.func @dropout_negative_id(%x: tensor<2xf32>, %s: tensor<3xi64>) {
  // expected-error@+1 {{'heddle.dropout' op rng_id is -1, expected at least 0 and less than 65536}}
  %r = heddle.dropout %x, %s {p = 0.5 : f64, rng_id = -1 : i64} : (tensor<2xf32>, tensor<3xi64>) -> tensor<2xf32>
  return
}

// -----

func.func @dropout_result(%x: tensor<2xf32>, %s: tensor<3xi64>) {
  // expected-error@+1 {{'heddle.dropout' op y has shape [3], expected [2]}}
  %r = heddle.dropout %x, %s {p = 0.5 : f64, rng_id = 0 : i64} : (tensor<2xf32>, tensor<3xi64>) -> tensor<3xf32>
  return
}

// -----

// Elements that lie elsewhere, which may not be there.
func.func @constant_resource() {
  // expected-error @+1 {{failed to satisfy constraint: dense numbers}}
  %c = heddle.constant dense_resource<none> : tensor<4xf32>
  return
}

// -----

// Code is generated for each axis.
func.func @rank(%x: tensor<1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1xf32>) {
  // expected-error @+1 {{statically shaped, non-empty tensor}}
  %y = heddle.exp %x : tensor<1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1xf32>
  return
}
