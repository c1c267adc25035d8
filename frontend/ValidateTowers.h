// SPDX-License-Identifier: Apache-2.0
// Validation of what gives one vector for a sequence, and of a tower for images beside the texts'.

#ifndef HEDDLE_FRONTEND_VALIDATETOWERS_H
#define HEDDLE_FRONTEND_VALIDATETOWERS_H

#include "frontend/Validate.h"

namespace heddle::frontend {

/// The first thing wrong with the pooler, a head that projects, or the image tower. All else was
/// checked before.
std::optional<FieldError> findTowerError(const proto::ModelDef &definition);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_VALIDATETOWERS_H
