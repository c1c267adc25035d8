// SPDX-License-Identifier: Apache-2.0
// Elementwise ops, masks, constants and dropout.

#ifndef HEDDLE_IR_ELEMENTWISEOPS_TD
#define HEDDLE_IR_ELEMENTWISEOPS_TD

include "ir/Dialect.td"

class Heddle_UnaryOp<string mnemonic, list<Trait> traits = []>
    : Heddle_PureOp<mnemonic, !listconcat([ElementwiseTrait,
        SameOperandsAndResultType], traits)> {
  let description = [{
    x and y have one shape and element type.

    Example:

    ```mlir
    %y = heddle.}] # mnemonic # [{ %x : tensor<2x3xf32>
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$x);
  let results = (outs Heddle_FloatTensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}

// Operands broadcast as in numpy: shapes are aligned at the last axis, and an
// axis of size 1 is repeated.
class Heddle_BinaryOp<string mnemonic, list<Trait> traits = []>
    : Heddle_PureOp<mnemonic, !listconcat([ElementwiseTrait,
        InferTypeOpAdaptor], traits)> {
  let description = [{
    Operands of one element type; shapes broadcast as in numpy: aligned at the last
    axis, an axis of size 1 or missing is repeated.

    Example:

    ```mlir
    %y = heddle.}] # mnemonic # [{ %x, %bias : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$lhs, Heddle_FloatTensor:$rhs);
  let results = (outs Heddle_FloatTensor:$y);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
}

def AddOp : Heddle_BinaryOp<"add", [Commutative]> { let summary = "y = lhs + rhs"; }
def SubOp : Heddle_BinaryOp<"sub"> { let summary = "y = lhs - rhs"; }
def MulOp : Heddle_BinaryOp<"mul", [Commutative]> { let summary = "y = lhs * rhs"; }
def DivOp : Heddle_BinaryOp<"div"> { let summary = "y = lhs / rhs"; }
def MaximumOp : Heddle_BinaryOp<"maximum", [Commutative]> {
  let summary = "y = max(lhs, rhs); NaN if either is NaN";
}
def MinimumOp : Heddle_BinaryOp<"minimum", [Commutative]> {
  let summary = "y = min(lhs, rhs); NaN if either is NaN";
}

