// SPDX-License-Identifier: Apache-2.0
// RUN: heddle-opt %s --split-input-file --heddle-form-kernels | FileCheck %s

// Bias, activation with its saved operand, in one kernel.
// CHECK-LABEL: func @epilogue
// CHECK: %[[R:.*]]:2 = heddle.kernel "gemm_bias_gelu_6x8x4" (%[[X:.*]] = %arg0, %[[W:.*]] = %arg1, %[[B:.*]] = %arg2)
// CHECK-NEXT: %[[P:.*]] = heddle.matmul %[[X]], %[[W]]
// CHECK-NEXT: %[[H:.*]] = heddle.add %[[P]], %[[B]]
// CHECK-NEXT: %[[A:.*]] = heddle.gelu %[[H]]
// CHECK-NEXT: heddle.yield %[[H]], %[[A]]
// CHECK-NEXT: }
// CHECK-NEXT: return %[[R]]#0, %[[R]]#1
func.func @epilogue(%x: tensor<2x3x4xf32>, %w: tensor<4x8xf32>, %b: tensor<8xf32>) -> (tensor<2x3x8xf32>, tensor<2x3x8xf32>) {
  %0 = heddle.matmul %x, %w : (tensor<2x3x4xf32>, tensor<4x8xf32>) -> tensor<2x3x8xf32>
  %1 = heddle.add %0, %b : (tensor<2x3x8xf32>, tensor<8xf32>) -> tensor<2x3x8xf32>
  %2 = heddle.gelu %1 : tensor<2x3x8xf32>
  return %1, %2 : tensor<2x3x8xf32>, tensor<2x3x8xf32>
}

// -----

// The residual of another split of the leading axes, a splat constant sunk into the kernel.
// CHECK-LABEL: func @flattened_residual
// CHECK: %[[X:.*]] = heddle.reshape %arg2 : tensor<2x3x8xf32> -> tensor<6x8xf32>
// CHECK: heddle.kernel "gemm_mul_add_6x8x4" (%{{.*}} = %arg0, %{{.*}} = %arg1, %{{.*}} = %[[X]])
// CHECK: heddle.constant dense<5.000000e-01>
func.func @flattened_residual(%x: tensor<6x4xf32>, %w: tensor<4x8xf32>, %r: tensor<2x3x8xf32>) -> tensor<6x8xf32> {
  %0 = heddle.matmul %x, %w : (tensor<6x4xf32>, tensor<4x8xf32>) -> tensor<6x8xf32>
  %c = heddle.constant dense<0.5> : tensor<f32>
  %1 = heddle.mul %0, %c : (tensor<6x8xf32>, tensor<f32>) -> tensor<6x8xf32>
  %2 = heddle.reshape %r : tensor<2x3x8xf32> -> tensor<6x8xf32>
  %3 = heddle.add %1, %2 : (tensor<6x8xf32>, tensor<6x8xf32>) -> tensor<6x8xf32>
  return %3 : tensor<6x8xf32>
}

// -----

