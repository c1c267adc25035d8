// SPDX-License-Identifier: Apache-2.0
// The unit of code generation: ops that run as one launch.

#ifndef HEDDLE_IR_KERNELOPS_TD
#define HEDDLE_IR_KERNELOPS_TD

include "ir/Dialect.td"

def KernelOp : Heddle_PureOp<"kernel",
    [IsolatedFromAbove, SingleBlockImplicitTerminator<"::heddle::ir::YieldOp">]> {
  let summary = "ops that run as one kernel";
  let description = [{
    The block's arguments are the operands, each a dense row-major buffer; the yielded
    values are the results, dense too. The body is ordinary heddle ops on the same
    tensors, so that its meaning is that of the body inlined. Two kernels with equal
    bodies share one compiled function. `offsets` (set by plan-memory) are the byte
    offsets of the results in the arena, or -1 for a buffer that the caller owns.

    Example:

    ```mlir
    func.func @example(%x: tensor<2x3xf32>, %bias: tensor<3xf32>) -> tensor<2x3xf32> {
      %y = heddle.kernel "decoder.layers.0.add" (%a = %x, %b = %bias)
          : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32> {
        %s = heddle.add %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
        heddle.yield %s : tensor<2x3xf32>
      }
      return %y : tensor<2x3xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<Heddle_Tensor>:$inputs, StrAttr:$name,
                       OptionalAttr<DenseI64ArrayAttr>:$offsets);
  let results = (outs Variadic<Heddle_Tensor>:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def YieldOp : Heddle_PureOp<"yield", [Terminator, ReturnLike, HasParent<"::heddle::ir::KernelOp">]> {
  let summary = "the results of a kernel";
  let description = [{
    One value per result of the kernel, of its type.

    Example:

    ```mlir
    func.func @example(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
      %y:2 = heddle.kernel "twice" (%a = %x) : (tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
        heddle.yield %a, %a : tensor<2xf32>, tensor<2xf32>
      }
      return %y#0, %y#1 : tensor<2xf32>, tensor<2xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<Heddle_Tensor>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
  let builders = [OpBuilder<(ins), [{ /* yields nothing */ }]>];
}

#endif
