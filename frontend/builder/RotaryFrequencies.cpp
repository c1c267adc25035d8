// SPDX-License-Identifier: Apache-2.0
#include "frontend/builder/RotaryFrequencies.h"

#include <cmath>
#include <numbers>

namespace heddle::frontend {
namespace {

/// Long waves by `factor` slower, short ones as they are, a smooth passage between.
float scaleLlama3(const proto::Llama3Scaling &scaling, float frequency) {
  const auto factor = static_cast<float>(scaling.factor());
  const double low = scaling.low_frequency_factor(), high = scaling.high_frequency_factor();
  const auto trained = static_cast<double>(scaling.original_max_positions());
  const float wavelength = static_cast<float>(2 * std::numbers::pi) / frequency;
  if (wavelength > static_cast<float>(trained / low))
    return frequency / factor;
  if (wavelength < static_cast<float>(trained / high))
    return frequency;
  const float smooth = (static_cast<float>(trained) / wavelength - static_cast<float>(low)) /
                       static_cast<float>(high - low);
  return (1.0f - smooth) * frequency / factor + smooth * frequency;
}

} // namespace

std::vector<double> rotaryFrequencies(const proto::Rotary &rotary, int64_t headDim) {
  const auto turning = static_cast<int64_t>(static_cast<double>(headDim) * rotary.fraction());
  std::vector<double> frequencies;
  for (int64_t i = 0; i < turning; i += 2) {
    const float exponent = static_cast<float>(i) / static_cast<float>(turning);
    float frequency = 1.0f / std::pow(static_cast<float>(rotary.theta()), exponent);
    if (rotary.has_linear())
      frequency /= static_cast<float>(rotary.linear().factor());
    else if (rotary.has_llama3())
      frequency = scaleLlama3(rotary.llama3(), frequency);
    frequencies.push_back(frequency);
  }
  return frequencies;
}

} // namespace heddle::frontend
