// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_IR_MATMULOPS_TD
#define HEDDLE_IR_MATMULOPS_TD

include "ir/Dialect.td"

def MatmulOp : Heddle_PureOp<"matmul", [InferTypeOpAdaptor]> {
  let summary = "y[..., m, n] = sum_k a[..., m, k] * b[..., k, n]";
  let description = [{
    With `transpose_a` the last two axes of a are [k, m]; with `transpose_b` those
    of b are [n, k]. Either b has rank 2 and is shared by all leading axes of a
    (transpose_a then needs rank 2 as well), or both ranks are equal and leading
    axes are equal or 1. Accumulates in f32 on devices.

    Example:

    ```mlir
    %y = heddle.matmul %q, %k {transpose_b} : (tensor<2x4x5x8xf32>, tensor<2x1x7x8xf32>) -> tensor<2x4x5x7xf32>
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$a, Heddle_FloatTensor:$b,
                       UnitAttr:$transpose_a, UnitAttr:$transpose_b);
  let results = (outs Heddle_FloatTensor:$y);
  let assemblyFormat = "$a `,` $b attr-dict `:` functional-type(operands, results)";
}

#endif
