// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_IR_OPTIMIZEROPS_TD
#define HEDDLE_IR_OPTIMIZEROPS_TD

include "ir/Dialect.td"

def GlobalNormOp : Heddle_PureOp<"global_norm",
    [DeclareOpInterfaceMethods<DecomposableOpInterface>]> {
  let summary = "the Euclidean norm of all tensors taken as one vector";
  let description = [{
    Sums of squares accumulate in f64 in a fixed order. Decomposes into a sum_squares
    per tensor, which many threads share, and one norm_of_partials.

    Example:

    ```mlir
    %norm = heddle.global_norm %a, %b : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<f32>
    ```
  }];
  let arguments = (ins Variadic<Heddle_FloatTensor>:$tensors);
  let results = (outs Heddle_FloatTensor:$norm);
  let assemblyFormat = "$tensors attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def SumSquaresOp : Heddle_PureOp<"sum_squares", [InferTypeOpAdaptor]> {
  let summary = "sums of squares over chunks of a tensor";
  let description = [{
    y[c] is the sum of x^2 over elements [c kChunk, (c + 1) kChunk) of x in row-major
    order, in f64; the last chunk may be short. y is f64[ceil(elements / kChunk)].

    Example:

    ```mlir
    %y = heddle.sum_squares %x : (tensor<768x50xf32>) -> tensor<3xf64>
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$x);
  let results = (outs Heddle_FloatTensor:$y);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
  let extraClassDeclaration = "static constexpr int64_t kChunk = 16384;";
}

def NormOfPartialsOp : Heddle_PureOp<"norm_of_partials"> {
  let summary = "the square root of the sum of all elements of all partial sums of squares";
  let description = [{
    Added up in f64 in the order of the operands. norm is a scalar.

    Example:

    ```mlir
    %norm = heddle.norm_of_partials %a, %b : (tensor<3xf64>, tensor<1xf64>) -> tensor<f32>
    ```
  }];
  let arguments = (ins Variadic<Heddle_FloatTensor>:$partials);
  let results = (outs Heddle_FloatTensor:$norm);
  let assemblyFormat = "$partials attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def AdamWOp : Heddle_PureOp<"adamw"> {
  let summary = "one AdamW step (arXiv:1711.05101) as torch.optim.AdamW takes it";
  let description = [{
    hyper is f32[9]: lr, weight_decay, beta1, 1-beta1, beta2, 1-beta2, eps, 1-beta1^t,
    1-beta2^t, each rounded from float64. With g = gradient * gradient_scale:
    p' = p (1 - lr weight_decay) if `decay` else p; m = beta1 m + (1-beta1) g;
    v = beta2 v + (1-beta2) g^2;
    p = p' - lr / (1-beta1^t) * m / (sqrt(v) / sqrt(1-beta2^t) + eps).

    param, gradient, m and v have one shape; gradient_scale is a scalar.

    Example:

    ```mlir
    %p1, %m1, %v1 = heddle.adamw %p, %g, %m, %v, %hyper, %scale {decay}
        : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>, tensor<9xf32>, tensor<f32>)
       -> (tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>)
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$param, Heddle_FloatTensor:$gradient,
                       Heddle_FloatTensor:$m, Heddle_FloatTensor:$v,
                       Heddle_FloatTensor:$hyper, Heddle_FloatTensor:$gradient_scale,
                       UnitAttr:$decay);
  let results = (outs Heddle_FloatTensor:$new_param, Heddle_FloatTensor:$new_m,
                      Heddle_FloatTensor:$new_v);
  let assemblyFormat = [{
    $param `,` $gradient `,` $m `,` $v `,` $hyper `,` $gradient_scale attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif
