// SPDX-License-Identifier: Apache-2.0
// Which bucket a distance between a key and its query falls into.

#ifndef HEDDLE_FRONTEND_BUILDER_RELATIVEBUCKETS_H
#define HEDDLE_FRONTEND_BUILDER_RELATIVEBUCKETS_H

#include <cstdint>

namespace heddle::frontend {

/// Of a key that stands `distance` places behind its query (before it: below 0). Where queries look
/// `ahead`, half of the buckets are for keys behind. Models were trained with logarithms in f32, so
/// every step here rounds to f32.
int64_t relativeBucket(int64_t distance, bool ahead, int64_t buckets, int64_t maxDistance);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_BUILDER_RELATIVEBUCKETS_H