// A sum over several products is carried from one to the next.
// CHECK-LABEL: func @running_sum
// CHECK: %[[A:.*]] = heddle.kernel "gemm_4x8x6" (%{{.*}} = %arg0, %{{.*}} = %arg1)
// CHECK: %[[B:.*]] = heddle.kernel "gemm_add_4x8x6" (%{{.*}} = %arg2, %{{.*}} = %arg3, %{{.*}} = %[[A]])
// CHECK: return %[[B]]
func.func @running_sum(%x: tensor<6x4xf32>, %d: tensor<6x8xf32>, %y: tensor<6x4xf32>, %e: tensor<6x8xf32>) -> tensor<4x8xf32> {
  %0 = heddle.matmul %x, %d {transpose_a} : (tensor<6x4xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  %1 = heddle.matmul %y, %e {transpose_a} : (tensor<6x4xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  %2 = heddle.add %1, %0 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// -----

// The gate reads the product and what a norm makes of it: in the product's kernel it would be a cycle.
// CHECK-LABEL: func @no_cycle
// CHECK: %[[P:.*]] = heddle.kernel "gemm_4x4x4"
// CHECK: heddle.kernel "layer_norm_mul_4x4" (%{{.*}} = %[[P]])
func.func @no_cycle(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %0 = heddle.matmul %x, %w : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %y, %m, %r = heddle.layer_norm %0 {eps = 1.0e-5 : f64} : (tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4xf32>, tensor<4xf32>)
  %2 = heddle.mul %0, %y : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %2, %m, %r : tensor<4x4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// What broadcasts along rows is not read by a gemm.
// CHECK-LABEL: func @column_operand
// CHECK: heddle.kernel "gemm_6x8x4"
// CHECK: heddle.kernel "mul_6x8"
func.func @column_operand(%x: tensor<6x4xf32>, %w: tensor<4x8xf32>, %c: tensor<6x1xf32>) -> tensor<6x8xf32> {
  %0 = heddle.matmul %x, %w : (tensor<6x4xf32>, tensor<4x8xf32>) -> tensor<6x8xf32>
  %1 = heddle.mul %0, %c : (tensor<6x8xf32>, tensor<6x1xf32>) -> tensor<6x8xf32>
  return %1 : tensor<6x8xf32>
}

// -----

// The residual add lands in the norm, which yields it too.
// CHECK-LABEL: func @residual_norm
// CHECK: %[[R:.*]]:2 = heddle.kernel "layer_norm_add_6x4" (%{{.*}} = %arg0, %{{.*}} = %arg1, %{{.*}} = %arg2, %{{.*}} = %arg3)
// CHECK: heddle.add
// CHECK-NEXT: heddle.layer_norm
// CHECK: return %[[R]]#0, %[[R]]#1
func.func @residual_norm(%x: tensor<2x3x4xf32>, %y: tensor<2x3x4xf32>, %g: tensor<4xf32>, %b: tensor<4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x4xf32>) {
  %0 = heddle.add %x, %y : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %n, %m, %r = heddle.layer_norm %0 gamma(%g) beta(%b) {eps = 1.0e-5 : f64} : (tensor<2x3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3xf32>, tensor<2x3xf32>)
  return %0, %n : tensor<2x3x4xf32>, tensor<2x3x4xf32>
}

// -----

// And the residual's gradient in the norm's.
// CHECK-LABEL: func @residual_norm_grad
// CHECK: heddle.kernel "rms_norm_grad_add_6x4"
// CHECK-NOT: heddle.kernel
func.func @residual_norm_grad(%dy: tensor<6x4xf32>, %x: tensor<6x4xf32>, %r: tensor<6xf32>, %d: tensor<6x4xf32>) -> tensor<6x4xf32> {
  %0 = heddle.rms_norm_grad %dy, %x, %r : (tensor<6x4xf32>, tensor<6x4xf32>, tensor<6xf32>) -> tensor<6x4xf32>
  %1 = heddle.add %d, %0 : (tensor<6x4xf32>, tensor<6x4xf32>) -> tensor<6x4xf32>
  return %1 : tensor<6x4xf32>
}

// -----

// A column sum takes what nobody else reads.
// CHECK-LABEL: func @column_sum
// CHECK: heddle.kernel "sum_mul_6x4"
// CHECK: heddle.kernel "exp_6x4"
// CHECK: heddle.kernel "sum_6x4"
func.func @column_sum(%x: tensor<6x4xf32>, %y: tensor<6x4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<6x4xf32>) {
  %0 = heddle.mul %x, %y : (tensor<6x4xf32>, tensor<6x4xf32>) -> tensor<6x4xf32>
  %1 = heddle.sum %0 {axes = array<i64: 0>} : (tensor<6x4xf32>) -> tensor<4xf32>
  %2 = heddle.exp %x : tensor<6x4xf32>
  %3 = heddle.sum %2 {axes = array<i64: 0>} : (tensor<6x4xf32>) -> tensor<4xf32>
  return %1, %3, %2 : tensor<4xf32>, tensor<4xf32>, tensor<6x4xf32>
}

// -----

// Heads are split and joined while reading and writing; o is stored once, for two readers.
// CHECK-LABEL: func @attention
// CHECK: %[[R:.*]]:2 = heddle.kernel "attention_causal_b1_h2_t3_d4" (%{{.*}} = %arg0)
// CHECK-COUNT-3: heddle.slice
// CHECK: heddle.attention
// CHECK: heddle.transpose
// CHECK: heddle.yield
// CHECK: %[[G:.*]] = heddle.kernel "attention_grad_causal_b1_h2_t3_d4"
// CHECK: heddle.attention_grad
// CHECK: %[[C:.*]] = heddle.concat
// CHECK: heddle.yield %[[C]]
// CHECK-NOT: heddle.kernel
// CHECK: return
func.func @attention(%qkv: tensor<1x3x24xf32>, %do: tensor<1x2x3x4xf32>) -> (tensor<1x3x8xf32>, tensor<1x3x24xf32>) {
  %q0 = heddle.slice %qkv {offsets = array<i64: 0, 0, 0>, sizes = array<i64: 1, 3, 8>} : (tensor<1x3x24xf32>) -> tensor<1x3x8xf32>
  %k0 = heddle.slice %qkv {offsets = array<i64: 0, 0, 8>, sizes = array<i64: 1, 3, 8>} : (tensor<1x3x24xf32>) -> tensor<1x3x8xf32>
  %v0 = heddle.slice %qkv {offsets = array<i64: 0, 0, 16>, sizes = array<i64: 1, 3, 8>} : (tensor<1x3x24xf32>) -> tensor<1x3x8xf32>
  %q1 = heddle.reshape %q0 : tensor<1x3x8xf32> -> tensor<1x3x2x4xf32>
  %k1 = heddle.reshape %k0 : tensor<1x3x8xf32> -> tensor<1x3x2x4xf32>
  %v1 = heddle.reshape %v0 : tensor<1x3x8xf32> -> tensor<1x3x2x4xf32>
  %q = heddle.transpose %q1 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x3x2x4xf32>) -> tensor<1x2x3x4xf32>
  %k = heddle.transpose %k1 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x3x2x4xf32>) -> tensor<1x2x3x4xf32>
  %v = heddle.transpose %v1 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x3x2x4xf32>) -> tensor<1x2x3x4xf32>
  %o, %lse = heddle.attention %q, %k, %v {causal, scale = 0.5 : f64} : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> (tensor<1x2x3x4xf32>, tensor<1x2x3xf32>)
  %o1 = heddle.transpose %o {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x2x3x4xf32>) -> tensor<1x3x2x4xf32>
  %o2 = heddle.reshape %o1 : tensor<1x3x2x4xf32> -> tensor<1x3x8xf32>
  %dq, %dk, %dv = heddle.attention_grad %q, %k, %v, %o, %lse, %do {causal, scale = 0.5 : f64} : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3xf32>, tensor<1x2x3x4xf32>) -> (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>)
  %dq1 = heddle.transpose %dq {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x2x3x4xf32>) -> tensor<1x3x2x4xf32>
  %dk1 = heddle.transpose %dk {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x2x3x4xf32>) -> tensor<1x3x2x4xf32>
  %dv1 = heddle.transpose %dv {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x2x3x4xf32>) -> tensor<1x3x2x4xf32>
  %dq2 = heddle.reshape %dq1 : tensor<1x3x2x4xf32> -> tensor<1x3x8xf32>
  %dk2 = heddle.reshape %dk1 : tensor<1x3x2x4xf32> -> tensor<1x3x8xf32>
  %dv2 = heddle.reshape %dv1 : tensor<1x3x2x4xf32> -> tensor<1x3x8xf32>
  %d = heddle.concat %dq2, %dk2, %dv2 {axis = 2 : i64} : (tensor<1x3x8xf32>, tensor<1x3x8xf32>, tensor<1x3x8xf32>) -> tensor<1x3x24xf32>
  return %o2, %d : tensor<1x3x8xf32>, tensor<1x3x24xf32>
}

