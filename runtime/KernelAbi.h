// SPDX-License-Identifier: Apache-2.0
// The calling convention of a compiled kernel.

#ifndef HEDDLE_RUNTIME_KERNELABI_H
#define HEDDLE_RUNTIME_KERNELABI_H

#include <cstdint>

namespace heddle::runtime {

/// Runs tasks [begin, end) of a launch. `operands` are the kernel's inputs, then its outputs, as
/// dense row-major buffers aligned to 64 bytes. `scratch` is this thread's own, aligned to 64
/// bytes, of the launch's scratch_bytes. Tasks write disjoint memory and each task's result does
/// not depend on how tasks are grouped, so any split over threads gives the same bits.
using KernelFunction = void (*)(void *const *operands, int64_t begin, int64_t end, void *scratch);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_KERNELABI_H
