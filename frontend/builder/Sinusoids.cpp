// SPDX-License-Identifier: Apache-2.0
// Positions as sines and cosines (arXiv:1706.03762, section 3.5).
#include <cmath>

#include "frontend/builder/Wiring.h"

namespace heddle::frontend {
namespace {

/// What position `position` turns the wave `wave` of `waves` by.
double angle(const proto::Sinusoidal &sinusoidal, int64_t position, int64_t wave, int64_t waves) {
  const int64_t last = sinusoidal.reach_theta() ? waves - 1 : waves;
  const auto place = static_cast<double>(position);
  if (!sinusoidal.f32())
    return place /
           std::pow(sinusoidal.theta(), static_cast<double>(wave) / static_cast<double>(last));
  const auto step = static_cast<float>(std::log(sinusoidal.theta()) / static_cast<double>(last));
  return static_cast<float>(position) * std::exp(-step * static_cast<float>(wave));
}

/// [rows, C]
Tensor table(Wiring &w, int64_t rows) {
  const proto::Sinusoidal &sinusoidal = w.definition.positions().sinusoidal();
  const int64_t width = w.dims.embeddingSum, waves = width / 2;
  std::vector<float> numbers(rows * width);
  for (int64_t position = 0; position < rows; ++position)
    for (int64_t wave = 0; wave < waves; ++wave) {
      const double turn = angle(sinusoidal, position, wave, waves);
      float *row = &numbers[position * width];
      row[sinusoidal.halves() ? wave : 2 * wave] = static_cast<float>(std::sin(turn));
      row[sinusoidal.halves() ? waves + wave : 2 * wave + 1] = static_cast<float>(std::cos(turn));
    }
  return w.graph.cast(w.graph.floats({rows, width}, numbers), w.number);
}

} // namespace

Tensor sinusoids(Wiring &w) {
  if (!w.positionIds)
    return table(w, w.seq);
  const int64_t rows = w.dims.positions > 0 ? w.dims.positions : w.seq;
  return w.graph.embedding(table(w, rows), *w.positionIds);
}

} // namespace heddle::frontend