// -----

// A view that is no strided access is copied, once for both readers; a leading slice is no work.
// CHECK-LABEL: func @copies
// CHECK: %[[C:.*]] = heddle.kernel "copy_3x2x4" (%{{.*}} = %arg0)
// CHECK: %[[F:.*]] = heddle.reshape %[[C]] : tensor<3x2x4xf32> -> tensor<3x8xf32>
// CHECK: heddle.kernel "gemm_3x5x8" (%{{.*}} = %[[F]], %{{.*}} = %arg1)
// CHECK: %[[S:.*]] = heddle.slice %[[F]] {offsets = array<i64: 1, 0>, sizes = array<i64: 2, 8>}
// CHECK: heddle.kernel "exp_2x8" (%{{.*}} = %[[S]])
func.func @copies(%x: tensor<2x3x4xf32>, %w: tensor<8x5xf32>) -> (tensor<3x5xf32>, tensor<2x8xf32>) {
  %0 = heddle.transpose %x {permutation = array<i64: 1, 0, 2>} : (tensor<2x3x4xf32>) -> tensor<3x2x4xf32>
  %1 = heddle.reshape %0 : tensor<3x2x4xf32> -> tensor<3x8xf32>
  %2 = heddle.matmul %1, %w : (tensor<3x8xf32>, tensor<8x5xf32>) -> tensor<3x5xf32>
  %3 = heddle.slice %1 {offsets = array<i64: 1, 0>, sizes = array<i64: 2, 8>} : (tensor<3x8xf32>) -> tensor<2x8xf32>
  %4 = heddle.exp %3 : tensor<2x8xf32>
  return %2, %4 : tensor<3x5xf32>, tensor<2x8xf32>
}

