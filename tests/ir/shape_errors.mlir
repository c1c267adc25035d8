// RUN: heddle-opt %s --split-input-file --verify-diagnostics

func.func @reshape_count(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'heddle.reshape' op x [2, 3] has 6 elements, y [5] has 5}}
  %r = heddle.reshape %x : tensor<2x3xf32> -> tensor<5xf32>
  return
}

// -----

func.func @reshape_type(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'heddle.reshape' op y has element type 'i32', expected 'f32'}}
  %r = heddle.reshape %x : tensor<2x3xf32> -> tensor<6xi32>
  return
}

// -----

func.func @transpose_entries(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{'heddle.transpose' op permutation has 1 entries, x has 2 axes}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.transpose %x {permutation = array<i64: 0>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @transpose_twice(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{'heddle.transpose' op [1, 1] is no permutation of 2 axes}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.transpose %x {permutation = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<3x3xf32>
  return
}

// -----

func.func @transpose_range(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{'heddle.transpose' op [0, -1] is no permutation of 2 axes}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.transpose %x {permutation = array<i64: 0, -1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @broadcast_shape(%x: tensor<2xf32>) {
  // expected-error@+1 {{'heddle.broadcast' op x [2] does not broadcast to [2, 3]}}
  %r = heddle.broadcast %x : tensor<2xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @broadcast_rank(%x: tensor<1x2xf32>) {
  // expected-error@+1 {{'heddle.broadcast' op x [1, 2] does not broadcast to [2]}}
  %r = heddle.broadcast %x : tensor<1x2xf32> -> tensor<2xf32>
  return
}

// -----

func.func @broadcast_type(%x: tensor<2xf32>) {
  // expected-error@+1 {{'heddle.broadcast' op y has element type 'f64', expected 'f32'}}
  %r = heddle.broadcast %x : tensor<2xf32> -> tensor<3x2xf64>
  return
}

// -----

func.func @slice_entries(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{'heddle.slice' op x has 2 axes, found 1 offsets and 2 sizes}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.slice %x {offsets = array<i64: 0>, sizes = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<1x1xf32>
  return
}

// -----

func.func @slice_end(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{'heddle.slice' op axis 1: 2 elements from 2 on do not lie within 3}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.slice %x {offsets = array<i64: 0, 2>, sizes = array<i64: 2, 2>} : (tensor<2x3xf32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @slice_start(%x: tensor<3xf32>) {
  // expected-error@+2 {{'heddle.slice' op axis 0: 2 elements from -1 on do not lie within 3}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.slice %x {offsets = array<i64: -1>, sizes = array<i64: 2>} : (tensor<3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @slice_overflow(%x: tensor<3xf32>) {
  // expected-error@+2 {{'heddle.slice' op axis 0: 2 elements from 9223372036854775807 on do not lie within 3}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.slice %x {offsets = array<i64: 9223372036854775807>, sizes = array<i64: 2>} : (tensor<3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @slice_nothing(%x: tensor<3xf32>) {
  // expected-error@+2 {{'heddle.slice' op axis 0: 0 elements from 0 on do not lie within 3}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.slice %x {offsets = array<i64: 0>, sizes = array<i64: 0>} : (tensor<3xf32>) -> tensor<1xf32>
  return
}

// -----

func.func @concat_none() {
  // expected-error@+2 {{'heddle.concat' op needs at least one part}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = "heddle.concat"() {axis = 0 : i64} : () -> tensor<3xf32>
  return
}

// -----

func.func @concat_axis(%x: tensor<3xf32>) {
  // expected-error@+2 {{'heddle.concat' op axis is 1, the parts have 1 axes}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.concat %x, %x {axis = 1 : i64} : (tensor<3xf32>, tensor<3xf32>) -> tensor<6xf32>
  return
}

// -----

func.func @concat_shapes(%x: tensor<2x3xf32>, %y: tensor<3x3xf32>) {
  // expected-error@+2 {{'heddle.concat' op part 1 has shape [3, 3], expected that of part 0, [2, 3], but for axis 1}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.concat %x, %y {axis = 1 : i64} : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @concat_ranks(%x: tensor<2x3xf32>, %y: tensor<3xf32>) {
  // expected-error@+2 {{'heddle.concat' op part 1 has shape [3], expected that of part 0, [2, 3], but for axis 1}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.concat %x, %y {axis = 1 : i64} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @concat_types(%x: tensor<3xf32>, %y: tensor<3xi32>) {
  // expected-error@+2 {{'heddle.concat' op part 1 has element type 'i32', expected 'f32'}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.concat %x, %y {axis = 0 : i64} : (tensor<3xf32>, tensor<3xi32>) -> tensor<6xf32>
  return
}

// -----

func.func @pad_entries(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{'heddle.pad' op x has 2 axes, found 1 low and 2 high paddings}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.pad %x {low = array<i64: 0>, high = array<i64: 0, 0>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @pad_negative(%x: tensor<2xf32>) {
  // expected-error@+2 {{'heddle.pad' op axis 0: padding of -1 and 0, expected none below 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %r = heddle.pad %x {low = array<i64: -1>, high = array<i64: 0>} : (tensor<2xf32>) -> tensor<1xf32>
  return
}
