// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_IR_OPTIMIZEROPS_TD
#define HEDDLE_IR_OPTIMIZEROPS_TD

include "ir/Dialect.td"

def GlobalNormOp : Heddle_PureOp<"global_norm"> {
  let summary = "the Euclidean norm of all tensors taken as one vector";
  let description = "Sums of squares accumulate in f64 in a fixed order.";
  let arguments = (ins Variadic<Heddle_FloatTensor>:$tensors);
  let results = (outs Heddle_FloatTensor:$norm);
  let assemblyFormat = "$tensors attr-dict `:` functional-type(operands, results)";
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
