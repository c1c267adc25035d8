// SPDX-License-Identifier: Apache-2.0
// The page of each pass: what it does, when it fires, what it never does. In the order of the
// pipeline; the pipeline itself is Pipelines.cpp.

#ifndef HEDDLE_PASSES_PASSES_TD
#define HEDDLE_PASSES_PASSES_TD

include "mlir/Pass/PassBase.td"

//===- Fusion: primitive maths becomes composite ops ------------------------------------------------

def FuseAttentionPass : Pass<"heddle-fuse-attention", "::mlir::func::FuncOp"> {
  let summary = "lifts matmul, scale, mask, softmax, matmul into heddle.attention";
  let description = [{
    Fires at each `softmax` for which all of this holds:
    - its result, perhaps through one `dropout`, is operand a (not transposed) of one `matmul`, whose b
      is v, not transposed; nothing else uses these values;
    - walking up from the softmax's operand, through values used only here:
      - an optional `select(mask, scores, c)` with c a splat constant of at most -1e9 or -infinity;
        or the reverse order of its branches is a near miss;
      - an optional soft cap `mul(tanh(div(s, c)), c)`, also written `mul(tanh(mul(s, 1/c)), c)`;
      - an optional `add(s, bias)`;
      - an optional `mul(s, scalar constant)` or `div(s, scalar constant)`; the scale may also stand on
        q (one op between q and the matmul) or on both;
      - `matmul(q, k)` with transpose_b, or with k transposed on its last two axes by a `transpose`;
    - the mask is a tree of `logical_and` over `causal_mask` (with or without window), `length_mask`
      reshaped to [B, 1, 1, S] (or [B, 1, 1, 1, S]), and `compare ne x, 0` reshaped likewise, or of
      an operand reshaped likewise, for an integer x [B, S]; each kind at most once, up to broadcasts;
    - q is [B, H, T, D] with k, v [B, H, S, D] (perhaps a repeat of [B, G, S, D]: reshape, broadcast,
      reshape), or q is [B, G, R, T, D] with k, v [B, G, 1, S, D] (grouped queries).

    Never: changes what is computed where a query sees at least one key. A query that sees none gets
    zeros, where a very negative constant in the mask would give the mean of v.

    A softmax between two matmuls that fails a condition is reported as a `missed` remark with the
    reason and what to change.

    ```mlir
    %s = heddle.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
    %c = heddle.constant dense<0.353553385> : tensor<f32>
    %t = heddle.mul %s, %c : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
    %m = heddle.causal_mask : tensor<4x4xi1>
    %n = heddle.constant dense<0xFF800000> : tensor<f32>
    %u = heddle.select %m, %t, %n : (tensor<4x4xi1>, tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
    %p = heddle.softmax %u : tensor<1x2x4x4xf32>
    %o = heddle.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
    ```
    becomes
    ```mlir
    %o, %lse = heddle.attention %q, %k, %v {causal, scale = 0.353553385}
    ```
  }];
  let dependentDialects = ["::heddle::ir::HeddleDialect"];
}

def FuseFfnPass : Pass<"heddle-fuse-ffn", "::mlir::func::FuncOp"> {
  let summary = "lifts matmul, bias, activation, (gate), matmul, bias into heddle.ffn";
  let description = [{
    Fires at each activation (`relu`, `gelu`, `silu`) for which all of this holds:
    - its operand is `matmul(x, w)`, perhaps plus a bias [F];
    - its result, perhaps times `matmul(x, w')` plus bias of the same x (gated), perhaps through a
      dropout, is operand a of one `matmul`, whose result may get a bias; nothing else uses the
      values between;
    - that `matmul` leads back to the width of x: a head of classes does not, and is no near miss;
    - all weights have rank 2 and are used with the same transpose_b, without transpose_a.

    `mul(v, sigmoid(v))` counts as silu. A dropout after the last matmul stays outside. The results
    `hidden` and `gate` are left to the gradient. Never: fuses across a value that something else
    uses. A near miss (activation between two matmuls by parameters) is a `missed` remark.

    ```mlir
    %h = heddle.matmul %x, %w1 : (tensor<2x4xf32>, tensor<4x16xf32>) -> tensor<2x16xf32>
    %a = heddle.gelu %h : tensor<2x16xf32>
    %y = heddle.matmul %a, %w2 : (tensor<2x16xf32>, tensor<16x4xf32>) -> tensor<2x4xf32>
    ```
    becomes
    ```mlir
    %y, %hidden = heddle.ffn gelu %x in(%w1) out(%w2)
    ```
  }];
  let dependentDialects = ["::heddle::ir::HeddleDialect"];
}

def MergeQkvPass : Pass<"heddle-merge-qkv", "::mlir::func::FuncOp"> {
  let summary = "makes one matmul of those whose weights are columns of one parameter";
  let description = [{
    Fires for matmuls of one x by slices of one weight w (rank 2, same transpose flags) that together
    tile w along its output axis in order: they become one matmul by w and slices of its result. Biases
    that are slices of one bias in the same way are added before the slices.

    Weights that are parameters of their own are left alone: joining them would copy them in every
    step, as they must keep the checkpoint's layout. For two or three such matmuls that feed one
    `heddle.attention` an `analysis` remark says so; it is no near miss and does not offend --strict.

    ```mlir
    %wq = heddle.slice %w {offsets = [0, 0], sizes = [8, 8]}
    %wk = heddle.slice %w {offsets = [0, 8], sizes = [8, 8]}
    %q = heddle.matmul %x, %wq
    %k = heddle.matmul %x, %wk
    ```
    becomes
    ```mlir
    %qk = heddle.matmul %x, %w
    %q = heddle.slice %qk {offsets = [0, 0], sizes = [2, 8]}
    %k = heddle.slice %qk {offsets = [0, 8], sizes = [2, 8]}
    ```
  }];
  let dependentDialects = ["::heddle::ir::HeddleDialect"];
}

def FuseLinearCrossEntropyPass : Pass<"heddle-fuse-linear-cross-entropy", "::mlir::func::FuncOp"> {
  let summary = "lifts head matmul, cross entropy and its mean into heddle.linear_cross_entropy";
  let description = [{
    Fires at each `cross_entropy` for which all of this holds:
    - its losses are summed over all rows by one `sum` and divided by `count_targets` of the same
      targets (perhaps under another shape) with the same ignore_index; nothing else uses them, and
      its lse has no use;
    - its logits, perhaps through a reshape of leading axes, are `matmul(x, w)` with a w of rank 2,
      perhaps plus a bias [V]; nothing else uses the logits.

    Never: fires when the logits are returned too, since they then exist anyway; that is a `missed`
    remark.

    ```mlir
    %logits = heddle.matmul %x, %w {transpose_b} : (tensor<6x4xf32>, tensor<11x4xf32>) -> tensor<6x11xf32>
    %losses, %lse = heddle.cross_entropy %logits, %targets
    %sum = heddle.sum %losses {axes = array<i64: 0>}
    %count = heddle.count_targets %targets
    %loss = heddle.div %sum, %count
    ```
    becomes
    ```mlir
    %loss, %lse = heddle.linear_cross_entropy %x, %w targets(%targets) {transpose_w}
    ```
  }];
  let dependentDialects = ["::heddle::ir::HeddleDialect"];
}

//===- Differentiation and the optimizer ------------------------------------------------------------
// and memory planning: on a page of their own.
include "passes/TrainingPasses.td"

def DropFunctionsPass : Pass<"heddle-drop-functions", "::mlir::ModuleOp"> {
  let summary = "erases functions that other entries were derived from";
  let description = [{
    Erases the functions named; a name that does not exist is no error. @train_loss goes once
    heddle-append-optimizer has made the training entries, so that it becomes no entry itself.
  }];
  let options = [ListOption<"names", "names", "std::string", "functions to erase">];
}

//===- Lowering to kernels --------------------------------------------------------------------------

def ExpandCompositesPass : Pass<"heddle-expand-composites", "::mlir::func::FuncOp"> {
  let summary = "writes out composite ops that no single kernel computes";
  let description = [{
    - `ffn` becomes its matmuls, biases, activation and gate, to be joined again by kernel (the
      activation lands in the first matmul's epilogue).
    - `linear_cross_entropy` and `linear_cross_entropy_train` become straight-line code over blocks of
      tokens, so that only one block's logits live at a time. A block has as many rows as
      keep its logits within `max-logits-bytes`, but at least 64, or all of them; equal blocks where that
      takes less than twice as many.
    - `attention` and `attention_grad`, `layer_norm` and `rms_norm` stay: they are kernels. With
      `decompose-attention` attention is decomposed too (a `missed` remark at each).

    Never: changes a value but for the order of sums: losses are summed over all tokens at once, weight
    gradients block by block, in order.

    ```mlir
    %loss, %lse = heddle.linear_cross_entropy %x, %w targets(%t) : (tensor<128x4xf32>, ...
    ```
    becomes, for blocks of 64 rows,
    ```mlir
    %n = heddle.count_targets %t
    %x0 = heddle.slice %x {offsets = array<i64: 0, 0>, sizes = array<i64: 64, 4>}
    %t0 = heddle.slice %t {offsets = array<i64: 0>, sizes = array<i64: 64>}
    %l0 = heddle.matmul %x0, %w
    %e0, %s0 = heddle.cross_entropy %l0, %t0
    (the same from row 64 on)
    %e = heddle.concat %e0, %e1 {axis = 0}
    %sum = heddle.sum %e {axes = array<i64: 0>}
    %loss = heddle.div %sum, %n
    ```
  }];
  let options = [
    Option<"maxLogitsBytes", "max-logits-bytes", "int64_t", "52428800",
           "bytes that the logits of one block of tokens may take">,
    Option<"decomposeAttention", "decompose-attention", "bool", "false",
           "write out heddle.attention where it has no gradient op">,
  ];
  let dependentDialects = ["::heddle::ir::HeddleDialect"];
}

def SplitDepthPass : Pass<"heddle-split-depth", "::mlir::func::FuncOp"> {
  let summary = "gives each task of a product of few rows whole rows of the weight";
  let description = [{
    Fires at each f32 `matmul(x, w)` for which all of this holds:
    - x has at most 16 rows; neither flag transposes;
    - w is an argument of rank 2 and of at least `min-bytes`;
    - its K rows divide into 4 parts, or else 2, of at least 16 rows.

    The parts are products of their own, one batch entry each, and are summed. A task then reads memory
    from one end to the other; columns of the whole depth would be runs with gaps, at about half of the
    speed. The number of parts does not depend on the number of threads, so neither does the result.
    Never: changes a value but for the order of sums.

    ```mlir
    %y = heddle.matmul %x, %w : (tensor<1x768xf32>, tensor<768x3072xf32>) -> tensor<1x3072xf32>
    ```
    becomes
    ```mlir
    %p = heddle.reshape %x : tensor<1x768xf32> -> tensor<1x4x192xf32>
    %q = heddle.transpose %p {permutation = array<i64: 1, 0, 2>}
    %v = heddle.reshape %w : tensor<768x3072xf32> -> tensor<4x192x3072xf32>
    %s = heddle.matmul %q, %v
    %y = heddle.sum %s {axes = array<i64: 0>}
    ```
  }];
  let options = [
    Option<"minBytes", "min-bytes", "int64_t", "1048576",
           "smaller weights stay in a core's caches and are left whole">,
  ];
  let dependentDialects = ["::heddle::ir::HeddleDialect"];
}

def FormKernelsPass : Pass<"heddle-form-kernels", "::mlir::func::FuncOp"> {
  let summary = "groups ops into heddle.kernel ops, the units of code generation";
  let description = [{
    Greedy and deterministic, by kind of anchor:
    - each matmul, the last first, takes bias, activation, dropout, residual and accumulating adds into
      its epilogue. The last first, so that of a sum over several products each adds to the one
      before, in place, instead of all waiting for one;
    - each attention takes the views around it; where o is transposed and read otherwise too, it is
      stored transposed and the others read it through the inverse;
    - each row op (norms, softmax, cross entropy, their gradients) takes the elementwise ops before and
      after it that no matmul has taken: residual adds land in the norm, gradients of the residual
      in the norm's gradient;
    - each column reduction takes the elementwise ops before it that nobody else reads;
    - what is left of elementwise ops forms maps of producers and consumers of one shape;
    - all other ops stand alone.
    A kernel is legal in the sense of ir/KernelForms.h, and no path leads out of it and back in.

    Views are absorbed into each reader as strided access, except that what is contiguous about them
    (reshape, slice along the leading axis) stays at the top level, where it is an alias and keeps equal
    kernels equal. A view that is no strided access is copied once, by a kernel. Splat constants are
    sunk; a tensor of one value that a matmul or another op with loops of its own reads is filled by
    a kernel. What remains at the top level are kernels, contiguous aliases (also concats along the
    leading axis), constants that are no splats, and the return.

    `add(x, embedding_grad(ids, dy))` scatters onto x instead. Kernels are named after form and shape:
    `gemm_bias_gelu_1024x3072x768` (rows, columns, depth). A composite op that is no kernel is an
    error. Never: changes a value.

    ```mlir
    %0 = heddle.matmul %x, %w : (tensor<6x4xf32>, tensor<4x8xf32>) -> tensor<6x8xf32>
    %1 = heddle.add %0, %b : (tensor<6x8xf32>, tensor<8xf32>) -> tensor<6x8xf32>
    %2 = heddle.gelu %1 : tensor<6x8xf32>
    ```
    becomes
    ```mlir
    %2 = heddle.kernel "gemm_bias_gelu_6x8x4" (%arg0 = %x, %arg1 = %w, %arg2 = %b) : ... {
      %p = heddle.matmul %arg0, %arg1
      %h = heddle.add %p, %arg2
      %a = heddle.gelu %h
      heddle.yield %a
    }
    ```
  }];
  let dependentDialects = ["::heddle::ir::HeddleDialect"];
}

#endif
