// SPDX-License-Identifier: Apache-2.0
// Validation of images, of what conditions the layers, and of the heads that belong to them.

#ifndef HEDDLE_FRONTEND_VALIDATEIMAGES_H
#define HEDDLE_FRONTEND_VALIDATEIMAGES_H

#include "frontend/Validate.h"

namespace heddle::frontend {

/// Of a timestep's embedding: the model holds them.
inline constexpr int64_t kMaxFrequencies = 65'536;

/// The first thing wrong with patches, condition, adaptive norms or a head of noise. Sizes, norms
/// and attention were checked before.
std::optional<FieldError> findImageError(const proto::ModelDef &definition);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_VALIDATEIMAGES_H
