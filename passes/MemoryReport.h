// SPDX-License-Identifier: Apache-2.0
// What `heddle inspect --memory` shows: the peak of a planned function, what lives there, and the
// lifetime of each tensor in the arena.

#ifndef HEDDLE_PASSES_MEMORYREPORT_H
#define HEDDLE_PASSES_MEMORYREPORT_H

#include <cstdint>
#include <string>
#include <vector>

namespace mlir::func {
class FuncOp;
}

namespace heddle::passes {

/// One tensor in the arena. Times are numbers of kernels, in the order of the plan: written by
/// kernel `first`, read for the last time by kernel `last`.
struct TensorLifetime {
  std::string name;  // the kernel's name, with "#1", "#2" for further results
  std::string layer; // "decoder.layers.7.attention", may be empty
  std::string type;  // "4x256x768xf32"
  int64_t bytes = 0;
  int64_t offset = 0;
  int first = 0;
  int last = 0;
};

struct MemoryReport {
  int64_t arenaBytes = 0;
  /// The largest sum of what is alive at one time, as the planner counted it.
  int64_t maxLiveBytes = 0;
  /// Memory of the caller: arguments, and results that are no new values of arguments.
  int64_t argumentBytes = 0;
  int64_t resultBytes = 0;
  int64_t constantBytes = 0;
  /// In the order in which they are written.
  std::vector<TensorLifetime> tensors;
  /// The kernel during which most bytes of the arena are taken, its name and layer, and those
  /// bytes. A result that overwrites an operand counts once.
  int peakKernel = 0;
  std::string peakKernelName;
  std::string peakLayer;
  int64_t peakBytes = 0;
  /// Indices into `tensors` of those alive at the peak, largest first.
  std::vector<size_t> aliveAtPeak;
};

/// Reads the plan that heddle-plan-memory wrote. A function that was not planned gives an empty
/// report.
MemoryReport memoryReport(mlir::func::FuncOp planned);

} // namespace heddle::passes

#endif // HEDDLE_PASSES_MEMORYREPORT_H
