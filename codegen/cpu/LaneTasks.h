// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_CODEGEN_CPU_LANETASKS_H
#define HEDDLE_CODEGEN_CPU_LANETASKS_H

#include "codegen/cpu/LaneKernel.h"

namespace heddle::codegen {

/// Cuts a collapsed iteration space into tasks: blocks of rows, or pieces of a row where rows are
/// long.
class LaneTasks {
public:
  explicit LaneTasks(LaneKernel &lanes);

  int64_t count() const;
  /// Runs `body` at every vector of tasks [begin, end). `offset` is the linear index of lane 0.
  void emit(mlir::Value begin, mlir::Value end,
            const std::function<void(LanePoint &, mlir::Value offset)> &body);

private:
  LaneKernel &lanes_;
  int64_t rows_, piecesPerRow_, rowsPerTask_;
};

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_LANETASKS_H
