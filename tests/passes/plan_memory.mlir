// SPDX-License-Identifier: Apache-2.0
// RUN: heddle-opt %s --pass-pipeline='builtin.module(func.func(heddle-plan-memory))' | FileCheck %s

// A chain reuses one buffer; the result is the caller's.
// CHECK-LABEL: func.func @chain
// CHECK-SAME: heddle.arena_bytes = 128 : i64, heddle.max_live_bytes = 128 : i64
// CHECK: "exp" {{.*}} {offsets = array<i64: 0>}
// CHECK: "tanh" {{.*}} {offsets = array<i64: 0>}
// CHECK: "neg" {{.*}} {offsets = array<i64: -1>}
func.func @chain(%x: tensor<4x8xf32> {heddle.kind = "input", heddle.name = "x"})
    -> (tensor<4x8xf32> {heddle.kind = "output", heddle.name = "y"}) {
  %a = heddle.kernel "exp" (%i = %x) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    %o = heddle.exp %i : tensor<4x8xf32>
    heddle.yield %o : tensor<4x8xf32>
  }
  %b = heddle.kernel "tanh" (%i = %a) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    %o = heddle.tanh %i : tensor<4x8xf32>
    heddle.yield %o : tensor<4x8xf32>
  }
  %c = heddle.kernel "neg" (%i = %b) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    %o = heddle.neg %i : tensor<4x8xf32>
    heddle.yield %o : tensor<4x8xf32>
  }
  return %c : tensor<4x8xf32>
}

// A transposed read keeps the operand: two buffers.
// CHECK-LABEL: func.func @transposed
// CHECK-SAME: heddle.arena_bytes = 512 : i64
// CHECK: "exp" {{.*}} {offsets = array<i64: 0>}
// CHECK: "transposed" {{.*}} {offsets = array<i64: 256>}
// CHECK: "neg" {{.*}} {offsets = array<i64: -1>}
func.func @transposed(%x: tensor<8x8xf32> {heddle.kind = "input", heddle.name = "x"})
    -> (tensor<8x8xf32> {heddle.kind = "output", heddle.name = "y"}) {
  %a = heddle.kernel "exp" (%i = %x) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
    %o = heddle.exp %i : tensor<8x8xf32>
    heddle.yield %o : tensor<8x8xf32>
  }
  %b = heddle.kernel "transposed" (%i = %a) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
    %t = heddle.transpose %i {permutation = array<i64: 1, 0>} : (tensor<8x8xf32>) -> tensor<8x8xf32>
    %o = heddle.neg %t : tensor<8x8xf32>
    heddle.yield %o : tensor<8x8xf32>
  }
  %c = heddle.kernel "neg" (%i = %b) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
    %o = heddle.neg %i : tensor<8x8xf32>
    heddle.yield %o : tensor<8x8xf32>
  }
  return %c : tensor<8x8xf32>
}

