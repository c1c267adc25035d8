// SPDX-License-Identifier: Apache-2.0
// The key/value cache of generation.
#include "codegen/cpu/InputWindow.h"
#include "codegen/cpu/KernelModule.h"
#include "codegen/cpu/LaneMemory.h"
#include "codegen/cpu/SingleOps.h"

using namespace mlir;

namespace heddle::codegen {

/// A task is a head of a batch row. Where the cache is its own new value, only the new rows move.
SingleResult generateCacheUpdate(ir::KernelOp kernel, ir::CacheUpdateOp op, const Target &target,
                                 std::string *reason) {
  KernelModule module(kernel);
  ImplicitLocOpBuilder &b = module.builder();
  FailureOr<InputWindow> cache = InputWindow::of(op.getCache(), reason);
  FailureOr<InputWindow> x = InputWindow::of(op.getX(), reason);
  FailureOr<InputWindow> positions = InputWindow::of(op.getPositions(), reason);
  if (failed(cache) || failed(x) || failed(positions))
    return failure();
  ArrayRef<int64_t> cacheShape = op.getY().getType().getShape();
  int64_t heads = cacheShape[1], keys = cacheShape[2], size = cacheShape[3];
  int64_t added = cast<RankedTensorType>(op.getX().getType()).getShape()[2];
  ScratchLayout none;
  emitEntry(b, "cache_update", operandBufferTypes(kernel), none.type(b),
            [&](const EntryArguments &entry) {
              for (InputWindow *window : {&*cache, &*x, &*positions})
                window->bind(b, entry.operands);
              Value output = entry.operands.back();
              forLoop(b, entry.begin, entry.end, 1, [&](Value task) {
                Value row = divIndex(b, task, heads), head = remIndex(b, task, heads);
                Value start = mulIndex(b, task, keys * size);
                auto line = [&](Value key) { return addIndex(b, start, mulIndex(b, key, size)); };
                ifThen(
                    b, sameBuffer(b, cache->buffer(), output), [] {},
                    [&] {
                      forLoop(b, constantIndex(b, 0), constantIndex(b, keys), 1, [&](Value key) {
                        emitCopy(b, target.lanes(), cache->buffer(),
                                 cache->offset(b, {row, head, key}), cache->stride(3), output,
                                 line(key), size);
                      });
                    });
                Value position = positions->loadIndex(b, positions->offset(b, {row}));
                forLoop(b, constantIndex(b, 0), constantIndex(b, added), 1, [&](Value t) {
                  emitCopy(b, target.lanes(), x->buffer(), x->offset(b, {row, head, t}),
                           x->stride(3), output, line(addIndex(b, position, t)), size);
                });
              });
            });
  return module.finish("cache_update", cacheShape[0] * heads, /*scratchBytes=*/0, /*flops=*/0);
}

} // namespace heddle::codegen
