// SPDX-License-Identifier: Apache-2.0
// Which kernels may write a result over one of their operands.

#ifndef HEDDLE_PASSES_INPLACE_H
#define HEDDLE_PASSES_INPLACE_H

#include "ir/Dialect.h"

namespace heddle::passes {

/// Whether result `result` of the kernel may share the buffer of operand `input`: every element of
/// the operand is read before the kernel writes the same bytes, whatever the order and number of
/// threads. Generated code must keep to this contract:
///   - map kernels: the operand is read only at the element being written, and all operands of an
///     element are loaded before a result of it is stored;
///   - gemm: the operand only takes part in the epilogue, at the element being written; the
///   result's
///     buffer holds no partial sums before the operand has been read;
///   - row kernels: the operand is read only in the row being written, and completely before the
///     row's first store;
///   - adamw (param, m, v), cache_update (cache), embedding_grad (init): as the op says.
/// Everything else may not. Sizes must be equal; lifetimes are the caller's business.
bool mayShareBuffer(ir::KernelOp kernel, unsigned input, unsigned result);

} // namespace heddle::passes

#endif // HEDDLE_PASSES_INPLACE_H
