// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/LaneTasks.h"

using namespace mlir;

namespace heddle::codegen {

LaneTasks::LaneTasks(LaneKernel &lanes) : lanes_(lanes), rows_(lanes.space().rows()) {
  int64_t inner = lanes.space().inner();
  piecesPerRow_ = (inner + kTaskElements - 1) / kTaskElements;
  rowsPerTask_ = std::max<int64_t>(1, kTaskElements / inner);
}

int64_t LaneTasks::count() const {
  return piecesPerRow_ > 1 ? rows_ * piecesPerRow_ : (rows_ + rowsPerTask_ - 1) / rowsPerTask_;
}

void LaneTasks::emit(Value begin, Value end, const std::function<void(LanePoint &, Value)> &body) {
  ImplicitLocOpBuilder &b = lanes_.builder();
  int64_t inner = lanes_.space().inner();
  auto atPoint = [&](LanePoint &point) {
    body(point, addIndex(b, mulIndex(b, lanes_.row(), inner), point.column));
  };
  if (piecesPerRow_ == 1) {
    Value low = mulIndex(b, begin, rowsPerTask_);
    Value high = minIndex(b, mulIndex(b, end, rowsPerTask_), constantIndex(b, rows_));
    return forLoop(b, low, high, 1, [&](Value row) {
      lanes_.beginRow(row);
      lanes_.forColumns(atPoint);
    });
  }
  forLoop(b, begin, end, 1, [&](Value task) {
    lanes_.beginRow(divIndex(b, task, piecesPerRow_));
    Value low = mulIndex(b, remIndex(b, task, piecesPerRow_), kTaskElements);
    Value high = minIndex(b, addIndex(b, low, kTaskElements), constantIndex(b, inner));
    lanes_.forColumns(low, high, atPoint);
  });
}

} // namespace heddle::codegen
