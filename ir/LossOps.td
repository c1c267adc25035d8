// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_IR_LOSSOPS_TD
#define HEDDLE_IR_LOSSOPS_TD

include "ir/Dialect.td"

def CrossEntropyOp : Heddle_PureOp<"cross_entropy", [InferTypeOpAdaptor]> {
  let summary = "per-row cross entropy of logits, and its gradient's row factors";
  let description = [{
    logits [N, V], targets [N] (i32). losses[n] = lse[n] - logits[n, targets[n]],
    lse[n] = log sum_v e^logits[n, v]; 0 where targets[n] = ignore_index.
    With `label_smoothing` e the target distribution is (1 - e) onehot + e / V.

    Other targets are at least 0 and less than V (the runtime checks before a launch).

    Example:

    ```mlir
    %losses, %lse = heddle.cross_entropy %logits, %targets
        : (tensor<10x100xf32>, tensor<10xi32>) -> (tensor<10xf32>, tensor<10xf32>)
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$logits, Heddle_IndexTensor:$targets,
                       DefaultValuedAttr<I64Attr, "-100">:$ignore_index,
                       DefaultValuedAttr<F64Attr, "0.0">:$label_smoothing);
  let results = (outs Heddle_FloatTensor:$losses, Heddle_FloatTensor:$lse);
  let assemblyFormat = "$logits `,` $targets attr-dict `:` functional-type(operands, results)";
}

def CrossEntropyGradOp : Heddle_PureOp<"cross_entropy_grad", [InferTypeOpAdaptor]> {
  let summary = "dlogits[n, v] = dlosses[n] * (softmax(logits)[n, v] - target distribution)";
  let description = [{
    dlosses [N] or a scalar tensor. Rows with targets[n] = ignore_index give zeros.
    lse as cross_entropy returned it.

    Example:

    ```mlir
    %dlogits = heddle.cross_entropy_grad %logits, %targets, %lse, %dlosses
        : (tensor<10x100xf32>, tensor<10xi32>, tensor<10xf32>, tensor<f32>) -> tensor<10x100xf32>
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$logits, Heddle_IndexTensor:$targets,
                       Heddle_FloatTensor:$lse, Heddle_FloatTensor:$dlosses,
                       DefaultValuedAttr<I64Attr, "-100">:$ignore_index,
                       DefaultValuedAttr<F64Attr, "0.0">:$label_smoothing);
  let results = (outs Heddle_FloatTensor:$dlogits);
  let assemblyFormat = [{
    $logits `,` $targets `,` $lse `,` $dlosses attr-dict `:` functional-type(operands, results)
  }];
}

def CountTargetsOp : Heddle_PureOp<"count_targets"> {
  let summary = "the number of targets that differ from ignore_index, as a scalar, at least 1";
  let description = [{
    At least 1, so that a batch in which nothing counts has the loss 0 and not 0/0.

    Example:

    ```mlir
    %count = heddle.count_targets %targets : (tensor<10xi32>) -> tensor<f32>
    ```
  }];
  let arguments = (ins Heddle_IndexTensor:$targets,
                       DefaultValuedAttr<I64Attr, "-100">:$ignore_index);
  let results = (outs Heddle_FloatTensor:$count);
  let assemblyFormat = "$targets attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def LinearCrossEntropyOp : Heddle_PureOp<"linear_cross_entropy",
    [InferTypeOpAdaptor,
     DeclareOpInterfaceMethods<DecomposableOpInterface>]> {
  let summary = "mean cross entropy of x w + bias, without all logits in memory at once";
  let description = [{
    x [N, C], w [C, V] ([V, C] with `transpose_w`), bias [V], targets [N].
    loss (scalar) = sum of cross_entropy's losses / count_targets. lse [N] is kept
    for the gradient.

    Example:

    ```mlir
    %loss, %lse = heddle.linear_cross_entropy %x, %w targets(%targets) {transpose_w}
        : (tensor<10x8xf32>, tensor<100x8xf32>, tensor<10xi32>) -> (tensor<f32>, tensor<10xf32>)
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$x, Heddle_FloatTensor:$w,
                       Optional<Heddle_FloatTensor>:$bias, Heddle_IndexTensor:$targets,
                       UnitAttr:$transpose_w,
                       DefaultValuedAttr<I64Attr, "-100">:$ignore_index,
                       DefaultValuedAttr<F64Attr, "0.0">:$label_smoothing);
  let results = (outs Heddle_FloatTensor:$loss, Heddle_FloatTensor:$lse);
  let assemblyFormat = [{
    $x `,` $w (`bias` `(` $bias^ `)`)? `targets` `(` $targets `)` attr-dict
    `:` functional-type(operands, results)
  }];
}

def LinearCrossEntropyTrainOp : Heddle_PureOp<"linear_cross_entropy_train",
    [InferTypeOpAdaptor,
     DeclareOpInterfaceMethods<DecomposableOpInterface>]> {
  let summary = "linear_cross_entropy with its gradients times dloss, in one pass over the logits";
  let description = [{
    Operands as linear_cross_entropy, and dloss (scalar), the gradient that flows
    into the mean loss. dbias is absent when bias is.

    Example:

    ```mlir
    %loss, %dx, %dw = heddle.linear_cross_entropy_train %x, %w targets(%targets) dloss(%d) {transpose_w}
        : (tensor<10x8xf32>, tensor<100x8xf32>, tensor<10xi32>, tensor<f32>)
       -> (tensor<f32>, tensor<10x8xf32>, tensor<100x8xf32>)
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$x, Heddle_FloatTensor:$w,
                       Optional<Heddle_FloatTensor>:$bias, Heddle_IndexTensor:$targets,
                       Heddle_FloatTensor:$dloss, UnitAttr:$transpose_w,
                       DefaultValuedAttr<I64Attr, "-100">:$ignore_index,
                       DefaultValuedAttr<F64Attr, "0.0">:$label_smoothing);
  let results = (outs Heddle_FloatTensor:$loss, Heddle_FloatTensor:$dx,
                      Heddle_FloatTensor:$dw, Optional<Heddle_FloatTensor>:$dbias);
  let assemblyFormat = [{
    $x `,` $w (`bias` `(` $bias^ `)`)? `targets` `(` $targets `)` `dloss` `(` $dloss `)`
    attr-dict `:` functional-type(operands, results)
  }];
}

#endif
