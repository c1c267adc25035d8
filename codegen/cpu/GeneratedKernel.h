// SPDX-License-Identifier: Apache-2.0
// What each CPU kernel generator hands to the compiler.

#ifndef HEDDLE_CODEGEN_CPU_GENERATEDKERNEL_H
#define HEDDLE_CODEGEN_CPU_GENERATEDKERNEL_H

#include <cstdint>
#include <string>

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace heddle::codegen {

/// One kernel in MLIR's vector, scf, memref and arith dialects. `module` holds a function
///   func.func @<entry>(%operand0: memref<N0xf32>, ..., %begin: index, %end: index,
///                      %scratch: memref<Sxf32>)
/// and private functions it calls. Operands are the heddle.kernel's inputs, then its outputs: flat
/// buffers with a static number of elements (i1 as i8, a scalar as one element), lowered with the
/// bare-pointer calling convention. Inputs and outputs may be the same memory where plan-memory
/// says so: a kernel reads an element of an input no later than it writes the same element of an
/// output.
///
/// Tasks [begin, end) of [0, tasks) run in one call; tasks write disjoint memory and give the same
/// bits however they are grouped into calls. `scratchBytes` is per thread, aligned to 64 bytes.
struct GeneratedKernel {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string entry;
  int64_t tasks = 1;
  int64_t scratchBytes = 0;
  double flops = 0; // multiplications and additions of the mathematics, not of the implementation
  double bytes = 0; // operands read once, results written once
};

/// Tasks that a kernel is cut into where its shape allows: a few for each of many threads, so that
/// none waits long for the last.
constexpr int64_t kWantedTasks = 48;

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_GENERATEDKERNEL_H
