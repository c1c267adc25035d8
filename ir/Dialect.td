// SPDX-License-Identifier: Apache-2.0
// The heddle dialect: value semantics over builtin ranked tensors of static
// shape. Families of ops live in files of their own and are summed in Ops.td.

#ifndef HEDDLE_IR_DIALECT_TD
#define HEDDLE_IR_DIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "ir/Interfaces.td"

def HeddleDialect : Dialect {
  let name = "heddle";
  let cppNamespace = "::heddle::ir";
  let summary = "transformer computation graphs: forward, backward and optimizer";
  let description = [{
    Tensors are builtin ranked tensors with static shapes. Shape letters: B batch,
    T query positions, S key positions, C model width, H heads, D head size, F
    hidden width of the FFN, V vocabulary. Floating-point ops compute in f32 on
    devices and in float64 in the interpreter, which defines their meaning.

    A function's arguments carry `heddle.kind` ("param", "state", "input",
    "scalar", "rng") and `heddle.name`; its results carry `heddle.kind`
    ("output", "param", "state") and `heddle.name`. A result of kind "param" or
    "state" is the new value of the argument of that name.
  }];
  let hasConstantMaterializer = 1;
}

class Heddle_Op<string mnemonic, list<Trait> traits = []>
    : Op<HeddleDialect, mnemonic, traits>;

// A pure op: no side effects, always removable when unused.
class Heddle_PureOp<string mnemonic, list<Trait> traits = []>
    : Heddle_Op<mnemonic, !listconcat([Pure], traits)>;

def Heddle_Float : AnyTypeOf<[F32, F64, BF16, F16]>;
def Heddle_Element : AnyTypeOf<[F32, F64, BF16, F16, I32, I64, I1]>;
// Static and not empty, with a number of elements that byte counts cannot overflow.
class Heddle_TensorOf<list<Type> elements, string what>
    : Type<And<[StaticShapeTensorOf<elements>.predicate,
                CPred<"::heddle::ir::isSupportedShape($_self)">]>,
           "statically shaped, non-empty tensor of " # what, "::mlir::RankedTensorType">;

def Heddle_Tensor : Heddle_TensorOf<[Heddle_Element], "numbers">;
def Heddle_FloatTensor : Heddle_TensorOf<[Heddle_Float], "floating-point numbers">;
def Heddle_IndexTensor : Heddle_TensorOf<[I32, I64], "i32 or i64">;
def Heddle_MaskTensor : Heddle_TensorOf<[I1], "i1">;
// [seed, step, micro_batch] of the random number stream.
def Heddle_RngState : Heddle_TensorOf<[I64], "i64">;

#endif