def NegOp : Heddle_UnaryOp<"neg"> { let summary = "y = -x"; }
def ExpOp : Heddle_UnaryOp<"exp"> { let summary = "y = e^x"; }
def LogOp : Heddle_UnaryOp<"log"> { let summary = "y = ln x"; }
def SqrtOp : Heddle_UnaryOp<"sqrt"> { let summary = "y = x^(1/2)"; }
def RsqrtOp : Heddle_UnaryOp<"rsqrt"> { let summary = "y = x^(-1/2)"; }
def TanhOp : Heddle_UnaryOp<"tanh"> { let summary = "y = tanh x"; }
def ErfOp : Heddle_UnaryOp<"erf"> { let summary = "y = erf x"; }
def SigmoidOp : Heddle_UnaryOp<"sigmoid"> { let summary = "y = 1 / (1 + e^-x)"; }
def ReluOp : Heddle_UnaryOp<"relu"> { let summary = "y = max(x, 0)"; }
def SiluOp : Heddle_UnaryOp<"silu"> {
  let summary = "y = x * sigmoid(x), the swish of arXiv:1702.03118";
}
def GeluOp : Heddle_UnaryOp<"gelu"> {
  let summary = "Gaussian error linear unit (arXiv:1606.08415)";
  let description = [{
    `y = x * Phi(x)` with the exact normal distribution function, or, with
    `tanh_approximation`, `0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`.

    Example:

    ```mlir
    %y = heddle.gelu %x {tanh_approximation} : tensor<2x3xf32>
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$x, UnitAttr:$tanh_approximation);
}

// y = f'(x) * dy for the activation f.
class Heddle_ActivationGradOp<string mnemonic>
    : Heddle_PureOp<mnemonic, [ElementwiseTrait, SameOperandsAndResultType]> {
  let description = [{
    x is what the activation was applied to. x, dy and dx have one shape and element
    type.

    Example:

    ```mlir
    %dx = heddle.}] # mnemonic # [{ %x, %dy : tensor<2x3xf32>
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$x, Heddle_FloatTensor:$dy);
  let results = (outs Heddle_FloatTensor:$dx);
  let assemblyFormat = "$x `,` $dy attr-dict `:` type($x)";
}
def ReluGradOp : Heddle_ActivationGradOp<"relu_grad"> {
  let summary = "dx = dy where x > 0, else 0";
}
def SiluGradOp : Heddle_ActivationGradOp<"silu_grad"> {
  let summary = "dx = dy * s (1 + x (1 - s)) with s = sigmoid(x)";
}
def GeluGradOp : Heddle_ActivationGradOp<"gelu_grad"> {
  let summary = "dx = dy * gelu'(x)";
  let description = [{
    The gradient of heddle.gelu with the same `tanh_approximation`, at x.

    Example:

    ```mlir
    %dx = heddle.gelu_grad %x, %dy {tanh_approximation} : tensor<2x3xf32>
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$x, Heddle_FloatTensor:$dy,
                       UnitAttr:$tanh_approximation);
}

def CastOp : Heddle_PureOp<"cast", [ElementwiseTrait, SameOperandsAndResultShape]> {
  let summary = "converts the element type; to floating point rounds to nearest even";
  let description = [{
    Floating point to integer truncates towards zero and saturates, NaN becomes 0; i64 to
    i32 keeps the low bits; to i1 is `x != 0`; from i1 gives 0 or 1.

    Example:

    ```mlir
    %y = heddle.cast %x : tensor<2x3xf32> -> tensor<2x3xbf16>
    ```
  }];
  let arguments = (ins Heddle_Tensor:$x);
  let results = (outs Heddle_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
}

def ComparePredicate : I32EnumAttr<"ComparePredicate", "order of two numbers", [
    I32EnumAttrCase<"eq", 0>, I32EnumAttrCase<"ne", 1>, I32EnumAttrCase<"lt", 2>,
    I32EnumAttrCase<"le", 3>, I32EnumAttrCase<"gt", 4>, I32EnumAttrCase<"ge", 5>]> {
  let cppNamespace = "::heddle::ir";
}

def CompareOp : Heddle_PureOp<"compare", [ElementwiseTrait, InferTypeOpAdaptor]> {
  let summary = "y = lhs <predicate> rhs, with numpy broadcasting";
  let description = [{
    Operands of one element type. Every comparison with NaN but `ne` is false.

    Example:

    ```mlir
    %y = heddle.compare ne %x, %zero : (tensor<2x3xi32>, tensor<i32>) -> tensor<2x3xi1>
    ```
  }];
  let arguments = (ins ComparePredicate:$predicate, Heddle_Tensor:$lhs, Heddle_Tensor:$rhs);
  let results = (outs Heddle_MaskTensor:$y);
  let assemblyFormat = "$predicate $lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
}

def LogicalAndOp : Heddle_PureOp<"logical_and", [ElementwiseTrait, InferTypeOpAdaptor, Commutative]> {
  let summary = "y = lhs and rhs, with numpy broadcasting";
  let description = [{
    Example:

    ```mlir
    %y = heddle.logical_and %a, %b : (tensor<2x1xi1>, tensor<3xi1>) -> tensor<2x3xi1>
    ```
  }];
  let arguments = (ins Heddle_MaskTensor:$lhs, Heddle_MaskTensor:$rhs);
  let results = (outs Heddle_MaskTensor:$y);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
}

def SelectOp : Heddle_PureOp<"select", [ElementwiseTrait, InferTypeOpAdaptor]> {
  let summary = "y = condition ? if_true : if_false, with numpy broadcasting";
  let description = [{
    if_true and if_false have one element type. The value not chosen has no influence, not
    even as NaN.

    Example:

    ```mlir
    %y = heddle.select %mask, %scores, %hidden : (tensor<4x4xi1>, tensor<2x4x4xf32>, tensor<f32>) -> tensor<2x4x4xf32>
    ```
  }];
  let arguments = (ins Heddle_MaskTensor:$condition, Heddle_FloatTensor:$if_true,
                       Heddle_FloatTensor:$if_false);
  let results = (outs Heddle_FloatTensor:$y);
  let assemblyFormat = "$condition `,` $if_true `,` $if_false attr-dict `:` functional-type(operands, results)";
}

// Neither strings nor elements that lie elsewhere (resources, sparse forms): kernels read raw numbers.
def Heddle_Numbers
    : ElementsAttrBase<CPred<"::llvm::isa<::mlir::DenseIntOrFPElementsAttr>($_self)">,
                       "dense numbers">;

def ConstantOp : Heddle_PureOp<"constant", [ConstantLike, InferTypeOpAdaptor]> {
  let summary = "a tensor known at compile time";
  let description = [{
    Example:

    ```mlir
    %c = heddle.constant dense<[1.0, 2.0]> : tensor<2xf32>
    ```
  }];
  let arguments = (ins Heddle_Numbers:$value);
  let results = (outs Heddle_Tensor:$y);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
}

def CausalMaskOp : Heddle_PureOp<"causal_mask"> {
  let summary = "the keys that a query may see, [T, S]";
  let description = [{
    `y[i, j]` is true where `j <= i + (S - T)` (the last query sees every key) and,
    with a window, `j > i + (S - T) - window`.

    Example:

    ```mlir
    %mask = heddle.causal_mask {window = 2 : i64} : tensor<3x5xi1>
    ```
  }];
  let arguments = (ins OptionalAttr<I64Attr>:$window);
  let results = (outs Heddle_MaskTensor:$y);
  let assemblyFormat = "attr-dict `:` type($y)";
  let hasVerifier = 1;
}

def LengthMaskOp : Heddle_PureOp<"length_mask"> {
  let summary = "y[b, j] = j < lengths[b]";
  let description = [{
    lengths [B], y [B, S].

    Example:

    ```mlir
    %mask = heddle.length_mask %lengths : tensor<2xi32> -> tensor<2x5xi1>
    ```
  }];
  let arguments = (ins Heddle_IndexTensor:$lengths);
  let results = (outs Heddle_MaskTensor:$y);
  let assemblyFormat = "$lengths attr-dict `:` type($lengths) `->` type($y)";
  let hasVerifier = 1;
}

def DropoutOp : Heddle_PureOp<"dropout"> {
  let summary = "zeroes elements at random and scales the rest by 1/(1-p)";
  let description = [{
    Element e (the linear index of the logical tensor, row-major) is kept when
    `u >= p`, u uniform in [0, 1) from Philox4x32-10 (Salmon et al., SC'11) with
    key = seed and counter = (e low, e high, rng_id | micro_batch << 16, step);
    u = (word 0 >> 8) * 2^-24. Linear in x with a mask that depends only on the
    state, so its gradient is the same op applied to dy.
    `rng` is i64[3]: seed, step, micro_batch.

    p is at least 0 and less than 1, and is not rounded before the comparison: in integers,
    `word 0 >> 8 >= ceil(p * 2^24)`. rng_id is below 2^16, and so should be micro_batch. A dropped
    element is 0 whatever x is.

    Example:

    ```mlir
    %y = heddle.dropout %x, %rng {p = 0.1 : f64, rng_id = 7 : i64} : (tensor<2x3xf32>, tensor<3xi64>) -> tensor<2x3xf32>
    ```
  }];
  let arguments = (ins Heddle_FloatTensor:$x, Heddle_RngState:$rng,
                       F64Attr:$p, I64Attr:$rng_id);
  let results = (outs Heddle_FloatTensor:$y);
  let assemblyFormat = "$x `,` $rng attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif
