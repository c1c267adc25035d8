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
  let arguments = (ins Variadic<Heddle_Tensor>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
  let builders = [OpBuilder<(ins), [{ /* yields nothing */ }]>];
}

#endif
