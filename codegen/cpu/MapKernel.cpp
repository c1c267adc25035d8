// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/MapKernel.h"

#include "codegen/cpu/KernelModule.h"
#include "codegen/cpu/LaneTasks.h"
#include "codegen/cpu/TransposeKernel.h"
#include "ir/KernelForms.h"

using namespace mlir;

namespace heddle::codegen {
FailureOr<GeneratedKernel> generateMap(ir::KernelOp kernel, const Target &target,
                                       std::string *reason) {
  if (std::optional<GeneratedKernel> transposed = generateTranspose(kernel, target))
    return std::move(*transposed);
  KernelModule module(kernel);
  ImplicitLocOpBuilder &b = module.builder();
  SmallVector<Value> stored;
  for (Value yielded : kernel.getBody().front().getTerminator()->getOperands())
    stored.push_back(storedValue(yielded));
  auto shape = cast<RankedTensorType>(stored.front().getType()).getShape().vec();
  LaneKernel lanes(b, target, kernel, shape, reason);
  for (Value value : stored)
    lanes.reads().addLeaves(value);
  if (!lanes.ok())
    return failure();
  lanes.space().collapse();
  LaneTasks tasks(lanes);
  ScratchLayout none;
  emitEntry(b, "map", operandBufferTypes(kernel), none.type(b), [&](const EntryArguments &entry) {
    lanes.bind(entry.operands);
    tasks.emit(entry.begin, entry.end, [&](LanePoint &point, Value offset) {
      // All loads stand before the first store: an output may replace an input.
      SmallVector<Value> results;
      for (Value value : stored)
        results.push_back(lanes.lanes(point, value));
      unsigned operand = kernel.getNumOperands();
      for (Value result : results)
        lanes.store(result, operand++, offset, point.mask);
    });
  });
  if (!lanes.ok())
    return failure();
  return module.finish("map", tasks.count(), /*scratchBytes=*/0, elementwiseFlops(kernel));
}

} // namespace heddle::codegen
