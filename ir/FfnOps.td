// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_IR_FFNOPS_TD
#define HEDDLE_IR_FFNOPS_TD

include "ir/Dialect.td"

def Activation : I32EnumAttr<"Activation", "activation function of an FFN", [
    I32EnumAttrCase<"relu", 0>, I32EnumAttrCase<"gelu", 1>,
    I32EnumAttrCase<"gelu_tanh", 2>, I32EnumAttrCase<"silu", 3>,
    I32EnumAttrCase<"quick_gelu", 4>]> {
  let cppNamespace = "::heddle::ir";
}

def FfnOp : Heddle_PureOp<"ffn",
    [AttrSizedOperandSegments, InferTypeOpAdaptor,
     DeclareOpInterfaceMethods<DecomposableOpInterface>]> {
  let summary = "position-wise feed-forward network, plain or gated (arXiv:2002.05202)";
  let description = [{
    x [..., C]. hidden = x w_in + b_in, [..., F]. Plain: y = act(hidden) w_out + b_out.
    Gated (w_gate present): gate = x w_gate + b_gate and
    y = (act(gate) * hidden) w_out + b_out. Weights are [in, out], or [out, in] with
    `transpose_weights`. quick_gelu is x / (1 + e^(-1.702 x)) (arXiv:1606.08415). Dropout (p > 0)
    of what w_out multiplies uses `rng` as heddle.dropout does, on the logical tensor
    [..., F]. hidden and gate are results so that a gradient need not
    recompute them; gate is absent when plain. An unused result costs nothing.

    Example:

    ```mlir
    %y, %hidden, %gate = heddle.ffn silu %x in(%w1) gate(%w3) out(%w2) {transpose_weights}
        : (tensor<2x5x8xf32>, tensor<22x8xf32>, tensor<22x8xf32>, tensor<8x22xf32>)
       -> (tensor<2x5x8xf32>, tensor<2x5x22xf32>, tensor<2x5x22xf32>)
    ```
  }];
  let arguments = (ins
    Heddle_FloatTensor:$x, Heddle_FloatTensor:$w_in, Optional<Heddle_FloatTensor>:$b_in,
    Optional<Heddle_FloatTensor>:$w_gate, Optional<Heddle_FloatTensor>:$b_gate,
    Heddle_FloatTensor:$w_out, Optional<Heddle_FloatTensor>:$b_out,
    Optional<Heddle_RngState>:$rng, Activation:$activation, UnitAttr:$transpose_weights,
    DefaultValuedAttr<F64Attr, "0.0">:$dropout, DefaultValuedAttr<I64Attr, "0">:$rng_id);
  let results = (outs Heddle_FloatTensor:$y, Heddle_FloatTensor:$hidden,
                      Optional<Heddle_FloatTensor>:$gate);
  let assemblyFormat = [{
    $activation $x `in` `(` $w_in (`,` $b_in^)? `)`
    (`gate` `(` $w_gate^ (`,` $b_gate^)? `)`)?
    `out` `(` $w_out (`,` $b_out^)? `)` (`rng` `(` $rng^ `)`)? attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// x sigmoid(this times x) is close to x Phi(x).
    static constexpr double kQuickGeluSlope = 1.702;
  }];
}

#endif
