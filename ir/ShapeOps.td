// SPDX-License-Identifier: Apache-2.0
// Ops that move or rename elements without arithmetic.

#ifndef HEDDLE_IR_SHAPEOPS_TD
#define HEDDLE_IR_SHAPEOPS_TD

include "ir/Dialect.td"

def ReshapeOp : Heddle_PureOp<"reshape", [ViewTrait]> {
  let summary = "the same elements in row-major order under another shape";
  let description = [{
    Both shapes have the same number of elements.

    Example:

    ```mlir
    %y = heddle.reshape %x : tensor<2x3x4xf32> -> tensor<6x4xf32>
    ```
  }];
  let arguments = (ins Heddle_Tensor:$x);
  let results = (outs Heddle_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def TransposeOp : Heddle_PureOp<"transpose", [ViewTrait, InferTypeOpAdaptor]> {
  let summary = "axis i of y is axis permutation[i] of x";
  let description = [{
    The permutation names each axis of x once.

    Example:

    ```mlir
    %y = heddle.transpose %x {permutation = array<i64: 0, 2, 1>} : (tensor<2x3x4xf32>) -> tensor<2x4x3xf32>
    ```
  }];
  let arguments = (ins Heddle_Tensor:$x, DenseI64ArrayAttr:$permutation);
  let results = (outs Heddle_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def BroadcastOp : Heddle_PureOp<"broadcast", [ViewTrait]> {
  let summary = "repeats x as numpy.broadcast_to does";
  let description = [{
    Aligned at the last axis; an axis of x is that of y, or 1, or missing at the front.

    Example:

    ```mlir
    %y = heddle.broadcast %x : tensor<2x1xf32> -> tensor<4x2x3xf32>
    ```
  }];
  let arguments = (ins Heddle_Tensor:$x);
  let results = (outs Heddle_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def SliceOp : Heddle_PureOp<"slice", [ViewTrait, InferTypeOpAdaptor]> {
  let summary = "y[i...] = x[offsets + i...], of shape sizes";
  let description = [{
    One offset and one size per axis, the window not empty and within x.

    Example:

    ```mlir
    %y = heddle.slice %x {offsets = array<i64: 0, 4>, sizes = array<i64: 2, 4>} : (tensor<2x12xf32>) -> tensor<2x4xf32>
    ```
  }];
  let arguments = (ins Heddle_Tensor:$x, DenseI64ArrayAttr:$offsets, DenseI64ArrayAttr:$sizes);
  let results = (outs Heddle_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def ConcatOp : Heddle_PureOp<"concat", [InferTypeOpAdaptor]> {
  let summary = "joins tensors along an axis";
  let description = [{
    One part or more, of one element type and of equal sizes on the other axes.

    Example:

    ```mlir
    %y = heddle.concat %a, %b {axis = 1 : i64} : (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
    ```
  }];
  let arguments = (ins Variadic<Heddle_Tensor>:$parts, I64Attr:$axis);
  let results = (outs Heddle_Tensor:$y);
  let assemblyFormat = "$parts attr-dict `:` functional-type(operands, results)";
}

def PadOp : Heddle_PureOp<"pad", [InferTypeOpAdaptor]> {
  let summary = "x with low zeros before and high zeros after it on each axis";
  let description = [{
    One number of zeros per axis on each side, none below 0.

    Example:

    ```mlir
    %y = heddle.pad %x {low = array<i64: 0, 0>, high = array<i64: 0, 2>} : (tensor<2x3xf32>) -> tensor<2x5xf32>
    ```
  }];
  let arguments = (ins Heddle_Tensor:$x, DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$high);
  let results = (outs Heddle_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
}

#endif