// -----

// A chain of elementwise ops over one shape is one map; operands broadcast in it.
// CHECK-LABEL: func @map
// CHECK: heddle.kernel "add_exp_mul_2x3x4"
// CHECK-NOT: heddle.kernel
func.func @map(%x: tensor<2x3x4xf32>, %y: tensor<3x4xf32>, %z: tensor<2x4x3xf32>) -> tensor<2x3x4xf32> {
  %0 = heddle.add %x, %y : (tensor<2x3x4xf32>, tensor<3x4xf32>) -> tensor<2x3x4xf32>
  %1 = heddle.exp %0 : tensor<2x3x4xf32>
  %2 = heddle.transpose %z {permutation = array<i64: 0, 2, 1>} : (tensor<2x4x3xf32>) -> tensor<2x3x4xf32>
  %3 = heddle.mul %1, %2 : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return %3 : tensor<2x3x4xf32>
}

// -----

// Parts of a leading concat are stored where they belong; other concats are kernels.
// CHECK-LABEL: func @concats
// CHECK-DAG: %[[A:.*]] = heddle.kernel "exp_2x4"
// CHECK-DAG: %[[B:.*]] = heddle.kernel "tanh_2x4"
// CHECK-DAG: heddle.concat %[[A]], %[[B]] {axis = 0 : i64}
// CHECK-DAG: heddle.kernel "concat_2x8"
func.func @concats(%x: tensor<2x4xf32>) -> (tensor<4x4xf32>, tensor<2x8xf32>) {
  %0 = heddle.exp %x : tensor<2x4xf32>
  %1 = heddle.tanh %x : tensor<2x4xf32>
  %2 = heddle.concat %0, %1 {axis = 0 : i64} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<4x4xf32>
  %3 = heddle.concat %0, %1 {axis = 1 : i64} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x8xf32>
  return %2, %3 : tensor<4x4xf32>, tensor<2x8xf32>
}

// -----

