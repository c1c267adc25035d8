// SPDX-License-Identifier: Apache-2.0
// Elementwise ops, masks, constants and dropout.

#ifndef HEDDLE_IR_ELEMENTWISEOPS_TD
#define HEDDLE_IR_ELEMENTWISEOPS_TD

include "ir/Dialect.td"

class Heddle_UnaryOp<string mnemonic, list<Trait> traits = []>
    : Heddle_PureOp<mnemonic, !listconcat([ElementwiseTrait,
        SameOperandsAndResultType], traits)> {
  let arguments = (ins Heddle_FloatTensor:$x);
  let results = (outs Heddle_FloatTensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}

// Operands broadcast as in numpy: shapes are aligned at the last axis, and an
// axis of size 1 is repeated.
class Heddle_BinaryOp<string mnemonic, list<Trait> traits = []>
    : Heddle_PureOp<mnemonic, !listconcat([ElementwiseTrait,
        InferTypeOpAdaptor], traits)> {
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
  }];
  let arguments = (ins Heddle_FloatTensor:$x, UnitAttr:$tanh_approximation);
}

// y = f'(x) * dy for the activation f.
class Heddle_ActivationGradOp<string mnemonic>
    : Heddle_PureOp<mnemonic, [ElementwiseTrait, SameOperandsAndResultType]> {
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
  let arguments = (ins Heddle_FloatTensor:$x, Heddle_FloatTensor:$dy,
                       UnitAttr:$tanh_approximation);
}

def CastOp : Heddle_PureOp<"cast", [ElementwiseTrait, SameOperandsAndResultShape]> {
  let summary = "converts the element type; to floating point rounds to nearest even";
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
  let arguments = (ins ComparePredicate:$predicate, Heddle_Tensor:$lhs, Heddle_Tensor:$rhs);
  let results = (outs Heddle_MaskTensor:$y);
  let assemblyFormat = "$predicate $lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
}

def LogicalAndOp : Heddle_PureOp<"logical_and", [ElementwiseTrait, InferTypeOpAdaptor, Commutative]> {
  let summary = "y = lhs and rhs, with numpy broadcasting";
  let arguments = (ins Heddle_MaskTensor:$lhs, Heddle_MaskTensor:$rhs);
  let results = (outs Heddle_MaskTensor:$y);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
}

def SelectOp : Heddle_PureOp<"select", [ElementwiseTrait, InferTypeOpAdaptor]> {
  let summary = "y = condition ? if_true : if_false, with numpy broadcasting";
  let arguments = (ins Heddle_MaskTensor:$condition, Heddle_FloatTensor:$if_true,
                       Heddle_FloatTensor:$if_false);
  let results = (outs Heddle_FloatTensor:$y);
  let assemblyFormat = "$condition `,` $if_true `,` $if_false attr-dict `:` functional-type(operands, results)";
}

def ConstantOp : Heddle_PureOp<"constant", [ConstantLike, InferTypeOpAdaptor]> {
  let summary = "a tensor known at compile time";
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Heddle_Tensor:$y);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
}

def CausalMaskOp : Heddle_PureOp<"causal_mask"> {
  let summary = "the keys that a query may see, [T, S]";
  let description = [{
    `y[i, j]` is true where `j <= i + (S - T)` (the last query sees every key) and,
    with a window, `j > i + (S - T) - window`.
  }];
  let arguments = (ins OptionalAttr<I64Attr>:$window);
  let results = (outs Heddle_MaskTensor:$y);
  let assemblyFormat = "attr-dict `:` type($y)";
  let hasVerifier = 1;
}

def LengthMaskOp : Heddle_PureOp<"length_mask"> {
  let summary = "y[b, j] = j < lengths[b]";
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
  }];
  let arguments = (ins Heddle_FloatTensor:$x, Heddle_RngState:$rng,
                       F64Attr:$p, I64Attr:$rng_id);
  let results = (outs Heddle_FloatTensor:$y);
  let assemblyFormat = "$x `,` $rng attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif
