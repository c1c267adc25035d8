// SPDX-License-Identifier: Apache-2.0
// By what angle each pair of a head's components turns per position.

#ifndef HEDDLE_FRONTEND_BUILDER_ROTARYFREQUENCIES_H
#define HEDDLE_FRONTEND_BUILDER_ROTARYFREQUENCIES_H

#include <cstdint>
#include <vector>

#include "frontend/ModelDef.pb.h"

namespace heddle::frontend {

/// One number a pair, R/2 of them. Models were trained with frequencies computed in f32, so every
/// step here rounds to f32.
std::vector<double> rotaryFrequencies(const proto::Rotary &rotary, int64_t headDim);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_BUILDER_ROTARYFREQUENCIES_H