// The scatter starts from the other gradient of a tied table. Returned zeros are written by a kernel,
// and a constant table stays a constant.
// CHECK-LABEL: func @tied
// CHECK: %[[T:.*]] = heddle.constant dense<[0, 2, 1]>
// CHECK: heddle.kernel "embedding_grad_5x4"
// CHECK: heddle.embedding_grad %{{.*}}, %{{.*}} init(%{{.*}})
// CHECK: heddle.kernel "fill_5x4" ()
func.func @tied(%dy: tensor<3x4xf32>, %g: tensor<5x4xf32>) -> (tensor<5x4xf32>, tensor<5x4xf32>) {
  %ids = heddle.constant dense<[0, 2, 1]> : tensor<3xi32>
  %0 = heddle.embedding_grad %ids, %dy : (tensor<3xi32>, tensor<3x4xf32>) -> tensor<5x4xf32>
  %1 = heddle.add %g, %0 : (tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<5x4xf32>
  %z = heddle.constant dense<0.0> : tensor<5x4xf32>
  return %1, %z : tensor<5x4xf32>, tensor<5x4xf32>
}

// -----

// A mask with one reader is computed where it is read.
// CHECK-LABEL: func @masked_softmax
// CHECK: %[[S:.*]] = heddle.kernel "select_causal_mask_2x3x3" (%{{.*}} = %arg0)
// CHECK: heddle.kernel "softmax_6x3" (%{{.*}} = %[[S]])
func.func @masked_softmax(%x: tensor<2x3x3xf32>) -> tensor<2x3x3xf32> {
  %m = heddle.causal_mask : tensor<3x3xi1>
  %n = heddle.constant dense<0xFF800000> : tensor<f32>
  %0 = heddle.select %m, %x, %n : (tensor<3x3xi1>, tensor<2x3x3xf32>, tensor<f32>) -> tensor<2x3x3xf32>
  %1 = heddle.softmax %0 : tensor<2x3x3xf32>
  return %1 : tensor<2x3x3xf32>
}

// -----

// With two readers it is a kernel of its own.
// CHECK-LABEL: func @shared_mask
// CHECK: %[[M:.*]] = heddle.kernel "causal_mask_3x3"
// CHECK: heddle.kernel "select_2x3x3" (%{{.*}} = %[[M]], %{{.*}} = %arg0)
// CHECK: heddle.kernel "select_1x3x3" (%{{.*}} = %[[M]], %{{.*}} = %arg1)
func.func @shared_mask(%x: tensor<2x3x3xf32>, %y: tensor<1x3x3xf32>) -> (tensor<2x3x3xf32>, tensor<1x3x3xf32>) {
  %m = heddle.causal_mask : tensor<3x3xi1>
  %n = heddle.constant dense<-1.0> : tensor<f32>
  %0 = heddle.select %m, %x, %n : (tensor<3x3xi1>, tensor<2x3x3xf32>, tensor<f32>) -> tensor<2x3x3xf32>
  %1 = heddle.select %m, %y, %n : (tensor<3x3xi1>, tensor<1x3x3xf32>, tensor<f32>) -> tensor<1x3x3xf32>
  return %0, %1 : tensor<2x3x3xf32>, tensor<1x3x3xf32>
}

// -----

// A product needs its operand in memory, an elementwise op does not.
// CHECK-LABEL: func @constant_operand
// CHECK: %[[C:.*]] = heddle.kernel "fill_4x8" ()
// CHECK: heddle.kernel "gemm_bias_6x8x4" (%{{.*}} = %arg0, %{{.*}} = %[[C]])
// CHECK-NEXT: heddle.matmul
// CHECK-NEXT: heddle.constant
// CHECK-NEXT: heddle.add
func.func @constant_operand(%x: tensor<6x4xf32>) -> tensor<6x8xf32> {
  %w = heddle.constant dense<0.5> : tensor<4x8xf32>
  %c = heddle.constant dense<0.25> : tensor<8xf32>
  %0 = heddle.matmul %x, %w : (tensor<6x4xf32>, tensor<4x8xf32>) -> tensor<6x8xf32>
  %1 = heddle.add %0, %c : (tensor<6x8xf32>, tensor<8xf32>) -> tensor<6x8xf32>
  return %1 : tensor<6x8xf32>
}

// The sum over rows reads what the softmax reads too: in one kernel with the softmax, exp would wait for
// the sum and the sum for it.
// CHECK-LABEL: func.func @no_circle
// CHECK: heddle.kernel
// CHECK-NEXT: heddle.exp
// CHECK: heddle.kernel
// CHECK-NEXT: heddle.sum
// CHECK: heddle.kernel
// CHECK-NEXT: heddle.add
// CHECK-NEXT: heddle.softmax
func.func @no_circle(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %e = heddle.exp %x : tensor<4x8xf32>
  %m = heddle.sum %e {axes = array<i64: 0>} : (tensor<4x8xf32>) -> tensor<8xf32>
  %s = heddle.add %e, %m : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  %y = heddle.softmax %s : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// Turned by a permutation that is not its own inverse, and read as it was too.
// CHECK-LABEL: func.func @turned_attention
// CHECK: heddle.attention
// CHECK: heddle.transpose {{.*}} {permutation = array<i64: 1, 2, 0, 3>}
// CHECK: heddle.transpose {{.*}} {permutation = array<i64: 2, 0, 1, 3>}
func.func @turned_attention(%q: tensor<2x3x4x8xf32>, %k: tensor<2x3x4x8xf32>, %v: tensor<2x3x4x8xf32>) -> (tensor<3x4x2x8xf32>, tensor<2x3x4x8xf32>) {
  %o, %lse = heddle.attention %q, %k, %v {scale = 0.5 : f64} : (tensor<2x3x4x8xf32>, tensor<2x3x4x8xf32>, tensor<2x3x4x8xf32>) -> (tensor<2x3x4x8xf32>, tensor<2x3x4xf32>)
  %t = heddle.transpose %o {permutation = array<i64: 1, 2, 0, 3>} : (tensor<2x3x4x8xf32>) -> tensor<3x4x2x8xf32>
  %e = heddle.exp %o : tensor<2x3x4x8xf32>
  return %t, %e : tensor<3x4x2x8xf32>, tensor<2x3x4x8xf32>
}
