// SPDX-License-Identifier: Apache-2.0
// This machine's floating-point peak, measured: fused multiply-adds on registers and nothing else.

#ifndef HEDDLE_TOOLS_HEDDLE_PEAKLOOP_H
#define HEDDLE_TOOLS_HEDDLE_PEAKLOOP_H

#include "codegen/cpu/Target.h"

namespace heddle::tools {

/// GFLOP/s in f32 of `threads` threads, each pinned to a processor, with the instruction set `isa`:
/// the best of several short runs, because neighbours on the machine only ever slow one down.
double measureF32Peak(codegen::Isa isa, int threads);

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_HEDDLE_PEAKLOOP_H
