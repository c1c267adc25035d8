// SPDX-License-Identifier: Apache-2.0
#include "codegen/body/IterationSpace.h"

namespace heddle::codegen {

size_t IterationSpace::add(ir::StridedView view) {
  views_.push_back(std::move(view));
  return views_.size() - 1;
}

void IterationSpace::collapse() {
  sizes_.clear();
  strides_.assign(views_.size(), {});
  bool mayMerge = false; // with the axis before
  for (size_t axis = 0; axis < shape_.size(); ++axis) {
    mayMerge = mayMerge && !apart_[axis];
    // An axis of one element is no loop, unless it must stand alone.
    if (shape_[axis] == 1 && !apart_[axis])
      continue;
    bool nests = mayMerge && !sizes_.empty();
    for (size_t v = 0; nests && v < views_.size(); ++v)
      nests = strides_[v].back() == views_[v].strides[axis] * shape_[axis];
    if (nests)
      sizes_.back() *= shape_[axis];
    else
      sizes_.push_back(shape_[axis]);
    for (size_t v = 0; v < views_.size(); ++v) {
      if (nests)
        strides_[v].back() = views_[v].strides[axis];
      else
        strides_[v].push_back(views_[v].strides[axis]);
    }
    mayMerge = true;
  }
  if (sizes_.empty()) {
    sizes_.push_back(1);
    for (std::vector<int64_t> &strides : strides_)
      strides.push_back(0);
  }
}

int64_t IterationSpace::rows() const {
  int64_t rows = 1;
  for (size_t axis = 0; axis + 1 < sizes_.size(); ++axis)
    rows *= sizes_[axis];
  return rows;
}

} // namespace heddle::codegen
