// SPDX-License-Identifier: Apache-2.0
// The heddle dialect: ops, enums, interfaces. Heavy; include it in .cpp files where you can.

#ifndef HEDDLE_IR_DIALECT_H
#define HEDDLE_IR_DIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "ir/Traits.h"

#include "ir/Enums.h.inc"
#include "ir/Interfaces.h.inc"

#include "ir/Dialect.h.inc"

#define GET_OP_CLASSES
#include "ir/Ops.h.inc"

#endif // HEDDLE_IR_DIALECT_H
