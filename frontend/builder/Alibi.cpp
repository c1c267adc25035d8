// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cmath>

#include "frontend/builder/Wiring.h"

namespace heddle::frontend {
namespace {

/// Heads beyond a power of two take slopes of twice as many heads, every other one. Models were
/// trained with slopes computed in f32, so every step here rounds to f32.
std::vector<float> alibiSlopes(int64_t heads) {
  const auto power = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(heads)));
  auto base = [](int64_t count) {
    return static_cast<float>(std::exp2(-8 / static_cast<double>(count)));
  };
  std::vector<float> slopes;
  for (int64_t i = 1; i <= power; ++i)
    slopes.push_back(std::pow(base(power), static_cast<float>(i)));
  for (int64_t i = 1; static_cast<int64_t>(slopes.size()) < heads; i += 2)
    slopes.push_back(std::pow(base(2 * power), static_cast<float>(i)));
  return slopes;
}

/// To nearest, ties to even. Slopes are finite.
float roundToBf16(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  return std::bit_cast<float>((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000);
}

} // namespace

Tensor alibiBias(Wiring &w, Tensor positions) {
  if (!positions)
    return {};
  const proto::Alibi &alibi = w.definition.positions().alibi();
  auto rounded = [&](Tensor x) {
    return alibi.bf16() ? w.graph.cast(w.graph.cast(x, Element::bf16), Element::f32) : x;
  };
  std::vector<float> slopes = alibiSlopes(w.dims.heads);
  if (alibi.bf16())
    std::transform(slopes.begin(), slopes.end(), slopes.begin(), roundToBf16);
  const Shape shape = positions.shape();
  Tensor place = w.graph.cast(positions, Element::f32);
  place = rounded(w.graph.reshape(place, {shape[0], 1, 1, shape[1]}));
  Tensor bias = rounded(w.graph.floats({1, w.dims.heads, 1, 1}, slopes) * place);
  bias = w.graph.cast(bias, w.number);
  return alibi.scaled() ? bias * scoreScale(w.definition, 0) : bias;
}

} // namespace heddle::frontend
