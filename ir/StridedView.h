// SPDX-License-Identifier: Apache-2.0
// A tensor as a strided window on a dense buffer: what a kernel needs to read an operand through a
// chain of reshape, transpose, slice and broadcast without a copy. Plain class, no IR inside.

#ifndef HEDDLE_IR_STRIDEDVIEW_H
#define HEDDLE_IR_STRIDEDVIEW_H

#include <cstdint>
#include <optional>
#include <vector>

namespace heddle::ir {

/// Element [i0, i1, ...] of the tensor is element `offset + sum(i * stride)` of the buffer. A
/// broadcast axis has stride 0. All counts are in elements.
struct StridedView {
  int64_t offset = 0;
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;

  /// The whole of a dense row-major buffer.
  static StridedView dense(const std::vector<int64_t> &shape);

  /// Axis i of the result is axis permutation[i] of this.
  StridedView transposed(const std::vector<int64_t> &permutation) const;

  /// The window of `sizes` that starts at `offsets`.
  StridedView sliced(const std::vector<int64_t> &offsets, const std::vector<int64_t> &sizes) const;

  /// numpy.broadcast_to: new leading axes and axes of size 1 get stride 0.
  StridedView broadcastTo(const std::vector<int64_t> &shape) const;

  /// The same elements in row-major order under another shape, or nothing when that is no strided
  /// access (the reshape would need a copy).
  std::optional<StridedView> reshaped(const std::vector<int64_t> &shape) const;

  int64_t elements() const;
  bool isDense() const;
};

} // namespace heddle::ir

#endif // HEDDLE_IR_STRIDEDVIEW_H
