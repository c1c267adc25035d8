// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/Positions.h"

#include <algorithm>

namespace heddle::runtime {

StatusOr<Tensor> positionsFromMask(const Tensor &mask) {
  HEDDLE_ASSIGN_OR_RETURN(Tensor visible, convertTensor(mask, DType::I32, "attention_mask"));
  const int64_t T = mask.shape.empty() ? 1 : std::max<int64_t>(1, mask.shape.back());
  std::vector<int32_t> positions(visible.elements());
  int32_t seen = 0;
  for (int64_t i = 0; i < visible.elements(); ++i) {
    if (i % T == 0)
      seen = 0;
    const bool counts = visible.as<int32_t>()[i] != 0;
    positions[i] = counts ? seen : -1;
    seen += counts ? 1 : 0;
  }
  return Tensor::of(DType::I32, mask.shape, positions);
}

} // namespace heddle::runtime
