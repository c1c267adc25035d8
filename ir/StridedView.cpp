// SPDX-License-Identifier: Apache-2.0
#include "ir/StridedView.h"

namespace heddle::ir {

StridedView StridedView::dense(const std::vector<int64_t> &shape) {
  StridedView view{0, shape, std::vector<int64_t>(shape.size(), 1)};
  for (int axis = static_cast<int>(shape.size()) - 2; axis >= 0; --axis)
    view.strides[axis] = view.strides[axis + 1] * shape[axis + 1];
  return view;
}

StridedView StridedView::transposed(const std::vector<int64_t> &permutation) const {
  StridedView result{offset, {}, {}};
  for (int64_t axis : permutation) {
    result.sizes.push_back(sizes[axis]);
    result.strides.push_back(strides[axis]);
  }
  return result;
}

StridedView StridedView::sliced(const std::vector<int64_t> &offsets,
                                const std::vector<int64_t> &newSizes) const {
  StridedView result{offset, newSizes, strides};
  for (size_t axis = 0; axis < offsets.size(); ++axis)
    result.offset += offsets[axis] * strides[axis];
  return result;
}

StridedView StridedView::broadcastTo(const std::vector<int64_t> &shape) const {
  StridedView result{offset, shape, std::vector<int64_t>(shape.size(), 0)};
  size_t added = shape.size() - sizes.size();
  for (size_t axis = 0; axis < sizes.size(); ++axis)
    if (sizes[axis] == shape[axis + added])
      result.strides[axis + added] = strides[axis];
  return result;
}

std::optional<StridedView> StridedView::reshaped(const std::vector<int64_t> &shape) const {
  // Merge neighbouring axes that lie one inside the other without a gap; each merged run can then
  // be split again in any way whose products match.
  std::vector<int64_t> runSizes, runStrides;
  for (size_t axis = 0; axis < sizes.size(); ++axis) {
    if (sizes[axis] == 1)
      continue;
    if (!runSizes.empty() && runStrides.back() == sizes[axis] * strides[axis]) {
      runSizes.back() *= sizes[axis];
      runStrides.back() = strides[axis];
    } else {
      runSizes.push_back(sizes[axis]);
      runStrides.push_back(strides[axis]);
    }
  }
  StridedView result{offset, shape, std::vector<int64_t>(shape.size(), 0)};
  int axis = static_cast<int>(shape.size()) - 1;
  for (int run = static_cast<int>(runSizes.size()) - 1; run >= 0; --run) {
    int64_t left = runSizes[run], stride = runStrides[run];
    while (left > 1) {
      if (axis < 0 || left % shape[axis] != 0)
        return std::nullopt;
      result.strides[axis] = stride;
      stride *= shape[axis];
      left /= shape[axis--];
    }
  }
  // What is left over are axes of size 1; give them the stride of the axis inside, as dense() does.
  for (int i = static_cast<int>(shape.size()) - 1; i >= 0; --i)
    if (shape[i] == 1)
      result.strides[i] =
          i + 1 < static_cast<int>(shape.size()) ? result.strides[i + 1] * shape[i + 1] : 1;
  return result;
}

int64_t StridedView::elements() const {
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  return count;
}

bool StridedView::isDense() const {
  int64_t expected = 1;
  for (int axis = static_cast<int>(sizes.size()) - 1; axis >= 0; --axis) {
    if (sizes[axis] != 1 && strides[axis] != expected)
      return false;
    expected *= sizes[axis];
  }
  return true;
}

} // namespace heddle::ir
