// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_CODEGEN_BODY_KERNELWORK_H
#define HEDDLE_CODEGEN_BODY_KERNELWORK_H

#include "ir/Dialect.h"

namespace heddle::codegen {

/// Bytes of the operands, each read or written once.
double operandBytes(ir::KernelOp kernel);
/// One operation an element of each op that computes.
double elementwiseFlops(ir::KernelOp kernel);
/// Multiplications and additions of the mathematics, whatever the form.
double kernelFlops(ir::KernelOp kernel);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_BODY_KERNELWORK_H
