// SPDX-License-Identifier: Apache-2.0
// What every pass asks of a function before it touches it (ir/EntryCheck.h).
// RUN: heddle-opt %s --split-input-file --verify-diagnostics --allow-unregistered-dialect --pass-pipeline='builtin.module(func.func(heddle-fuse-ffn))'
// RUN: heddle-opt %s --split-input-file --verify-diagnostics --allow-unregistered-dialect --pass-pipeline='builtin.module(func.func(heddle-plan-memory))'

// expected-error @below {{argument 0 has heddle.kind = 7 : i64, expected a string}}
func.func @kind_no_string(%x: tensor<4xf32> {heddle.kind = 7}) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// expected-error @below {{argument 0 has heddle.kind = "weight", expected one of param, state, input, scalar, rng}}
func.func @kind_unknown(%x: tensor<4xf32> {heddle.kind = "weight"}) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// expected-error @below {{result 0 has heddle.kind = "input", expected one of output, param, state}}
func.func @kind_of_result(%x: tensor<4xf32>) -> (tensor<4xf32> {heddle.kind = "input"}) {
  return %x : tensor<4xf32>
}

// -----

// expected-error @below {{argument 1 has the name 'a' of another}}
func.func @name_twice(%x: tensor<4xf32> {heddle.name = "a"}, %y: tensor<4xf32> {heddle.name = "a"})
    -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// expected-error @below {{argument 0 has a zero byte in its name}}
func.func @name_with_zero(%x: tensor<4xf32> {heddle.name = "a\00b"}) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// expected-error @below {{argument 0 has type 'f32', expected a statically shaped, non-empty tensor of numbers}}
func.func @scalar(%x: f32, %y: tensor<4xf32>) -> tensor<4xf32> {
  return %y : tensor<4xf32>
}

// -----

// expected-error @below {{argument 0 has type 'tensor<?xf32>', expected a statically shaped}}
func.func @dynamic(%x: tensor<?xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  return %y : tensor<4xf32>
}

// -----

// expected-error @below {{result 0 is the new value of 's' and has type 'tensor<2xf32>', the argument has 'tensor<4xf32>'}}
func.func @new_value(%x: tensor<4xf32> {heddle.kind = "state", heddle.name = "s"}, %y: tensor<2xf32>)
    -> (tensor<2xf32> {heddle.kind = "state", heddle.name = "s"}) {
  return %y : tensor<2xf32>
}

// -----

// expected-error @below {{has more than one block}}
func.func @blocks(%x: tensor<4xf32>) -> tensor<4xf32> {
  "test.branch"()[^next] : () -> ()
^next:
  return %x : tensor<4xf32>
}

// -----

func.func @foreign(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{'test.op' op is not of the heddle dialect}}
  %y = "test.op"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @end(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{'test.end' op is not of the heddle dialect}}
  "test.end"() : () -> ()
}

// -----

// A declaration promises nothing and breaks nothing.
func.func private @declared(tensor<4xf32>) -> tensor<4xf32>
