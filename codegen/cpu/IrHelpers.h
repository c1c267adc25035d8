// SPDX-License-Identifier: Apache-2.0
// Short names for the ops that the matrix kernels are made of. Constants fold as they are built, so
// that the generated text stays small.

#ifndef HEDDLE_CODEGEN_CPU_IRHELPERS_H
#define HEDDLE_CODEGEN_CPU_IRHELPERS_H

#include <functional>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace heddle::codegen {

mlir::Value constantIndex(mlir::ImplicitLocOpBuilder &b, int64_t value);
mlir::Value constantFloat(mlir::ImplicitLocOpBuilder &b, double value);

mlir::Value addIndex(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Value y);
mlir::Value addIndex(mlir::ImplicitLocOpBuilder &b, mlir::Value x, int64_t y);
mlir::Value subIndex(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Value y);
mlir::Value mulIndex(mlir::ImplicitLocOpBuilder &b, mlir::Value x, int64_t y);
/// x / y and x % y for x >= 0.
mlir::Value divIndex(mlir::ImplicitLocOpBuilder &b, mlir::Value x, int64_t y);
mlir::Value remIndex(mlir::ImplicitLocOpBuilder &b, mlir::Value x, int64_t y);
mlir::Value minIndex(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Value y);
mlir::Value maxIndex(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Value y);
mlir::Value lessThan(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Value y);
mlir::Value equals(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Value y);

mlir::VectorType f32Vector(mlir::ImplicitLocOpBuilder &b, int64_t lanes);
mlir::Value splat(mlir::ImplicitLocOpBuilder &b, int64_t lanes, double value);
mlir::Value broadcast(mlir::ImplicitLocOpBuilder &b, int64_t lanes, mlir::Value scalar);
mlir::Value loadScalar(mlir::ImplicitLocOpBuilder &b, mlir::Value buffer, mlir::Value offset);
void storeScalar(mlir::ImplicitLocOpBuilder &b, mlir::Value value, mlir::Value buffer,
                 mlir::Value offset);
/// `mask` may be null: all lanes. Lanes that are off read as zero and are not written.
mlir::Value loadVector(mlir::ImplicitLocOpBuilder &b, int64_t lanes, mlir::Value buffer,
                       mlir::Value offset, mlir::Value mask = {});
void storeVector(mlir::ImplicitLocOpBuilder &b, mlir::Value vector, mlir::Value buffer,
                 mlir::Value offset, mlir::Value mask = {});
/// Asks for the cache line of an element that will be read: into L1 with locality 3, L2 with 2.
/// Addresses outside of the buffer do no harm.
void prefetch(mlir::ImplicitLocOpBuilder &b, mlir::Value buffer, mlir::Value offset,
              int locality = 3);
/// The first `active` lanes; null when that is all of them.
mlir::Value prefixMask(mlir::ImplicitLocOpBuilder &b, int64_t lanes, int64_t active);
/// As above with a count known at run time (never null).
mlir::Value prefixMask(mlir::ImplicitLocOpBuilder &b, int64_t lanes, mlir::Value active);
/// x * y + z in one rounding where the target has the instruction.
mlir::Value multiplyAdd(mlir::ImplicitLocOpBuilder &b, bool fused, mlir::Value x, mlir::Value y,
                        mlir::Value z);
/// The larger of numbers, lane by lane, in one instruction; NaN may get lost.
mlir::Value larger(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Value y);
mlir::Value sumOfLanes(mlir::ImplicitLocOpBuilder &b, mlir::Value vector);

/// for (i = low; i < high; i += step) body(i)
void forLoop(mlir::ImplicitLocOpBuilder &b, mlir::Value low, mlir::Value high, int64_t step,
             const std::function<void(mlir::Value)> &body);
/// The same with values carried from one iteration to the next; returns the last ones.
mlir::SmallVector<mlir::Value>
forLoop(mlir::ImplicitLocOpBuilder &b, mlir::Value low, mlir::Value high, int64_t step,
        mlir::ValueRange carried,
        const std::function<mlir::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)> &body);
void ifThen(mlir::ImplicitLocOpBuilder &b, mlir::Value condition,
            const std::function<void()> &thenBody, const std::function<void()> &elseBody = {});

/// A private function that is never inlined, so that register allocation in one cannot disturb
/// another; `body` gets its arguments and writes everything but the return.
mlir::func::FuncOp privateFunction(mlir::ImplicitLocOpBuilder &b, llvm::StringRef name,
                                   mlir::TypeRange arguments,
                                   const std::function<void(mlir::Block::BlockArgListType)> &body);
void call(mlir::ImplicitLocOpBuilder &b, mlir::func::FuncOp function, mlir::ValueRange arguments);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_IRHELPERS_H
