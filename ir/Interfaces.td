// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_IR_INTERFACES_TD
#define HEDDLE_IR_INTERFACES_TD

include "mlir/IR/OpBase.td"

// Marks ops that compute each element of the result from the elements of the
// operands at the same (numpy-broadcast) position, and from nothing else.
def ElementwiseTrait : NativeOpTrait<"ElementwiseTrait"> {
  let cppNamespace = "::heddle::ir";
}

// Marks ops that only rename the elements of their operand: reshape, transpose,
// slice, broadcast.
def ViewTrait : NativeOpTrait<"ViewTrait"> {
  let cppNamespace = "::heddle::ir";
}

def DecomposableOpInterface : OpInterface<"DecomposableOpInterface"> {
  let cppNamespace = "::heddle::ir";
  let description = [{
    A composite op that can be written out in simpler ops of this dialect. The
    decomposition is the op's meaning, its fallback where no kernel fits, and
    its gradient where no better rule exists.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds the equivalent ops at the builder's insertion point and returns one
      value per result of this op; a null value for a result that has no use.
      The op itself is left in place.
    }], "::llvm::SmallVector<::mlir::Value>", "decompose",
    (ins "::mlir::OpBuilder &":$builder)>
  ];
}

def DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let cppNamespace = "::heddle::ir";
  let description = [{
    An op with a rule for reverse-mode differentiation. Models are attached by
    the passes library (passes/autodiff), one family a file.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds the vector-Jacobian product. `gradients` holds one value per result,
      null where the result does not influence the loss. Returns one value per
      operand, null where no gradient flows (integers, masks).
    }], "::llvm::SmallVector<::mlir::Value>", "differentiate",
    (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$gradients)>
  ];
}

#endif
