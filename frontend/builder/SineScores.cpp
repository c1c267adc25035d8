// SPDX-License-Identifier: Apache-2.0
// Scores that depend on the distance between query and key through sines, and on whether their
// tokens are of one type.
#include <algorithm>
#include <cmath>

#include "frontend/builder/Wiring.h"

namespace heddle::frontend {
namespace {

/// Models were trained with sines computed in f32, so every step here rounds to f32.
std::vector<float> sinesOf(const Wiring &w) {
  const int64_t width = w.dims.width, half = width / 2;
  const int64_t largest = w.definition.attention().distance_encoding().max_distance();
  std::vector<float> values;
  values.reserve((2 * w.seq - 1) * width);
  for (int64_t distance = w.seq - 1; distance > -w.seq; --distance) {
    const int64_t counted = largest > 0 ? std::clamp(distance, -largest, largest) : distance;
    std::vector<float> angles;
    for (int64_t p = 0; p < half; ++p) {
      const float exponent = static_cast<float>(2 * p) / static_cast<float>(width);
      angles.push_back(static_cast<float>(counted) * (1.0F / std::pow(10000.0F, exponent)));
    }
    for (float angle : angles)
      values.push_back(std::sin(angle));
    for (float angle : angles)
      values.push_back(std::cos(angle));
  }
  return values;
}

/// q plus one vector [H, D] for all.
Tensor withBias(Wiring &w, Tensor q, const ParameterSpec &bias) {
  Tensor vector = w.graph.reshape(w.graph.parameter(bias), {1, w.dims.heads, 1, w.dims.headDim});
  return q + vector;
}

/// q [B, H, T, D] times e_0 where both tokens are of one type, times e_1 elsewhere.
Tensor typeScores(Wiring &w, const DistanceParameters &parameters, Tensor q) {
  const int64_t b = w.batch, h = w.dims.heads, t = w.seq;
  Tensor table = w.graph.transpose(w.graph.parameter(*parameters.typeTable), {1, 0, 2});
  table = w.graph.reshape(table, {1, h, 2, w.dims.headDim});
  Tensor both = w.graph.matmul(withBias(w, q, *parameters.typeBias), table, /*transposeB=*/true);
  Tensor same = w.graph.slice(both, {0, 0, 0, 0}, {b, h, t, 1});
  Tensor other = w.graph.slice(both, {0, 0, 0, 1}, {b, h, t, 1});
  Tensor ofQuery = w.graph.reshape(*w.tokenTypeIds, {b, 1, t, 1});
  Tensor ofKey = w.graph.reshape(*w.tokenTypeIds, {b, 1, 1, t});
  Tensor differ = w.graph.notEqual(ofQuery, ofKey);
  return w.graph.select(differ, other, same);
}

} // namespace

Tensor distanceSines(Wiring &w) {
  Tensor sines = w.graph.floats({1, 2 * w.seq - 1, w.dims.width}, sinesOf(w));
  sines = w.graph.cast(sines, w.number);
  const double share = w.definition.dropout().distance();
  if (!w.rng || share == 0)
    return sines;
  // Every row of the batch draws a mask of its own.
  sines = sines + w.graph.cast(w.graph.floats({w.batch, 1, 1}, std::vector<float>(w.batch, 0.0F)),
                               w.number);
  return w.graph.dropout(sines, *w.rng, share, kSinesDropoutId);
}

Tensor sineScores(Wiring &w, const DistanceParameters &parameters, int64_t layer, Tensor q) {
  Tensor rows = linear(w, parameters.projection, *w.sines);
  if (!rows)
    return {};
  rows = w.graph.reshape(rows, {rows.shape()[0], 2 * w.seq - 1, w.dims.heads, w.dims.headDim});
  rows = w.graph.transpose(rows, {0, 2, 1, 3});
  Tensor biased = withBias(w, q, parameters.distanceBias);
  Tensor sum = skewed(w, w.graph.matmul(biased, rows, /*transposeB=*/true));
  if (parameters.typeTable)
    sum = sum + typeScores(w, parameters, q);
  return sum * scoreScale(w.definition, layer);
}

Tensor hiddenButSelf(Wiring &w) {
  const int64_t t = w.seq;
  std::vector<float> others(t * t, -1e30F);
  for (int64_t i = 0; i < t; ++i)
    others[i * t + i] = 0;
  Tensor zero = w.graph.scalar(0, Element::f32);
  Tensor one = w.graph.scalar(1, Element::f32);
  Tensor seen = w.graph.notEqual(*w.keyMask, w.graph.integer(0));
  Tensor hidden = w.graph.select(seen, zero, one);
  hidden = w.graph.reshape(hidden, {w.batch, 1, 1, t});
  return w.graph.cast(hidden * w.graph.floats({1, 1, t, t}, others), w.number);
}

} // namespace heddle::frontend
