// SPDX-License-Identifier: Apache-2.0
#include "frontend/builder/RelativeBuckets.h"

#include <algorithm>
#include <cmath>

namespace heddle::frontend {

int64_t relativeBucket(int64_t distance, bool ahead, int64_t buckets, int64_t maxDistance) {
  int64_t first = 0;
  if (ahead) {
    buckets /= 2;
    first = distance > 0 ? buckets : 0;
    distance = std::abs(distance);
  } else {
    distance = std::max<int64_t>(-distance, 0);
  }
  const int64_t exact = buckets / 2; // buckets of one distance
  if (distance < exact)
    return first + distance;
  const auto scale =
      static_cast<float>(std::log(static_cast<double>(maxDistance) / static_cast<double>(exact)));
  const float share = std::log(static_cast<float>(distance) / static_cast<float>(exact)) / scale;
  const auto step = static_cast<int64_t>(share * static_cast<float>(buckets - exact));
  return first + std::min(exact + step, buckets - 1);
}

} // namespace heddle::frontend
