// SPDX-License-Identifier: Apache-2.0
// The loops over a tensor whose operands are strided windows: as few axes as all windows allow. No
// IR inside.

#ifndef HEDDLE_CODEGEN_BODY_ITERATIONSPACE_H
#define HEDDLE_CODEGEN_BODY_ITERATIONSPACE_H

#include <string>
#include <vector>

#include "ir/StridedView.h"

namespace heddle::codegen {

/// Starts as a shape; windows of that shape are added; collapse() merges neighbouring axes that lie
/// one inside the other in every window.
class IterationSpace {
public:
  explicit IterationSpace(std::vector<int64_t> shape)
      : shape_(std::move(shape)), apart_(shape_.size() + 1, false) {}

  /// The axes before `axis` are never merged with it.
  void keepApart(size_t axis) { apart_[axis] = true; }
  /// `view.sizes` is the shape. Returns the window's number.
  size_t add(ir::StridedView view);
  /// At least one axis is left; the last is the innermost loop.
  void collapse();

  const std::vector<int64_t> &shape() const { return shape_; }
  /// After collapse().
  const std::vector<int64_t> &sizes() const { return sizes_; }
  const std::vector<int64_t> &strides(size_t window) const { return strides_[window]; }
  int64_t offset(size_t window) const { return views_[window].offset; }
  int64_t innerStride(size_t window) const { return strides_[window].back(); }
  int64_t inner() const { return sizes_.back(); }
  /// The product of all axes but the innermost.
  int64_t rows() const;

private:
  std::vector<int64_t> shape_;
  std::vector<bool> apart_;
  std::vector<ir::StridedView> views_;
  std::vector<int64_t> sizes_;
  std::vector<std::vector<int64_t>> strides_;
};

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_BODY_ITERATIONSPACE_H