// New values go straight over the old ones; what is read only there needs no buffer of its own.
// The zeros move behind the last read of the accumulator.
// CHECK-LABEL: func.func @step
// CHECK-SAME: heddle.arena_bytes = 0 : i64
// CHECK: "gemm_add" {{.*}} {heddle.arguments = array<i64: 3>, offsets = array<i64: -1>}
// CHECK: "adamw" {{.*}} {heddle.arguments = array<i64: 0, 1, 2>, offsets = array<i64: -1, -1, -1>}
// CHECK: "zeros" {{.*}} {heddle.arguments = array<i64: 3>, offsets = array<i64: -1>}
// CHECK: return
func.func @step(%w: tensor<4x4xf32> {heddle.kind = "param", heddle.name = "w"},
    %m: tensor<4x4xf32> {heddle.kind = "state", heddle.name = "adam.m.w"},
    %v: tensor<4x4xf32> {heddle.kind = "state", heddle.name = "adam.v.w"},
    %g: tensor<4x4xf32> {heddle.kind = "state", heddle.name = "grad.w"},
    %x: tensor<4x4xf32> {heddle.kind = "input", heddle.name = "x"},
    %h: tensor<9xf32> {heddle.kind = "scalar", heddle.name = "hyper"},
    %s: tensor<f32> {heddle.kind = "scalar", heddle.name = "s"})
    -> (tensor<4x4xf32> {heddle.kind = "param", heddle.name = "w"},
        tensor<4x4xf32> {heddle.kind = "state", heddle.name = "adam.m.w"},
        tensor<4x4xf32> {heddle.kind = "state", heddle.name = "adam.v.w"},
        tensor<4x4xf32> {heddle.kind = "state", heddle.name = "grad.w"}) {
  %z = heddle.kernel "zeros" () : () -> tensor<4x4xf32> {
    %o = heddle.constant dense<0.0> : tensor<4x4xf32>
    heddle.yield %o : tensor<4x4xf32>
  }
  %t = heddle.kernel "gemm_add" (%a = %x, %b = %w, %c = %g) : (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> {
    %p = heddle.matmul %a, %b {transpose_a} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    %o = heddle.add %c, %p : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    heddle.yield %o : tensor<4x4xf32>
  }
  %nw, %nm, %nv = heddle.kernel "adamw" (%pw = %w, %pg = %t, %pm = %m, %pv = %v, %ph = %h, %ps = %s) : (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<9xf32>, tensor<f32>) -> (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) {
    %a, %b, %c = heddle.adamw %pw, %pg, %pm, %pv, %ph, %ps {decay} : (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<9xf32>, tensor<f32>) -> (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>)
    heddle.yield %a, %b, %c : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>
  }
  return %nw, %nm, %nv, %z : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>
}

// The old value is read later: the new one waits and is copied.
// CHECK-LABEL: func.func @read_later
// CHECK: "exp" {{.*}} {offsets = array<i64: 0>}
// CHECK: [[OLD:%[0-9]+]] = heddle.kernel "neg" {{.*}} {offsets = array<i64: -1>}
// CHECK: [[NEW:%[0-9]+]] = heddle.kernel "copy" {{.*}} {heddle.arguments = array<i64: 0>, offsets = array<i64: -1>}
// CHECK: return [[NEW]], [[OLD]]
func.func @read_later(%s: tensor<4xf32> {heddle.kind = "state", heddle.name = "s"})
    -> (tensor<4xf32> {heddle.kind = "state", heddle.name = "s"},
        tensor<4xf32> {heddle.kind = "output", heddle.name = "old"}) {
  %a = heddle.kernel "exp" (%i = %s) : (tensor<4xf32>) -> tensor<4xf32> {
    %o = heddle.exp %i : tensor<4xf32>
    heddle.yield %o : tensor<4xf32>
  }
  %b = heddle.kernel "neg" (%i = %s) : (tensor<4xf32>) -> tensor<4xf32> {
    %o = heddle.neg %i : tensor<4xf32>
    heddle.yield %o : tensor<4xf32>
  }
  return %a, %b : tensor<4xf32>, tensor<4xf32>
}

// Parts of a concat are stored in the whole, slices are windows on it.
// CHECK-LABEL: func.func @windows
// CHECK-SAME: heddle.arena_bytes = 256 : i64
// CHECK: "exp" {{.*}} {offsets = array<i64: 0>}
// CHECK: "neg" {{.*}} {offsets = array<i64: 128>}
// CHECK-NOT: "copy"
func.func @windows(%x: tensor<2x16xf32> {heddle.kind = "input", heddle.name = "x"})
    -> (tensor<2x16xf32> {heddle.kind = "output", heddle.name = "y"}) {
  %a = heddle.kernel "exp" (%i = %x) : (tensor<2x16xf32>) -> tensor<2x16xf32> {
    %o = heddle.exp %i : tensor<2x16xf32>
    heddle.yield %o : tensor<2x16xf32>
  }
  %b = heddle.kernel "neg" (%i = %x) : (tensor<2x16xf32>) -> tensor<2x16xf32> {
    %o = heddle.neg %i : tensor<2x16xf32>
    heddle.yield %o : tensor<2x16xf32>
  }
  %c = heddle.concat %a, %b {axis = 0 : i64} : (tensor<2x16xf32>, tensor<2x16xf32>) -> tensor<4x16xf32>
  %s = heddle.slice %c {offsets = array<i64: 1, 0>, sizes = array<i64: 2, 16>} : (tensor<4x16xf32>) -> tensor<2x16xf32>
  %d = heddle.kernel "tanh" (%i = %s, %j = %c) : (tensor<2x16xf32>, tensor<4x16xf32>) -> tensor<2x16xf32> {
    %k = heddle.slice %j {offsets = array<i64: 0, 0>, sizes = array<i64: 2, 16>} : (tensor<4x16xf32>) -> tensor<2x16xf32>
    %o = heddle.add %i, %k : (tensor<2x16xf32>, tensor<2x16xf32>) -> tensor<2x16xf32>
    heddle.yield %o : tensor<2x16xf32>
  }
  return %d : tensor<2x16xf32>
}

// Results that have no memory of their own are copied: an argument, a window, a value returned twice.
// CHECK-LABEL: func.func @copies
// CHECK-SAME: [[X:%arg0]]: tensor<4xf32>
// CHECK: [[C:%[0-9]+]] = heddle.kernel "exp" {{.*}} {offsets = array<i64: -1>}
// CHECK: [[S:%[0-9]+]] = heddle.slice [[C]]
// CHECK: [[A:%[0-9]+]] = heddle.kernel "copy" ({{.*}} = [[X]])
// CHECK: [[B:%[0-9]+]] = heddle.kernel "copy" ({{.*}} = [[S]])
// CHECK: [[D:%[0-9]+]] = heddle.kernel "copy" ({{.*}} = [[C]])
// CHECK: return [[A]], [[B]], [[C]], [[D]]
func.func @copies(%x: tensor<4xf32> {heddle.kind = "input", heddle.name = "x"})
    -> (tensor<4xf32> {heddle.kind = "output", heddle.name = "a"},
        tensor<2xf32> {heddle.kind = "output", heddle.name = "b"},
        tensor<4xf32> {heddle.kind = "output", heddle.name = "c"},
        tensor<4xf32> {heddle.kind = "output", heddle.name = "d"}) {
  %a = heddle.kernel "exp" (%i = %x) : (tensor<4xf32>) -> tensor<4xf32> {
    %o = heddle.exp %i : tensor<4xf32>
    heddle.yield %o : tensor<4xf32>
  }
  %s = heddle.slice %a {offsets = array<i64: 2>, sizes = array<i64: 2>} : (tensor<4xf32>) -> tensor<2xf32>
  return %x, %s, %a, %a : tensor<4xf32>, tensor<2xf32>, tensor<4xf32>, tensor<4xf32>
}

// States that change places: the old values are copied before either is written.
// CHECK-LABEL: func.func @swap
// CHECK: %[[OLD_B:.*]] = heddle.kernel "copy" (%{{.*}} = %arg1)
// CHECK: %[[OLD_A:.*]] = heddle.kernel "copy" (%{{.*}} = %arg0)
// CHECK: return
func.func @swap(%a: tensor<4xf32> {heddle.kind = "state", heddle.name = "a"},
    %b: tensor<4xf32> {heddle.kind = "state", heddle.name = "b"})
    -> (tensor<4xf32> {heddle.kind = "state", heddle.name = "b"},
        tensor<4xf32> {heddle.kind = "state", heddle.name = "a"}) {
  return %a, %b : tensor<4xf32>, tensor<4xf32>
}
