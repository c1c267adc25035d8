// SPDX-License-Identifier: Apache-2.0
// Token and position embeddings, rotary positions, the key/value cache.

#ifndef HEDDLE_IR_EMBEDDINGOPS_TD
#define HEDDLE_IR_EMBEDDINGOPS_TD

include "ir/Dialect.td"

def EmbeddingOp : Heddle_PureOp<"embedding", [InferTypeOpAdaptor]> {
  let summary = "y[..., :] = table[ids[...], :]";
  let description = [{
    table [V, C], ids [...] with 0 <= id < V (the runtime checks before a launch).

    Example:

    ```mlir
    %y = heddle.embedding %table, %ids : (tensor<50257x768xf32>, tensor<2x5xi32>) -> tensor<2x5x768xf32>
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$table, Heddle_IndexTensor:$ids);
  let results = (outs Heddle_FloatTensor:$y);
  let assemblyFormat = "$table `,` $ids attr-dict `:` functional-type(operands, results)";
}
def EmbeddingGradOp : Heddle_PureOp<"embedding_grad"> {
  let summary = "dtable = init, then dtable[ids[i], :] += dy[i, :] in the order of i";
  let description = [{
    init [V, C] may be absent: zeros.
    ids [...], dy [..., C].

    Example:

    ```mlir
    %dtable = heddle.embedding_grad %ids, %dy init(%d)
        : (tensor<2x5xi32>, tensor<2x5x8xf32>, tensor<100x8xf32>) -> tensor<100x8xf32>
    ```
  }];
  let arguments = (ins Heddle_IndexTensor:$ids, Heddle_FloatTensor:$dy,
                       Optional<Heddle_FloatTensor>:$init);
  let results = (outs Heddle_FloatTensor:$dtable);
  let assemblyFormat = [{
    $ids `,` $dy (`init` `(` $init^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def RopeOp : Heddle_PureOp<"rope"> {
  let summary = "rotary position embedding (arXiv:2104.09864)";
  let description = [{
    x [B, H, T, D], positions [B, T] or [1, T]. The first R = 2 * |inv_freq| of the D
    components rotate, the rest pass. Pair p turns by the angle
    a = positions * inv_freq[p], times `attention_scaling` on cos and sin:
    (u, v) -> (u cos a - v sin a, v cos a + u sin a). A pair is components (p, p + R/2)
    or, with `interleaved`, (2p, 2p + 1). With `inverse` the angle is negated,
    which is the gradient of the op by x. Angles are rounded from float64.

    Example:

    ```mlir
    %y = heddle.rope %x, %positions {inv_freq = array<f64: 1.0, 0.01>}
        : (tensor<2x3x5x4xf32>, tensor<1x5xi32>) -> tensor<2x3x5x4xf32>
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$x, Heddle_IndexTensor:$positions,
                       DenseF64ArrayAttr:$inv_freq, DefaultValuedAttr<F64Attr, "1.0">:$attention_scaling,
                       UnitAttr:$interleaved, UnitAttr:$inverse);
  let results = (outs Heddle_FloatTensor:$y);
  let assemblyFormat = "$x `,` $positions attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def CacheUpdateOp : Heddle_PureOp<"cache_update"> {
  let summary = "y = cache with y[b, h, positions[b] + t, :] = x[b, h, t, :]";
  let description = [{
    cache [B, H, S, D], x [B, H, T, D], positions [B]; positions[b] + T <= S.

    Example:

    ```mlir
    %y = heddle.cache_update %cache, %x, %positions
        : (tensor<2x3x9x4xf32>, tensor<2x3x1x4xf32>, tensor<2xi32>) -> tensor<2x3x9x4xf32>
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$cache, Heddle_FloatTensor:$x, Heddle_IndexTensor:$positions);
  let results = (outs Heddle_FloatTensor:$y);
  let assemblyFormat = "$cache `,` $x `,` $positions attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def GatherRowsOp : Heddle_PureOp<"gather_rows"> {
  let summary = "y[b, :] = x[b, index[b], :]";
  let description = [{
    x [B, T, C], index [B]: the last real position of each prompt.

    Example:

    ```mlir
    %y = heddle.gather_rows %x, %index : (tensor<2x5x4xf32>, tensor<2xi32>) -> tensor<2x4xf32>
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$x, Heddle_IndexTensor:$index);
  let results = (outs Heddle_FloatTensor:$y);
  let assemblyFormat = "$x `,` $index attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif
