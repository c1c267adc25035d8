// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_IR_ATTENTIONOPS_TD
#define HEDDLE_IR_ATTENTIONOPS_TD

include "ir/Dialect.td"

def AttentionOp : Heddle_PureOp<"attention",
    [AttrSizedOperandSegments, InferTypeOpAdaptor,
     DeclareOpInterfaceMethods<DecomposableOpInterface>]> {
  let summary = "o = dropout(softmax(mask(scale * q k^T + bias))) v";
  let description = [{
    q [B, H, T, D], k [B, G, S, D], v [B, G, S, E] with G dividing H (grouped-query
    attention, arXiv:2305.13245: query head h uses key head h / (H/G)).
    A key j is visible to query i of batch row b when all given conditions hold:
    `causal`: j <= i + (S - T); `window`: j > i + (S - T) - window;
    `key_mask` [B, S] (i32): key_mask[b, j] != 0; `kv_lengths` [B]: j < kv_lengths[b].
    `bias` broadcasts to [B, H, T, S] and is added to the scaled scores; then `soft_cap` c
    turns a score s into c * tanh(s / c), before the mask. A query that sees no key
    yields zeros and lse = -infinity. Dropout (p > 0) uses `rng` as heddle.dropout
    does, on the logical tensor [B, H, T, S]. lse [B, H, T] is the log-sum-exp of the
    masked scores, kept for the gradient (arXiv:2205.14135).

    o [B, H, T, E]; lse is f32 where q is narrower.

    Example:

    ```mlir
    %o, %lse = heddle.attention %q, %k, %v key_mask(%mask) {scale = 0.125 : f64, causal}
        : (tensor<2x6x5x64xf32>, tensor<2x3x5x64xf32>, tensor<2x3x5x64xf32>, tensor<2x5xi32>)
       -> (tensor<2x6x5x64xf32>, tensor<2x6x5xf32>)
    ```
  }];
  let arguments = (ins
    Heddle_FloatTensor:$q, Heddle_FloatTensor:$k, Heddle_FloatTensor:$v,
    Optional<Heddle_FloatTensor>:$bias, Optional<Heddle_IndexTensor>:$key_mask,
    Optional<Heddle_IndexTensor>:$kv_lengths, Optional<Heddle_RngState>:$rng,
    F64Attr:$scale, UnitAttr:$causal, OptionalAttr<I64Attr>:$window,
    OptionalAttr<F64Attr>:$soft_cap,
    DefaultValuedAttr<F64Attr, "0.0">:$dropout, DefaultValuedAttr<I64Attr, "0">:$rng_id);
  let results = (outs Heddle_FloatTensor:$o, Heddle_FloatTensor:$lse);
  let assemblyFormat = [{
    $q `,` $k `,` $v (`bias` `(` $bias^ `)`)? (`key_mask` `(` $key_mask^ `)`)?
    (`kv_lengths` `(` $kv_lengths^ `)`)? (`rng` `(` $rng^ `)`)? attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def AttentionGradOp : Heddle_PureOp<"attention_grad",
    [AttrSizedOperandSegments, InferTypeOpAdaptor]> {
  let summary = "gradients of attention by q, k, v and bias, recomputing the weights from lse";
  let description = [{
    With P the attention weights before dropout, M the scaled keep mask, dP = (do v^T) M,
    delta = rowsum(do * o): dv = (P M)^T do, ds = P (dP - delta), dq = scale * ds k,
    dk = scale * ds^T q (arXiv:2307.08691). Deterministic: sums run in a fixed order.
    With a bias there is dbias: ds summed over the axes that the bias is repeated along.
    An unused result costs nothing.

    Operands and attributes as attention had them, with its results and d_o, the gradient
    by o. With `soft_cap` c, ds is times 1 - (s / c)^2 for the capped score s. A query that
    saw no key adds nothing.

    Example:

    ```mlir
    %dq, %dk, %dv = heddle.attention_grad %q, %k, %v, %o, %lse, %do {scale = 0.125 : f64, causal}
        : (tensor<2x6x5x64xf32>, tensor<2x3x5x64xf32>, tensor<2x3x5x64xf32>,
           tensor<2x6x5x64xf32>, tensor<2x6x5xf32>, tensor<2x6x5x64xf32>)
       -> (tensor<2x6x5x64xf32>, tensor<2x3x5x64xf32>, tensor<2x3x5x64xf32>)
    ```
  }];
  let arguments = (ins
    Heddle_FloatTensor:$q, Heddle_FloatTensor:$k, Heddle_FloatTensor:$v,
    Heddle_FloatTensor:$o, Heddle_FloatTensor:$lse, Heddle_FloatTensor:$d_o,
    Optional<Heddle_FloatTensor>:$bias, Optional<Heddle_IndexTensor>:$key_mask,
    Optional<Heddle_IndexTensor>:$kv_lengths, Optional<Heddle_RngState>:$rng,
    F64Attr:$scale, UnitAttr:$causal, OptionalAttr<I64Attr>:$window,
    OptionalAttr<F64Attr>:$soft_cap,
    DefaultValuedAttr<F64Attr, "0.0">:$dropout, DefaultValuedAttr<I64Attr, "0">:$rng_id);
  let results = (outs Heddle_FloatTensor:$dq, Heddle_FloatTensor:$dk, Heddle_FloatTensor:$dv,
                      Optional<Heddle_FloatTensor>:$dbias);
  let assemblyFormat = [{
    $q `,` $k `,` $v `,` $o `,` $lse `,` $d_o (`bias` `(` $bias^ `)`)?
    (`key_mask` `(` $key_mask^ `)`)? (`kv_lengths` `(` $kv_lengths^ `)`)?
    (`rng` `(` $rng^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif
