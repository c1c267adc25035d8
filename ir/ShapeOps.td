// SPDX-License-Identifier: Apache-2.0
// Ops that move or rename elements without arithmetic.

#ifndef HEDDLE_IR_SHAPEOPS_TD
#define HEDDLE_IR_SHAPEOPS_TD

include "ir/Dialect.td"

def ReshapeOp : Heddle_PureOp<"reshape", [ViewTrait]> {
  let summary = "the same elements in row-major order under another shape";
  let arguments = (ins Heddle_Tensor:$x);
  let results = (outs Heddle_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def TransposeOp : Heddle_PureOp<"transpose", [ViewTrait, InferTypeOpAdaptor]> {
  let summary = "axis i of y is axis permutation[i] of x";
  let arguments = (ins Heddle_Tensor:$x, DenseI64ArrayAttr:$permutation);
  let results = (outs Heddle_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def BroadcastOp : Heddle_PureOp<"broadcast", [ViewTrait]> {
  let summary = "repeats x as numpy.broadcast_to does";
  let arguments = (ins Heddle_Tensor:$x);
  let results = (outs Heddle_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def SliceOp : Heddle_PureOp<"slice", [ViewTrait, InferTypeOpAdaptor]> {
  let summary = "y[i...] = x[offsets + i...], of shape sizes";
  let arguments = (ins Heddle_Tensor:$x, DenseI64ArrayAttr:$offsets, DenseI64ArrayAttr:$sizes);
  let results = (outs Heddle_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def ConcatOp : Heddle_PureOp<"concat", [InferTypeOpAdaptor]> {
  let summary = "joins tensors along an axis";
  let arguments = (ins Variadic<Heddle_Tensor>:$parts, I64Attr:$axis);
  let results = (outs Heddle_Tensor:$y);
  let assemblyFormat = "$parts attr-dict `:` functional-type(operands, results)";
}

def PadOp : Heddle_PureOp<"pad", [InferTypeOpAdaptor]> {
  let summary = "x with low zeros before and high zeros after it on each axis";
  let arguments = (ins Heddle_Tensor:$x, DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$high);
  let results = (outs Heddle_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
}

#endif
