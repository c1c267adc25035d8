// SPDX-License-Identifier: Apache-2.0
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

} // namespace

Tensor alibiBias(Wiring &w, Tensor positions) {
  if (!positions)
    return {};
  const proto::Alibi &alibi = w.definition.positions().alibi();
  auto rounded = [&](Tensor x) {
    if (!alibi.bf16())
      return x;
    return w.graph.cast(w.graph.cast(x, Element::bf16), Element::f32);
  };
  const Shape shape = positions.shape();
  Tensor place = w.graph.cast(positions, Element::f32);
  place = rounded(w.graph.reshape(place, {shape[0], 1, 1, shape[1]}));
  Tensor slopes = rounded(w.graph.constant({1, w.dims.heads, 1, 1}, alibiSlopes(w.dims.heads)));
  Tensor bias = rounded(slopes * place);
  bias = w.graph.cast(bias, w.number);
  return alibi.scaled() ? bias * scoreScale(w.definition, 0) : bias;
}

} // namespace heddle::frontend
