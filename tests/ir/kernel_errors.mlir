// RUN: heddle-opt %s --split-input-file --verify-diagnostics

func.func @inputs(%x: tensor<2xf32>) {
  // expected-error@+1 {{'heddle.kernel' op has inputs of types 'tensor<2xf32>', its block takes 'tensor<3xf32>'}}
  %r = "heddle.kernel"(%x) ({
  ^bb0(%a: tensor<3xf32>):
    heddle.yield %a : tensor<3xf32>
  }) {name = "k"} : (tensor<2xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @results(%x: tensor<2xf32>) {
  // expected-error@+1 {{'heddle.kernel' op has results of types 'tensor<3xf32>', its body yields 'tensor<2xf32>'}}
  %r = heddle.kernel "k" (%a = %x) : (tensor<2xf32>) -> tensor<3xf32> {
    heddle.yield %a : tensor<2xf32>
  }
  return
}

// -----

func.func @offsets(%x: tensor<2xf32>) {
  // expected-error@+1 {{'heddle.kernel' op has 2 offsets for 1 results}}
  %r = heddle.kernel "k" (%a = %x) : (tensor<2xf32>) -> tensor<2xf32> attributes {offsets = array<i64: 0, 0>} {
    heddle.yield %a : tensor<2xf32>
  }
  return
}

// -----

func.func @outside(%x: tensor<2xf32>) {
  // expected-note@+1 {{required by region isolation constraints}}
  %r = heddle.kernel "k" () : () -> tensor<2xf32> {
    // expected-error@+1 {{'heddle.yield' op using value defined outside the region}}
    heddle.yield %x : tensor<2xf32>
  }
  return
}

// -----

func.func @types(%x: tensor<2xf32>) {
  // expected-error@+1 {{number of operands and types do not match: got 1 operands and 2 types}}
  %r = heddle.kernel "k" (%a = %x) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32> {
    heddle.yield %a : tensor<2xf32>
  }
  return
}

// -----

func.func @yield_outside_a_kernel(%x: tensor<2xf32>) {
  // expected-error@+1 {{'heddle.yield' op expects parent op 'heddle.kernel'}}
  heddle.yield %x : tensor<2xf32>
}
