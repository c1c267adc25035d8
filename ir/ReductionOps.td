// SPDX-License-Identifier: Apache-2.0
// Reductions, softmax and normalisation.

#ifndef HEDDLE_IR_REDUCTIONOPS_TD
#define HEDDLE_IR_REDUCTIONOPS_TD

include "ir/Dialect.td"

class Heddle_ReduceOp<string mnemonic> : Heddle_PureOp<mnemonic, [InferTypeOpAdaptor]> {
  let description = [{
    The axes are ascending and at least one. On devices sums accumulate in f32 in an
    order fixed by the shape.

    Example:

    ```mlir
    %y = heddle.}] # mnemonic # [{ %x {axes = array<i64: 0, 2>} : (tensor<2x3x4xf32>) -> tensor<3xf32>
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$x, DenseI64ArrayAttr:$axes);
  let results = (outs Heddle_FloatTensor:$y);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
}
def SumOp : Heddle_ReduceOp<"sum"> {
  let summary = "sums over the axes, which leave the shape";
}
def MaxOp : Heddle_ReduceOp<"max"> {
  let summary = "the largest element over the axes, which leave the shape";
}

def SoftmaxOp : Heddle_PureOp<"softmax", [SameOperandsAndResultType]> {
  let summary = "y = e^(x - max) / sum e^(x - max) over the last axis";
  let description = [{
    A row of only -infinity gives zeros.

    Example:

    ```mlir
    %y = heddle.softmax %x : tensor<2x3xf32>
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$x);
  let results = (outs Heddle_FloatTensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x)";
  let hasVerifier = 1;
}
def SoftmaxGradOp : Heddle_PureOp<"softmax_grad", [SameOperandsAndResultType]> {
  let summary = "dx = y * (dy - sum(y * dy)) over the last axis";
  let description = [{
    y is the result of softmax.

    Example:

    ```mlir
    %dx = heddle.softmax_grad %y, %dy : tensor<2x3xf32>
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$y, Heddle_FloatTensor:$dy);
  let results = (outs Heddle_FloatTensor:$dx);
  let assemblyFormat = "$y `,` $dy attr-dict `:` type($y)";
  let hasVerifier = 1;
}

def LayerNormOp : Heddle_PureOp<"layer_norm",
    [AttrSizedOperandSegments, InferTypeOpAdaptor,
     DeclareOpInterfaceMethods<DecomposableOpInterface>]> {
  let summary = "y = (x - mean) * rstd * gamma + beta over the last axis (arXiv:1607.06450)";
  let description = [{
    x [..., C]; gamma, beta [C] or absent. mean, rstd [...] are saved for the
    gradient: rstd = 1 / sqrt(variance + eps), variance the mean squared deviation.

    mean and rstd are f32 where x is narrower.

    Example:

    ```mlir
    %y, %mean, %rstd = heddle.layer_norm %x gamma(%g) beta(%b) {eps = 1.0e-5 : f64}
        : (tensor<2x3x4xf32>, tensor<4xf32>, tensor<4xf32>)
       -> (tensor<2x3x4xf32>, tensor<2x3xf32>, tensor<2x3xf32>)
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$x, Optional<Heddle_FloatTensor>:$gamma,
                       Optional<Heddle_FloatTensor>:$beta, F64Attr:$eps);
  let results = (outs Heddle_FloatTensor:$y, Heddle_FloatTensor:$mean, Heddle_FloatTensor:$rstd);
  let assemblyFormat = [{
    $x (`gamma` `(` $gamma^ `)`)? (`beta` `(` $beta^ `)`)? attr-dict
    `:` functional-type(operands, results)
  }];
}
def LayerNormGradOp : Heddle_PureOp<"layer_norm_grad", [InferTypeOpAdaptor]> {
  let summary = "gradient of layer_norm by x";
  let description = [{
    With g = dy * gamma and n = (x - mean) * rstd:
    dx = rstd * (g - mean(g) - n * mean(g * n)), means over the last axis.

    dy, x and dx [..., C]; mean, rstd [...]; gamma [C] or absent (1).

    Example:

    ```mlir
    %dx = heddle.layer_norm_grad %dy, %x, %mean, %rstd gamma(%g)
        : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<4xf32>)
       -> tensor<2x3x4xf32>
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$dy, Heddle_FloatTensor:$x, Heddle_FloatTensor:$mean,
                       Heddle_FloatTensor:$rstd, Optional<Heddle_FloatTensor>:$gamma);
  let results = (outs Heddle_FloatTensor:$dx);
  let assemblyFormat = [{
    $dy `,` $x `,` $mean `,` $rstd (`gamma` `(` $gamma^ `)`)? attr-dict
    `:` functional-type(operands, results)
  }];
}
def LayerNormParamGradOp : Heddle_PureOp<"layer_norm_param_grad", [InferTypeOpAdaptor]> {
  let summary = "dgamma = sum dy * (x - mean) * rstd, dbeta = sum dy, over all rows";
  let description = [{
    dy and x [..., C]; mean, rstd [...]; dgamma, dbeta [C]. Rows are added in their order.

    Example:

    ```mlir
    %dgamma, %dbeta = heddle.layer_norm_param_grad %dy, %x, %mean, %rstd
        : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3xf32>, tensor<2x3xf32>)
       -> (tensor<4xf32>, tensor<4xf32>)
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$dy, Heddle_FloatTensor:$x, Heddle_FloatTensor:$mean,
                       Heddle_FloatTensor:$rstd);
  let results = (outs Heddle_FloatTensor:$dgamma, Heddle_FloatTensor:$dbeta);
  let assemblyFormat = "$dy `,` $x `,` $mean `,` $rstd attr-dict `:` functional-type(operands, results)";
}

def RmsNormOp : Heddle_PureOp<"rms_norm",
    [InferTypeOpAdaptor, DeclareOpInterfaceMethods<DecomposableOpInterface>]> {
  let summary = "y = x * rstd * gamma over the last axis (arXiv:1910.07467)";
  let description = [{
    rstd [...] = 1 / sqrt(mean(x^2) + eps) is saved for the gradient.
    x, y [..., C]; gamma [C] or absent (1).

    Example:

    ```mlir
    %y, %rstd = heddle.rms_norm %x gamma(%g) {eps = 1.0e-5 : f64}
        : (tensor<2x3x4xf32>, tensor<4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3xf32>)
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$x, Optional<Heddle_FloatTensor>:$gamma, F64Attr:$eps);
  let results = (outs Heddle_FloatTensor:$y, Heddle_FloatTensor:$rstd);
  let assemblyFormat = [{
    $x (`gamma` `(` $gamma^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}
def RmsNormGradOp : Heddle_PureOp<"rms_norm_grad", [InferTypeOpAdaptor]> {
  let summary = "gradient of rms_norm by x";
  let description = [{
    With g = dy * gamma and n = x * rstd: dx = rstd * (g - n * mean(g * n)).

    Example:

    ```mlir
    %dx = heddle.rms_norm_grad %dy, %x, %rstd gamma(%g)
        : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3xf32>, tensor<4xf32>)
       -> tensor<2x3x4xf32>
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$dy, Heddle_FloatTensor:$x, Heddle_FloatTensor:$rstd,
                       Optional<Heddle_FloatTensor>:$gamma);
  let results = (outs Heddle_FloatTensor:$dx);
  let assemblyFormat = [{
    $dy `,` $x `,` $rstd (`gamma` `(` $gamma^ `)`)? attr-dict
    `:` functional-type(operands, results)
  }];
}
def RmsNormParamGradOp : Heddle_PureOp<"rms_norm_param_grad", [InferTypeOpAdaptor]> {
  let summary = "dgamma = sum dy * x * rstd over all rows";
  let description = [{
    Rows are added in their order.

    Example:

    ```mlir
    %dgamma = heddle.rms_norm_param_grad %dy, %x, %rstd
        : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3xf32>) -> tensor<4xf32>
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$dy, Heddle_FloatTensor:$x, Heddle_FloatTensor:$rstd);
  let results = (outs Heddle_FloatTensor:$dgamma);
  let assemblyFormat = "$dy `,` $x `,` $rstd attr-dict `:` functional-type(operands, results)";
}

#endif
